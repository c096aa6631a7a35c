/**
 * What the two HTTP transports share: authorised requests, the reading of refusals, and the receipt.
 */

import { ABNORMAL, TOKEN_EXPIRED, TRY_LATER, UNAUTHORIZED } from './close_codes.js';

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
    const expired = errorCode === 'TOKEN_EXPIRED';
    return { code: expired ? TOKEN_EXPIRED : UNAUTHORIZED, name: expired ? 'token_expired' : 'unauthorized' };
  }
  if (response.status === 429 || response.status === 503) {
    const retryAfterS = Number(response.headers.get('Retry-After')); // a date or nothing becomes NaN or 0
    return { code: TRY_LATER, name: `http_${response.status}`, retryMs: retryAfterS > 0 ? retryAfterS * 1000 : 0 };
  }
  return { code: ABNORMAL, name: `http_${response.status}` };
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
