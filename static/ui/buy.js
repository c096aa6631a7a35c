/**
 * Buying a number: choose service and country, see the price, press once.
 */

import { Attempt } from './attempt.js';
import { byId, h, setText } from './dom.js';
import { humanError } from './errors.js';

/**
 * @param {import('./api.js').Api} api
 * @param {{ services: object[], countries: object[] }} catalog
 * @param {(order: object) => void} onOrder
 * @param {AbortSignal} signal Ends it.
 */
export function setUpBuy(api, catalog, onOrder, signal) {
  const service = byId('service');
  const country = byId('country');
  const button = byId('buy');
  const message = byId('buy-message');
  const attempt = new Attempt();

  fill(service, catalog.services, 'service', ({ title, price, prices }) => (prices ? title : `${title} · ${price}`));
  fill(country, catalog.countries, 'country', ({ title }) => title);
  const price = () => priceOf(catalog.services.find((each) => each.service === service.value), country.value);
  const showPrice = () => setText(byId('price'), price() ?? '–');
  for (const select of [service, country]) select.addEventListener('change', showPrice, { signal });
  showPrice();
  setText(message, '');
  button.disabled = catalog.services.length === 0;

  async function buy(submit) {
    submit.preventDefault();
    if (button.disabled) return;
    const order = { service: service.value, country: country.value, max_price: price() };
    if (byId('retry').checked) order.retry_on_timeout = true; // else as the service does
    button.disabled = true;
    button.setAttribute('aria-busy', 'true');
    setText(message, '');
    try {
      const bought = await api.buy(order, attempt.keyFor(order));
      attempt.settle(null);
      onOrder(bought);
    } catch (error) {
      attempt.settle(error);
      if (!signal.aborted) setText(message, humanError(error));
    } finally {
      button.disabled = false;
      button.removeAttribute('aria-busy');
    }
  }
  byId('buy-form').addEventListener('submit', buy, { signal });
}

/** What a number of this service costs in this country: some services have a price for each. */
export function priceOf(service, country) {
  return service?.prices?.[country] ?? service?.price;
}

/** Offers these items, and keeps what was chosen among them. */
export function fill(select, items, key, label) {
  const chosen = select.value;
  select.replaceChildren(...items.map((item) => h('option', { value: item[key] }, label(item))));
  if (items.some((item) => item[key] === chosen)) select.value = chosen;
}
