/**
 * Refusals, in words for the person at the page: by `error_code`, in the page's language. A code that has no text here
 * shows the service's own message.
 */

import { clock } from './format.js';
import { has, t } from './language.js';

/** As `humanError`, of a rental: its price is by the hour, which the service sets for all countries alike. */
export function rentalError(error) {
  return causeOf(error) === 'PRICE_TOO_LOW' ? t('error.rent_price_too_low') : humanError(error);
}

/** @returns {string | null} A refused purchase carries its order, whose own code may say more. */
function causeOf({ code, data = {} }) {
  const cause = code === 'ORDER_FAILED' ? (data.activation ?? data.rental)?.error_code : null;
  return cause && has(`error.${cause}`) ? cause : code;
}

/** @param {{ code: string | null, message?: string, data?: object }} error @returns {string} */
export function humanError(error) {
  const { message, data = {} } = error;
  const code = causeOf(error);
  if (code === 'EARLY_CANCEL_DENIED' && data.retry_after_s > 0) {
    return t('error.early_cancel_wait', { time: clock(data.retry_after_s * 1000) });
  }
  return has(`error.${code}`) ? t(`error.${code}`) : message ?? t('error.refused', { code: String(code) });
}
