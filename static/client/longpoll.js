/**
 * The long-poll face of the service; see transports.js for the contract.
 *
 * One request after the other, each carrying the cursor of the last answer. The answers are turned into the messages
 * that the other wires carry: `ready` from the first one (and from each that brings a snapshot), then the events, and a
 * heartbeat for an answer without any.
 */

import { ABNORMAL, TRY_LATER } from './close_codes.js';
import { bearer, postAck, refusal } from './http.js';

/** The longest a request is held by the service when nothing happens. */
const WAIT_S = 25;

/** An empty answer sooner than this was not held: the service is leaving. Asking again at once would be a busy loop. */
const HELD_MS_MIN = 100;

export const longpoll = Object.freeze({
  name: 'poll',

  /** @param {import('./transports.js').OpenRequest} request */
  open(request, fetch = globalThis.fetch) {
    const abort = new AbortController();
    request = { ...request }; // its token is changed by `renew`; every request reads it anew
    const closed = () => abort.signal.aborted;

    poll(request, abort.signal, fetch)
      .catch((error) => ({ code: ABNORMAL, name: error.name }))
      .then((reason) => {
        if (closed()) return;
        abort.abort();
        request.onClose(reason);
      });

    return {
      send({ type, cursor }) {
        if (type === 'ack' && !closed()) postAck(fetch, request, cursor);
      },
      async renew(newToken) {
        request.token = newToken;
        return true;
      },
      close: () => abort.abort(),
    };
  },
});

/**
 * Polls until refused, cut or aborted.
 *
 * @param {import('./transports.js').OpenRequest} request
 * @param {AbortSignal} signal
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<import('./close_codes.js').CloseReason>}
 */
async function poll(request, signal, fetch) {
  const { baseUrl, onMessage } = request;
  let { cursor } = request;
  let waitS = 0; // the first answer comes at once, so that a resumed client is live at once
  let isFirst = true;
  while (!signal.aborted) {
    const url = new URL('realtime/poll', baseUrl);
    url.searchParams.set('wait', String(waitS));
    if (cursor !== null) url.searchParams.set('cursor', cursor);
    const askedAtMs = performance.now();
    const response = await fetch(url, { headers: bearer(request.token), signal, cache: 'no-store' });
    if (!response.ok) return refusal(response);

    const answer = await response.json();
    for (const message of messagesOf(answer, isFirst, response.headers.get('Date'))) {
      if (signal.aborted) break; // what is left comes again: its cursor is not sent
      onMessage(message);
    }
    const wasHeld = performance.now() - askedAtMs >= HELD_MS_MIN;
    if (!isFirst && answer.events.length === 0 && !answer.snapshot && !wasHeld) {
      return { code: TRY_LATER, name: 'not_held' };
    }
    cursor = answer.cursor;
    waitS = Math.max(1, Math.floor(Math.min(WAIT_S, answer.heartbeat_s)));
    isFirst = false;
  }
  return { code: ABNORMAL };
}

/** @returns {object[]} The answer as the other wires would have said it. */
function messagesOf({ events, ...position }, isFirst, date) {
  const messages = [...events];
  if (isFirst || position.snapshot) {
    // An answer need not say the time of the service; the HTTP header does, to the second.
    const serverTime = position.server_time ?? (date ? new Date(date).toISOString() : undefined);
    messages.unshift({ ...position, type: 'ready', server_time: serverTime });
  }
  return messages.length ? messages : [{ type: 'heartbeat' }];
}
