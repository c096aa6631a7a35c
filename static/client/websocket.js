/**
 * The WebSocket face of the service; see transports.js for the contract.
 *
 * A browser cannot set headers on a WebSocket, so the token travels in the query, which the service does not log.
 */

import { ABNORMAL, readClose } from './close_codes.js';

const OPEN = 1; // WebSocket.OPEN

export const websocket = Object.freeze({
  name: 'ws',

  /** @param {import('./transports.js').OpenRequest} request */
  open({ baseUrl, token, cursor, onOpen, onMessage, onClose }, WebSocket = globalThis.WebSocket) {
    const url = new URL('realtime/ws', baseUrl);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('access_token', token);
    if (cursor !== null) url.searchParams.set('cursor', cursor);

    let closed = false;
    const close = () => {
      closed = true;
      socket?.close();
    };
    const end = (reason) => {
      if (closed) return;
      close();
      onClose(reason);
    };

    let socket = null;
    try {
      socket = new WebSocket(url.href);
    } catch (error) { // a policy of the page or no such class: the next transport's turn
      queueMicrotask(() => end({ code: ABNORMAL, name: error.name }));
      return { send() {}, renew: async () => false, close };
    }
    socket.onopen = () => closed || onOpen?.();
    socket.onmessage = ({ data }) => {
      if (closed) return;
      let message;
      try {
        message = JSON.parse(data);
      } catch {
        end({ code: ABNORMAL, name: 'malformed_message' });
        return;
      }
      onMessage(message);
    };
    socket.onclose = (frame) => end(readClose(frame));

    const send = (message) => {
      if (socket.readyState !== OPEN) return false;
      socket.send(JSON.stringify(message));
      return true;
    };
    return {
      send,
      // The service answers only if it refuses; then it ends the connection when the old token expires.
      renew: async (newToken) => send({ type: 'auth', token: newToken }),
      close,
    };
  },
});
