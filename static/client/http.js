/**
 * What the two HTTP transports share: authorised requests, the reading of refusals, the receipt and the new token.
 */

import { ABNORMAL, TOKEN_EXPIRED, TOKEN_REVOKED, TRY_LATER, UNAUTHORIZED } from './close_codes.js';

/** What a 401 may say besides that the token is not valid. */
const REFUSED = Object.freeze({
  TOKEN_EXPIRED: { code: TOKEN_EXPIRED, name: 'token_expired' },
  TOKEN_REVOKED: { code: TOKEN_REVOKED, name: 'token_revoked' },
});

/** @returns {Record<string, string>} */
export function bearer(token) {
  return { Authorization: `Bearer ${token}` };
}

/**
 * @param {Response} response Not ok.
 * @returns {Promise<import('./close_codes.js').CloseReason>} 401 is terminal, 429 and 503 ask for patience, the rest
 *   counts as unreachable: a proxy's 403 or 502 says nothing about the token.
 */
export async function refusal(response) {
  if (response.status === 401) {
    const { error_code: errorCode } = await response.json().catch(() => ({}));
    return REFUSED[errorCode] ?? { code: UNAUTHORIZED, name: 'unauthorized' };
  }
  if (response.status === 429 || response.status === 503) {
    const retryMs = retryAfterMs(response.headers.get('Retry-After'), Date.now());
    return { code: TRY_LATER, name: `http_${response.status}`, retryMs };
  }
  return { code: ABNORMAL, name: `http_${response.status}` };
}

/** @param {string | null} value Seconds or a date: RFC 9110 section 10.2.3. @returns {number} 0 if it says nothing. */
export function retryAfterMs(value, nowMs) {
  if (value === null || value.trim() === '') return 0;
  const ms = /^[0-9]+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return ms > 0 ? ms : 0; // NaN too
}

/**
 * Renews the session of an open stream. @param {string} newToken @returns {Promise<boolean>} False: it was not; a
 * service without this endpoint answers 404.
 */
export async function postToken(fetch, { baseUrl, token }, newToken) {
  try {
    const response = await fetch(new URL('realtime/auth', baseUrl), {
      method: 'POST',
      headers: { ...bearer(token), 'Content-Type': 'application/json' },
      body: JSON.stringify({ token: newToken }),
    });
    return response.ok;
  } catch {
    return false;
  }
}

/** Best effort: a lost receipt costs evidence in a dispute, never an SMS. */
export function postAck(fetch, { baseUrl, token }, cursor) {
  fetch(new URL('realtime/ack', baseUrl), {
    method: 'POST',
    headers: { ...bearer(token), 'Content-Type': 'application/json' },
    body: JSON.stringify({ cursor }),
    keepalive: true, // outlives a tab that is closed right after the code was read
  }).catch(() => {});
}
