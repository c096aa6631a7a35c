/**
 * Renting a number: choose service, country and time, see the price, press once.
 */

import { Attempt } from './attempt.js';
import { fill } from './buy.js';
import { busy, byId, setText } from './dom.js';
import { humanError } from './errors.js';
import { hourOptions, times } from './hours.js';
import { money, t } from './language.js';

/**
 * @param {import('./api.js').Api} api
 * @param {import('./stall.js').Stall} stall
 * @param {import('./titles.js').Titles} titles
 * @param {(rental: object) => void} onRental
 * @param {AbortSignal} signal Ends it.
 * @returns {() => void} Shows it anew: what is for rent has changed, or the language.
 */
export function setUpRent(api, stall, titles, onRental, signal) {
  const [service, country, hours] = ['rent-service', 'rent-country', 'rent-hours'].map(byId);
  const panel = byId('rent-panel');
  const button = byId('rent');
  const message = byId('rent-message');
  const attempt = new Attempt();
  panel.open = !matchMedia('(max-width: 520px)').matches; // on a phone the orders are what is below

  function show() {
    panel.hidden = stall.rentals.length === 0;
    const label = (slug, { price_hour: price }) => t('rent.option', { title: titles.service(slug), price: money(price) });
    fill(service, stall.rentals, 'service', (slug) => titles.service(slug), label);
    fill(country, stall.countries, 'country', (slug) => titles.country(slug));
    const chosen = hours.value;
    hours.replaceChildren(...hourOptions());
    if (chosen !== '') hours.value = chosen;
    button.disabled = panel.hidden;
    showPrice();
  }

  function price() {
    const { price_hour: priceHour } = stall.rentals.find((each) => each.service === service.value) ?? {};
    return priceHour === undefined ? undefined : times(priceHour, Number(hours.value));
  }

  function showPrice() {
    const total = price();
    setText(byId('rent-price'), total === undefined ? '–' : money(total));
  }

  async function submit(press) {
    press.preventDefault();
    await busy(button, async () => {
      const [ofService, inCountry, forHours] = [service.value, country.value, Number(hours.value)];
      const order = { service: ofService, country: inCountry, hours: forHours, max_price: price() };
      setText(message, '');
      try {
        const rental = await api.rent(order, attempt.keyFor(order));
        attempt.settle(null);
        onRental(rental);
      } catch (error) {
        attempt.settle(error);
        if (!signal.aborted) setText(message, humanError(error));
      }
    });
  }

  for (const select of [service, hours]) select.addEventListener('change', showPrice, { signal });
  byId('rent-form').addEventListener('submit', submit, { signal });
  setText(message, '');
  return show;
}
