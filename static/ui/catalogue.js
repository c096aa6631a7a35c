/**
 * The catalogue: every service in every country with its price, stock and success, to be searched, sorted and bought.
 *
 * Rows are kept by offer and changed in place, so that figures which arrive while somebody is in the table move no
 * focus. Not all are shown at once: a search is quicker than scrolling.
 */

import { arrangeChildren, block, busy, byId, h, isBlocked, keepingFocus, setText } from './dom.js';
import { compare, count, money, percent, t } from './language.js';
import { findOffers, obstacleOf } from './offers.js';
import { hueOf } from './titles.js';

const ROWS = 40;

/**
 * @param {import('./stall.js').Stall} stall
 * @param {import('./titles.js').Titles} titles
 * @param {(order: object) => Promise<string>} buy As of `purchase.js`.
 * @param {() => string | null} available As of `setUpBuy`.
 * @param {AbortSignal} signal Ends it.
 * @returns {{ show: () => void, rebuild: () => void }} `rebuild`: titles or language have changed.
 */
export function setUpCatalogue(stall, titles, buy, available, signal) {
  const [search, sort, stocked] = ['offer-search', 'offer-sort', 'offer-stocked'].map(byId);
  const rows = new Map();
  let shownMax = ROWS;

  function show() {
    const wanted = { words: search.value, by: sort.value, stockedOnly: stocked.checked };
    const found = findOffers(stall.offers, wanted, titles, compare);
    const shown = found.slice(0, shownMax).map((offer) => rowOf(offer).update(offer, available()));
    keepingFocus(() => arrangeChildren(byId('offer-rows'), shown));
    byId('offers').hidden = found.length === 0 && !stall.isLoading;
    byId('offers').ariaBusy = stall.isLoading ? 'true' : null;
    byId('no-offers').hidden = found.length > 0 || stall.isEmpty;
    byId('more-offers').hidden = found.length <= shownMax;
    setText(byId('offer-count'), stall.isEmpty ? '' : t('catalogue.found', { count: found.length }));
    const note = { hours: stall.successHours, tries: stall.successTriesMin };
    setText(byId('offer-note'), stall.isEmpty ? '' : t('catalogue.note', note));
  }

  function rowOf(offer) {
    const key = `${offer.service} ${offer.country}`;
    if (!rows.has(key)) rows.set(key, new OfferRow(offer, titles, order));
    return rows.get(key);
  }

  async function order({ service, country }) {
    const message = byId('offer-message');
    setText(message, '');
    const problem = await buy({ service, country });
    if (!signal.aborted) setText(message, problem);
  }

  function narrow() {
    shownMax = ROWS;
    show();
  }

  function showMore() {
    const last = byId('offer-rows').lastElementChild;
    shownMax += ROWS;
    show();
    last?.nextElementSibling?.querySelector('button').focus(); // where reading goes on
  }

  byId('offer-filters').addEventListener('submit', (submit) => submit.preventDefault(), { signal });
  for (const control of [search, sort, stocked]) control.addEventListener('input', narrow, { signal });
  byId('more-offers').addEventListener('click', showMore, { signal });
  byId('offer-rows').replaceChildren();
  setText(byId('offer-message'), '');
  const rebuild = () => (rows.clear(), show());
  return { show, rebuild };
}

class OfferRow {
  #offer;
  #name;
  #price = h('td', { class: 'amount price-cell', role: 'cell' });
  #stock = h('td', { class: 'amount', role: 'cell' });
  #success = h('td', { class: 'amount', role: 'cell' });
  #button = h('button', { type: 'button', class: 'button small' }, t('catalogue.buy'));
  #element;

  constructor(offer, titles, onBuy) {
    const [service, country] = [titles.service(offer.service), titles.country(offer.country)];
    this.#name = (price) => t('catalogue.buy_named', { service, country, price });
    this.#button.addEventListener('click', () => {
      if (!isBlocked(this.#button)) busy(this.#button, () => onBuy(this.#offer));
    });
    const dot = h('span', { class: 'dot', 'aria-hidden': 'true' });
    dot.style.setProperty('--hue', hueOf(offer.service));
    const names = h('th', { scope: 'row', role: 'rowheader' }, dot, h('span', { class: 'offer-service' }, service));
    names.append(' ', h('span', { class: 'offer-country' }, country));
    const buy = h('td', { class: 'buy-cell', role: 'cell' }, this.#button);
    this.#stock.dataset.name = t('catalogue.stock');
    this.#success.dataset.name = t('catalogue.success');
    this.#element = h('tr', { role: 'row' }, names, this.#price, this.#stock, this.#success, buy);
    Object.assign(this.#element.dataset, { service: offer.service, country: offer.country });
  }

  /** @param {import('./offers.js').Offer} offer @param {string | null} available @returns {HTMLElement} */
  update(offer, available) {
    this.#offer = offer;
    setText(this.#price, money(offer.price));
    showFigure(this.#stock, offer.stock === null ? null : count(offer.stock));
    showFigure(this.#success, offer.success === null ? null : percent(offer.success));
    this.#success.dataset.level = offer.success === null ? '' : offer.success < 0.5 ? 'low' : 'good';
    this.#element.classList.toggle('sold-out', offer.stock === 0);
    this.#button.setAttribute('aria-label', this.#name(money(offer.price)));
    const obstacle = obstacleOf(offer, available);
    block(this.#button, obstacle !== '');
    this.#button.title = obstacle === '' ? '' : t(obstacle);
    return this.#element;
  }
}

/** A dash says nothing to a screen reader. */
function showFigure(cell, text) {
  if (text !== null) return setText(cell, text);
  if (cell.childElementCount > 0) return;
  const words = h('span', { class: 'visually-hidden' }, t('catalogue.unknown'));
  cell.replaceChildren(h('span', { 'aria-hidden': 'true' }, '–'), words);
}
