/**
 * Renting a number: choose service, country and time, see the price, press once.
 */

import { Attempt } from './attempt.js';
import { fill } from './buy.js';
import { byId, setText } from './dom.js';
import { humanError } from './errors.js';
import { hourOptions, times } from './hours.js';

/**
 * @param {import('./api.js').Api} api
 * @param {{ rentals: object[], countries: object[] }} catalog
 * @param {(rental: object) => void} onRental
 * @param {AbortSignal} signal Ends it.
 */
export function setUpRent(api, { rentals = [], countries }, onRental, signal) {
  const [service, country, hours] = ['rent-service', 'rent-country', 'rent-hours'].map(byId);
  const button = byId('rent');
  const message = byId('rent-message');
  const attempt = new Attempt();

  const panel = byId('rent-panel');
  panel.hidden = rentals.length === 0;
  if (rentals.length === 0) return;
  panel.open = !matchMedia('(max-width: 520px)').matches; // on a phone the orders are what is below
  fill(service, rentals, 'service', ({ title, price_hour: price }) => `${title} · ${price} an hour`);
  fill(country, countries, 'country', ({ title }) => title);
  if (hours.options.length === 0) hours.replaceChildren(...hourOptions());
  const price = () => {
    const { price_hour: priceHour } = rentals.find((candidate) => candidate.service === service.value);
    return times(priceHour, Number(hours.value));
  };
  const showPrice = () => setText(byId('rent-price'), price());
  for (const select of [service, hours]) select.addEventListener('change', showPrice, { signal });
  showPrice();
  setText(message, '');
  button.disabled = false;

  async function rent(submit) {
    submit.preventDefault();
    if (button.disabled) return;
    const order = {
      service: service.value,
      country: country.value,
      hours: Number(hours.value),
      max_price: price(),
    };
    button.disabled = true;
    button.setAttribute('aria-busy', 'true');
    setText(message, '');
    try {
      const rental = await api.rent(order, attempt.keyFor(order));
      attempt.settle(null);
      onRental(rental);
    } catch (error) {
      attempt.settle(error);
      if (!signal.aborted) setText(message, humanError(error));
    } finally {
      button.disabled = false;
      button.removeAttribute('aria-busy');
    }
  }
  byId('rent-form').addEventListener('submit', rent, { signal });
}
