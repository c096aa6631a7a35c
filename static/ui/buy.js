/**
 * Buying a number: choose service and country, see what they cost and how well they do, press once.
 */

import { busy, byId, h, setText } from './dom.js';
import { compare, money, percent, t } from './language.js';
import { offerOf } from './offers.js';

/**
 * @param {import('./stall.js').Stall} stall
 * @param {import('./titles.js').Titles} titles
 * @param {(order: object) => Promise<string>} buy As of `purchase.js`.
 * @param {AbortSignal} signal Ends it.
 * @returns {() => void} Shows it anew: what is for sale has changed, or the language.
 */
export function setUpBuy(stall, titles, buy, signal) {
  const service = byId('service');
  const country = byId('country');
  const button = byId('buy');
  const message = byId('buy-message');

  function show() {
    fill(service, stall.services, 'service', (slug) => titles.service(slug));
    fill(country, stall.countries, 'country', (slug) => titles.country(slug));
    button.disabled = stall.services.length === 0;
    showOffer();
  }

  function showOffer() {
    const offer = offerOf(stall.offers, service.value, country.value);
    setText(byId('price'), offer ? money(offer.price) : '–');
    setText(byId('buy-facts'), offer ? describeOffer(offer) : '');
    byId('buy-facts').classList.toggle('note', offer?.stock === 0);
  }

  async function submit(press) {
    press.preventDefault();
    const order = { service: service.value, country: country.value };
    if (byId('retry').checked) order.retry_on_timeout = true; // else as the service does
    await busy(button, async () => {
      setText(message, '');
      const problem = await buy(order);
      if (!signal.aborted) setText(message, problem);
    });
  }

  for (const select of [service, country]) select.addEventListener('change', showOffer, { signal });
  byId('buy-form').addEventListener('submit', submit, { signal });
  setText(message, '');
  return show;
}

/** @param {import('./offers.js').Offer} offer @returns {string} `12,480 in stock · 96% success`, what is known of it. */
export function describeOffer({ stock, success }) {
  const facts = [];
  if (stock !== null) facts.push(t('buy.stock', { count: stock }));
  if (success !== null) facts.push(t('buy.success', { share: percent(success) }));
  return facts.join(' · ');
}

/** Offers these items by title, and keeps what was chosen among them. @param {(slug: string) => string} titleOf */
export function fill(select, items, key, titleOf, label = titleOf) {
  const chosen = select.value;
  const sorted = [...items].sort((a, b) => compare(titleOf(a[key]), titleOf(b[key])));
  select.replaceChildren(...sorted.map((item) => h('option', { value: item[key] }, label(item[key], item))));
  if (items.some((item) => item[key] === chosen)) select.value = chosen;
}
