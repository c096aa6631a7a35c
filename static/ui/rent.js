/**
 * Renting a number: choose service, country and time, see the price, press once.
 */

import { Attempt } from './attempt.js';
import { fill, fillCountries } from './buy.js';
import { block, busy, byId, isBlocked, setText } from './dom.js';
import { rentalError } from './errors.js';
import { hourOptions, times } from './hours.js';
import { money, t } from './language.js';
import { isShort } from './offers.js';

/**
 * @param {import('./api.js').Api} api
 * @param {import('./stall.js').Stall} stall
 * @param {import('./titles.js').Titles} titles
 * @param {(rental: object) => void} onRental
 * @param {() => string | null} available As of `setUpBuy`.
 * @param {AbortSignal} signal Ends it.
 * @returns {{ show: () => void, rebuild: () => void }} As of `setUpBuy`.
 */
export function setUpRent(api, stall, titles, onRental, available, signal) {
  const [service, country, hours] = ['rent-service', 'rent-country', 'rent-hours'].map(byId);
  const panel = byId('rent-panel');
  const button = byId('rent');
  const message = byId('rent-message');
  const attempt = new Attempt();
  panel.open = !matchMedia('(max-width: 899px)').matches; // on a phone the orders are what is below

  function rebuild() {
    panel.hidden = stall.rentals.length === 0;
    const label = (slug, { price_hour: price }) => t('rent.option', { title: titles.service(slug), price: money(price) });
    fill(service, stall.rentals, 'service', (slug) => titles.service(slug), label);
    offerCountries();
    const chosen = hours.value;
    hours.replaceChildren(...hourOptions());
    if (chosen !== '') hours.value = chosen;
    button.disabled = panel.hidden;
    show();
  }

  /** Where somebody rents numbers for the service. */
  function offerCountries() {
    const { countries = [] } = stall.rentals.find((each) => each.service === service.value) ?? {};
    fillCountries(country, stall.countries.filter((each) => countries.includes(each.country)), titles);
  }

  function price() {
    const { price_hour: priceHour } = stall.rentals.find((each) => each.service === service.value) ?? {};
    return priceHour === undefined ? undefined : times(priceHour, Number(hours.value));
  }

  function show() {
    const total = price();
    setText(byId('rent-price'), total === undefined ? '–' : money(total));
    const obstacle = total === undefined || country.value === '' ? 'buy.off' : isShort(total, available()) ? 'buy.no_funds' : '';
    block(button, obstacle !== '');
    setText(byId('rent-obstacle'), obstacle === '' ? '' : t(obstacle));
  }

  async function submit(press) {
    press.preventDefault();
    if (isBlocked(button)) return;
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
        if (error.code === 'NOT_FOR_SALE') await stall.load().catch(() => null); // so that the page says so too
        if (!signal.aborted) setText(message, rentalError(error));
      }
    });
  }

  service.addEventListener('change', offerCountries, { signal });
  for (const select of [service, country, hours]) select.addEventListener('change', show, { signal });
  byId('rent-form').addEventListener('submit', submit, { signal });
  setText(message, '');
  return { show, rebuild };
}
