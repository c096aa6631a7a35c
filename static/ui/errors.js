/**
 * Refusals, in words for the person at the page.
 *
 * Keyed by `error_code`; a code that is not listed shows the service's own message.
 */

import { clock } from './format.js';

const TEXTS = {
  INSUFFICIENT_FUNDS: () => 'Not enough available for this number. Cancel an open order or top up.',
  NO_NUMBERS: () => 'No numbers for this service and country right now. Nothing was charged; try another country.',
  UNKNOWN_SERVICE: () => 'This service is not offered any more. Reload the page for the current list.',
  UNKNOWN_COUNTRY: () => 'This country is not offered any more. Reload the page for the current list.',
  EARLY_CANCEL_DENIED: ({ retry_after_s: s }) =>
    s > 0 ? `Too early to cancel. Possible in ${clock(s * 1000)}.` : 'Too early to cancel. Try again in a moment.',
  SMS_ALREADY_RECEIVED: () => 'The SMS has already arrived, so this order cannot be cancelled.',
  ALREADY_CLOSED: () => 'This order is already closed.',
  CANCEL_REFUSED: () => 'This number cannot be cancelled right now; the order goes on.',
  NOT_FOR_SALE: () => 'This service is not for sale there right now. Try another country.',
  PRICE_ABOVE_LIMIT: () => 'The price has just gone up. Reload the page to see the new one; nothing was charged.',
  UNAVAILABLE: () => 'The service is busy. Please try again in a moment.',
  UNAUTHORIZED: () => 'Your session is not valid any more. Please sign in again.',
  TOKEN_INVALID: () => 'Your session is not valid any more. Please sign in again.',
  TOKEN_EXPIRED: () => 'Your session has expired. Please sign in again.',
  NO_ANSWER: () => 'No answer from the service. Check your connection and try again: nothing is bought twice.',
};

/** @param {{ code: string | null, message?: string, data?: object }} error @returns {string} */
export function humanError({ code, message, data }) {
  const text = Object.hasOwn(TEXTS, code ?? '') ? TEXTS[code] : null;
  return text?.(data ?? {}) ?? message ?? `The service refused: ${code || 'no reason given'}.`;
}
