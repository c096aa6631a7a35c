/**
 * What a close code tells the client to do.
 *
 * The range decides, so codes added later need no new client: 4500-4999 is terminal until there is a new token,
 * everything else reconnects with the cursor. Codes that only this service sends prove that the transport works: then
 * waiting helps, and another transport would not.
 */

/** No close frame, no answer, cut in the middle: RFC 6455 section 7.1.5. Also used for failed HTTP requests. */
export const ABNORMAL = 1006;
/** RFC 6455 registry: the server restarts. */
export const RESTARTING = 1012;
/** RFC 6455 registry: overloaded, come back later. HTTP 429 and 503 are read as this. */
export const TRY_LATER = 1013;
/** The user has as many connections as it may. */
export const TOO_MANY_CONNECTIONS = 4003;
export const UNAUTHORIZED = 4500;
export const TOKEN_EXPIRED = 4501;
export const TOKEN_REVOKED = 4503;

/** Another one is let in when an old one has been found dead, which takes the service up to a heartbeat. */
const TOO_MANY_WAIT_MS = 30_000;

const FIRST_OWN = 4000;
const FIRST_TERMINAL = 4500;
const LAST_TERMINAL = 4999;

/**
 * @typedef {object} CloseReason
 * @property {number} code
 * @property {string} [name] For people and logs: `token_expired`, `ready_deadline`, ...
 * @property {boolean} [reconnect] Said by the server; overrules the range.
 * @property {number} [retryMs] Least wait asked for by the server.
 */

/** @param {CloseReason} reason */
export function isTerminal({ code, reconnect }) {
  if (typeof reconnect === 'boolean') return !reconnect;
  return code >= FIRST_TERMINAL && code <= LAST_TERMINAL;
}

/** @param {CloseReason} reason Of a connection that ended before `ready`. */
export function isUnreachable({ code }) {
  return code < FIRST_OWN && code !== RESTARTING && code !== TRY_LATER;
}

/** @param {CloseReason} reason @returns {boolean} A new token helps. */
export function isTokenRefused({ code }) {
  return code === UNAUTHORIZED || code === TOKEN_EXPIRED || code === TOKEN_REVOKED;
}

/**
 * What a close frame says: its code, and in its reason the code's name and perhaps the least wait: `name retry=1500`,
 * in milliseconds, as `retry:` is in SSE.
 *
 * @param {{ code: number, reason: string }} frame @returns {CloseReason}
 */
export function readClose({ code, reason }) {
  const [name, ...rest] = reason.split(/[ ;,]+/);
  const asked = /^retry=([0-9]{1,9})$/.exec(rest.find((word) => word.startsWith('retry=')) ?? '');
  const retryMs = asked ? Number(asked[1]) : code === TOO_MANY_CONNECTIONS ? TOO_MANY_WAIT_MS : 0;
  return retryMs ? { code, name, retryMs } : { code, name };
}
