/**
 * The SSE face of the service; see transports.js for the contract.
 *
 * Read with fetch rather than EventSource, which cannot send the token in a header, hides a 401, and reconnects by a
 * schedule of its own.
 */

import { ABNORMAL } from './close_codes.js';
import { bearer, postAck, postToken, refusal } from './http.js';
import { SseParser } from './sse_parser.js';

export const sse = Object.freeze({
  name: 'sse',

  /** @param {import('./transports.js').OpenRequest} request */
  open(request, fetch = globalThis.fetch) {
    const abort = new AbortController();
    const closed = () => abort.signal.aborted;
    let { token } = request; // of later requests; the stream keeps the one it began with until it is renewed

    read(request, abort.signal, fetch)
      .catch((error) => ({ code: ABNORMAL, name: error.name }))
      .then((reason) => {
        if (closed()) return;
        abort.abort(); // also ends a stream that was left in the middle
        request.onClose(reason);
      });

    return {
      send({ type, cursor }) {
        if (type === 'ack' && !closed()) postAck(fetch, { ...request, token }, cursor);
      },
      renew(newToken) {
        const renewed = postToken(fetch, { ...request, token }, newToken);
        token = newToken;
        return renewed;
      },
      close: () => abort.abort(),
    };
  },
});

/**
 * Reads the stream to its end.
 *
 * @param {import('./transports.js').OpenRequest} request
 * @param {AbortSignal} signal
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<import('./close_codes.js').CloseReason>}
 */
async function read({ baseUrl, token, cursor, onOpen, onMessage }, signal, fetch) {
  const headers = { ...bearer(token), Accept: 'text/event-stream' };
  if (cursor !== null) headers['Last-Event-ID'] = cursor;
  const response = await fetch(new URL('realtime/sse', baseUrl), { headers, signal, cache: 'no-store' });
  if (!response.ok) return refusal(response);

  if (!signal.aborted) onOpen?.();
  const parser = new SseParser();
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true }); // the parser removes the BOM, once
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { code: ABNORMAL, name: 'stream_ended', retryMs: parser.retryMs ?? 0 };
    for (const { event, data } of parser.push(decoder.decode(value, { stream: true }))) {
      if (signal.aborted) return { code: ABNORMAL };
      const message = JSON.parse(data);
      if (event === 'close') {
        const { code, name, reconnect } = message;
        return { code, name, reconnect, retryMs: parser.retryMs ?? 0 };
      }
      onMessage(message);
    }
  }
}
