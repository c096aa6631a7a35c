/**
 * For how long numbers are rented, and what that costs. Money stays exact: it is counted in cents as whole numbers.
 */

import { h } from './dom.js';
import { t } from './language.js';

/** The service rents by the hour, 2 to 1344; these are what people ask for. */
export const HOURS = [2, 4, 12, 24, 72, 168, 336, 720, 1344];
export const HOURS_MAX = 1344;

/** @param {number} hours @returns {string} `2 hours`, `1 day`, `3 days`, `2 weeks`. */
export function describeHours(hours) {
  if (hours % 168 === 0 && hours > 168) return t('hours.weeks', { count: hours / 168 });
  if (hours % 24 === 0) return t('hours.days', { count: hours / 24 });
  return t('hours.hours', { count: hours });
}

/** @param {string} price Of one, with two decimals. @param {number} count @returns {string} Of so many. */
export function times(price, count) {
  const [whole, cents = ''] = price.split('.');
  const total = BigInt(whole + cents.padEnd(2, '0').slice(0, 2)) * BigInt(count);
  const text = total.toString().padStart(3, '0');
  return `${text.slice(0, -2)}.${text.slice(-2)}`;
}

/** @param {number} most @returns {HTMLOptionElement[]} */
export function hourOptions(most = HOURS_MAX) {
  return HOURS.filter((hours) => hours <= most).map((hours) => h('option', { value: hours }, describeHours(hours)));
}
