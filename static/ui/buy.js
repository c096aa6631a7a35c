/**
 * Buying a number: choose service and country, see the price, press once.
 *
 * The Idempotency-Key belongs to the press of the button. While its outcome is unknown (no answer), another press for
 * the same choice repeats that purchase with that key; after any answer the next press is a new purchase.
 */

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
  let unsettled = null; // { choice, key } of a purchase without an answer

  fill(service, catalog.services, 'service', ({ title, price }) => `${title} · ${price}`);
  fill(country, catalog.countries, 'country', ({ title }) => title);
  const chosen = () => catalog.services.find((candidate) => candidate.service === service.value);
  const showPrice = () => setText(byId('price'), chosen()?.price ?? '–');
  service.addEventListener('change', showPrice, { signal });
  showPrice();
  setText(message, '');
  button.disabled = catalog.services.length === 0;

  async function buy(submit) {
    submit.preventDefault();
    if (button.disabled) return;
    const order = { service: service.value, country: country.value, max_price: chosen().price };
    const choice = JSON.stringify(order);
    if (unsettled?.choice !== choice) unsettled = { choice, key: randomUuid() };

    button.disabled = true;
    button.setAttribute('aria-busy', 'true');
    setText(message, '');
    try {
      onOrder(await api.buy(order, unsettled.key));
      unsettled = null;
    } catch (error) {
      if (!error.isTransient) unsettled = null;
      if (!signal.aborted) setText(message, humanError(error));
    } finally {
      button.disabled = false;
      button.removeAttribute('aria-busy');
    }
  }
  byId('buy-form').addEventListener('submit', buy, { signal });
}

function fill(select, items, key, label) {
  const chosen = select.value;
  select.replaceChildren(...items.map((item) => h('option', { value: item[key] }, label(item))));
  if (items.some((item) => item[key] === chosen)) select.value = chosen;
}

/** `crypto.randomUUID` exists only on HTTPS and localhost. */
function randomUuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
