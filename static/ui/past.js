/**
 * Past orders: numbers for one SMS and rentals, in pages, narrowed by outcome, service, country and time, each with all
 * its messages.
 */

import { fill } from './buy.js';
import { byId, h } from './dom.js';
import { periodOf } from './filters.js';
import { t } from './language.js';
import { OrderCard } from './order_card.js';
import { Pager } from './pager.js';
import { RentalCard } from './rental_card.js';

const PAGE = 20;

/** What each kind of order can have ended with: what the page says, and the statuses behind it. */
const OUTCOMES = {
  activations: {
    completed: ['received', 'completed'],
    cancelled: ['cancelled'],
    timeout: ['timeout'],
    failed: ['failed'],
  },
  rentals: { completed: ['completed'], expired: ['expired'], cancelled: ['cancelled'], failed: ['failed'] },
};

/**
 * @param {import('./api.js').Api} api
 * @param {import('./stall.js').Stall} stall
 * @param {import('./titles.js').Titles} titles
 * @param {() => number} nowMs Service time.
 * @param {AbortSignal} signal Ends it.
 * @returns {{ open: () => void, rebuild: () => void }}
 */
export function setUpPast(api, stall, titles, nowMs, signal) {
  const [kind, status, service, country] = ['past-kind', 'past-status', 'past-service', 'past-country'].map(byId);
  const form = byId('past-filters');
  let orders = [];

  const pager = new Pager(
    async (before) => {
      const kinds = kind.value; // it may be another when the answer comes
      const outcomes = OUTCOMES[kinds];
      const wanted = {
        limit: PAGE,
        before,
        status: status.value === '' ? Object.values(outcomes).flat() : outcomes[status.value],
        service: service.value,
        country: country.value,
        ...periodOf(byId('past-from').value, byId('past-to').value),
      };
      const page = await api[kinds](wanted);
      return { items: page[kinds], next: page.next };
    },
    (items) => {
      orders = items;
      showOrders();
    },
    {
      nav: byId('past-pager'),
      newer: byId('past-newer'),
      older: byId('past-older'),
      place: byId('past-place'),
      message: byId('past-message'),
      list: byId('past-orders'),
    },
    signal,
  );

  function showOrders() {
    byId('past-orders').replaceChildren(...orders.map((order) => cardOf(order, titles, nowMs())));
    byId('no-past').hidden = orders.length > 0;
    const isNarrowed = [status, service, country, byId('past-from'), byId('past-to')].some(({ value }) => value !== '');
    byId('past-hint').textContent = t(isNarrowed ? 'past.narrow_hint' : 'past.empty_hint');
    byId('past-clear').hidden = !isNarrowed;
  }

  function rebuild() {
    offerOutcomes();
    const any = (select) => select.prepend(h('option', { value: '' }, t('past.any')));
    for (const [select, items, key] of [[service, stall.services, 'service'], [country, stall.countries, 'country']]) {
      const chosen = select.value;
      fill(select, items, key, (slug) => titles[key](slug));
      any(select);
      select.value = items.some((item) => item[key] === chosen) ? chosen : '';
    }
    if (orders.length > 0) showOrders();
  }

  function offerOutcomes() {
    const names = Object.keys(OUTCOMES[kind.value]);
    const chosen = names.includes(status.value) ? status.value : '';
    const titleOf = (name) => t(kind.value === 'rentals' ? `rental.${name}` : `status.${name === 'completed' ? 'received' : name}`);
    const options = names.map((name) => h('option', { value: name }, titleOf(name)));
    status.replaceChildren(h('option', { value: '' }, t('past.any')), ...options);
    status.value = chosen;
  }

  for (const link of document.querySelectorAll('[data-kind]')) {
    link.addEventListener('click', () => ((kind.value = link.dataset.kind), offerOutcomes()), { signal });
  }
  kind.addEventListener('change', offerOutcomes, { signal });
  form.addEventListener('change', () => pager.restart(), { signal });
  form.addEventListener('submit', (submit) => submit.preventDefault(), { signal });
  byId('past-clear').addEventListener(
    'click',
    () => {
      for (const id of ['past-status', 'past-service', 'past-country', 'past-from', 'past-to']) byId(id).value = '';
      pager.restart();
      status.focus();
    },
    { signal },
  );
  byId('past-orders').replaceChildren();
  byId('no-past').hidden = true;
  return { open: () => pager.restart(), rebuild };
}

/** Nothing can be done any more with what has ended, so its card needs nobody to ask. */
function cardOf(order, titles, nowMs) {
  const isRental = order.hours !== undefined;
  const card = isRental ? new RentalCard(titles, () => null, {}) : new OrderCard(titles, {});
  if (isRental) card.update(order, nowMs);
  else card.update(order, 0, nowMs);
  return card.element;
}
