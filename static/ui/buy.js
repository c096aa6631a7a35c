/**
 * Buying a number: choose service and country, see what they cost and how well they do, press once.
 */

import { block, busy, byId, h, isBlocked, setText } from './dom.js';
import { compare, money, percent, t } from './language.js';
import { obstacleOf, offerOf } from './offers.js';

/** Chosen at first, in whatever language the list is: numbers are cheap there, for rent as well. */
const FIRST_COUNTRY = 'indonesia';

/**
 * @param {import('./stall.js').Stall} stall
 * @param {import('./titles.js').Titles} titles
 * @param {(order: object) => Promise<string>} buy As of `purchase.js`.
 * @param {() => string | null} available Of the wallet; null while it is not known.
 * @param {AbortSignal} signal Ends it.
 * @returns {{ show: () => void, rebuild: () => void }} `show`: the funds have changed; `rebuild`: what is for sale has,
 *   or the language.
 */
export function setUpBuy(stall, titles, buy, available, signal) {
  const service = byId('service');
  const country = byId('country');
  const button = byId('buy');
  const message = byId('buy-message');

  function rebuild() {
    fill(service, stall.services, 'service', (slug) => titles.service(slug));
    fillCountries(country, stall.countries, titles);
    button.disabled = stall.services.length === 0;
    show();
  }

  function show() {
    const offer = offerOf(stall.offers, service.value, country.value);
    setText(byId('price'), offer ? money(offer.price) : '–');
    setText(byId('buy-facts'), offer ? describeOffer(offer) : '');
    byId('buy-facts').classList.toggle('note', offer?.stock === 0);
    const obstacle = stall.isEmpty ? '' : obstacleOf(offer, available());
    block(button, obstacle !== '');
    setText(byId('buy-obstacle'), obstacle === '' ? '' : t(obstacle));
  }

  async function submit(press) {
    press.preventDefault();
    if (isBlocked(button)) return;
    const order = { service: service.value, country: country.value };
    if (byId('retry').checked) order.retry_on_timeout = true; // else as the service does
    await busy(button, async () => {
      setText(message, '');
      const problem = await buy(order);
      if (!signal.aborted) setText(message, problem);
    });
  }

  for (const select of [service, country]) select.addEventListener('change', show, { signal });
  byId('buy-form').addEventListener('submit', submit, { signal });
  setText(message, '');
  return { show, rebuild };
}

/** @param {import('./offers.js').Offer} offer @returns {string} `12,480 in stock · 96% success`, what is known of it. */
export function describeOffer({ stock, success }) {
  const facts = [];
  if (stock !== null) facts.push(t('buy.stock', { count: stock }));
  if (success !== null) facts.push(t('buy.success', { share: percent(success) }));
  return facts.join(' · ');
}

/** Countries to choose from. @param {HTMLSelectElement} select */
export function fillCountries(select, countries, titles) {
  const isFirstTime = select.options.length === 0;
  fill(select, countries, 'country', (slug) => titles.country(slug));
  if (isFirstTime && countries.some(({ country }) => country === FIRST_COUNTRY)) select.value = FIRST_COUNTRY;
}

/**
 * Offers these items by title, and keeps what was chosen among them. If that is gone nothing is chosen, so that nobody
 * buys something else by the same press.
 * @param {(slug: string) => string} titleOf
 */
export function fill(select, items, key, titleOf, label = titleOf) {
  const isFirstTime = select.options.length === 0;
  const chosen = select.value;
  const sorted = [...items].sort((a, b) => compare(titleOf(a[key]), titleOf(b[key])));
  select.replaceChildren(...sorted.map((item) => h('option', { value: item[key] }, label(item[key], item))));
  if (!isFirstTime) select.value = items.some((item) => item[key] === chosen) ? chosen : '';
}
