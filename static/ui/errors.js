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
  CANCEL_TOO_LATE: () => 'A rented number can be cancelled for 20 minutes only. You can still finish it.',
  EXTENSION_REFUSED: () => 'This number cannot be rented for longer.',
  NOT_EXTENDABLE: () => 'This number cannot be rented for longer now.',
  INVALID_HOURS: () => 'A number can be rented for 2 hours to 8 weeks in all.',
  TOO_MANY_OPEN_ORDERS: () => 'Too many orders are open. Cancel one, or wait until one ends.',
  CANCEL_REFUSED: () => 'This number cannot be cancelled right now; the order goes on.',
  NOT_FOR_SALE: () => 'This service is not for sale there right now. Try another country.',
  NOT_OFFERED: () => 'The provider of this number does not offer that.',
  // what an order ends with
  NO_SMS: () => 'No SMS came in time.',
  ENDED: () => 'The provider took this number back; the money is yours again.',
  LATE_SMS: () => 'The SMS came late, after this order had ended. The wallet history shows what it cost.',
  LATE_SMS_OWED: () =>
    'The SMS came late, after this order had ended. It is paid for when the order that followed it has ended.',
  OUTCOME_UNKNOWN: () => 'The provider did not say whether it sold a number, so you got the money back.',
  PRICE_TOO_LOW: () => 'No number could be had for this price. Nothing was charged; try another country.',
  PROVIDER_UNAVAILABLE: () => 'The provider could not be reached. Nothing was charged; please try again.',
  PROVIDER_REFUSED: () => 'The provider refused. Nothing was charged; try another country.',
  PROVIDER_ACCOUNT_PROBLEM: () => 'Numbers cannot be bought right now. Nothing was charged; please try again later.',
  UNKNOWN_ANSWER: () => 'The provider could not be understood. Nothing was charged; please try again.',
  RETRY_REFUSED: () => 'No further SMS can be had with this number.',
  SERVED_BEFORE: () => 'Not needed any more: the order it followed had its SMS after all.',
  REFUNDED_BY_OPERATOR: () => 'Support gave the money back.',
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
