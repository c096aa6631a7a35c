/**
 * Refusals, in words for the person at the page: by `error_code`, in the page's language. A code that has no text here
 * shows the service's own message.
 */

import { clock } from './format.js';
import { has, t } from './language.js';

/** @param {{ code: string | null, message?: string, data?: object }} error @returns {string} */
export function humanError({ code, message, data = {} }) {
  if (code === 'EARLY_CANCEL_DENIED' && data.retry_after_s > 0) {
    return t('error.early_cancel_wait', { time: clock(data.retry_after_s * 1000) });
  }
  return has(`error.${code}`) ? t(`error.${code}`) : message ?? t('error.refused', { code: String(code) });
}
