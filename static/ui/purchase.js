/**
 * One way of buying, from the form as from the catalogue: one press is one purchase, at the price that was shown.
 */

import { Attempt } from './attempt.js';
import { humanError } from './errors.js';
import { money, t } from './language.js';
import { offerOf } from './offers.js';

/** The page shows what is not sold any more. */
const WITHDRAWN = new Set(['NOT_FOR_SALE', 'UNKNOWN_SERVICE', 'UNKNOWN_COUNTRY']);

/**
 * @param {import('./api.js').Api} api
 * @param {import('./stall.js').Stall} stall What is for sale, as shown on the page.
 * @param {import('./titles.js').Titles} titles
 * @param {(order: object) => void} onOrder
 * @param {AbortSignal} signal Ends it.
 * @returns {(order: object) => Promise<string>} Buys, and tells what went wrong; '' for nothing. `order.max_price` is
 *   added here.
 */
export function buyer(api, stall, titles, onOrder, signal) {
  const attempt = new Attempt();
  return async (wanted) => {
    const shown = offerOf(stall.offers, wanted.service, wanted.country)?.price;
    const order = { ...wanted, max_price: shown };
    try {
      const bought = await api.buy(order, attempt.keyFor(order));
      attempt.settle(null);
      onOrder(bought);
      return '';
    } catch (error) {
      attempt.settle(error);
      if (WITHDRAWN.has(error.code) && !signal.aborted) {
        await stall.withdraw(wanted.service, wanted.country);
        const [service, country] = [titles.service(wanted.service), titles.country(wanted.country)];
        return t('buy.withdrawn', { service, country });
      }
      if (error.code !== 'PRICE_ABOVE_LIMIT' || signal.aborted) return humanError(error);
      await stall.reload();
      const price = offerOf(stall.offers, wanted.service, wanted.country)?.price ?? shown;
      return price === shown ? humanError(error) : t('buy.new_price', { price: money(price) });
    }
  };
}
