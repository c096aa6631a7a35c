/**
 * The two lists of orders, live and closed, each order in its card.
 *
 * Cards are kept by order id, so that an update changes a card in place, and moving between the lists keeps it.
 */

import { arrangeChildren, byId } from './dom.js';
import { humanError } from './errors.js';
import { titleOf } from './format.js';
import { OrderCard } from './order_card.js';
import { arrange } from './store.js';
import { showProblem } from './toast.js';

export class Orders {
  #api;
  #store;
  #titles;
  #signal;
  #cards = new Map();
  #next = null; // position of the next page of older orders; null before the first
  #oldest = null; // id of the last order of the pages loaded so far
  #hasLooked = false; // for orders older than the snapshot's

  /**
   * @param {import('./api.js').Api} api
   * @param {ReturnType<import('./store.js').createStore>} store
   * @param {AbortSignal} signal Ends it.
   */
  constructor(api, store, signal) {
    this.#api = api;
    this.#store = store;
    this.#signal = signal;
    this.setCatalog({ services: [], countries: [] });
    byId('older').hidden = true;
    byId('older').addEventListener('click', () => this.#loadOlder(showProblem), { signal });
  }

  /** @param {{ services: object[], countries: object[] }} catalog Gives the orders shown from now on their titles. */
  setCatalog({ services, countries }) {
    const serviceTitles = new Map(services.map(({ service, title }) => [service, title]));
    const countryTitles = new Map(countries.map(({ country, title }) => [country, title]));
    this.#titles = {
      service: (slug) => serviceTitles.get(slug) ?? titleOf(slug),
      country: (slug) => countryTitles.get(slug) ?? titleOf(slug),
    };
    this.#cards.clear();
  }

  /** Titles as of the catalog set last. */
  get titles() {
    return { service: (slug) => this.#titles.service(slug), country: (slug) => this.#titles.country(slug) };
  }

  serviceTitle(slug) {
    return this.#titles.service(slug);
  }

  /** Brings the page up to the store, and the clocks on it up to now. */
  show() {
    const { orders, cancelDeniedUntilMs, wallet } = this.#store.state;
    const nowMs = this.#store.nowMs();
    const { live, closed } = arrange(orders, nowMs);
    for (const id of this.#cards.keys()) if (!orders[id]) this.#cards.delete(id);
    const elementOf = (order) => {
      const card = this.#cardOf(order.id);
      card.update(order, cancelDeniedUntilMs[order.id] ?? 0, nowMs);
      return card.element;
    };
    arrangeChildren(byId('live-orders'), live.map(elementOf));
    arrangeChildren(byId('closed-orders'), closed.map(elementOf));
    byId('no-orders').hidden = live.length > 0 || wallet === null; // null: nothing is known yet
    byId('closed-section').hidden = closed.length === 0;
    if (closed.length > 0) this.#lookForOlder(orders);
  }

  /** Takes the eye to an order just bought, which on a phone is below the form. */
  reveal(id) {
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#cards.get(id)?.element.scrollIntoView({ block: 'nearest', behavior: isCalm ? 'auto' : 'smooth' });
  }

  #cardOf(id) {
    if (!this.#cards.has(id)) this.#cards.set(id, new OrderCard(this.#titles, (orderId) => this.#cancel(orderId)));
    return this.#cards.get(id);
  }

  async #cancel(id) {
    try {
      const order = await this.#api.cancel(id);
      if (!this.#signal.aborted) this.#store.dispatch({ type: 'orders', orders: [order] });
    } catch (error) {
      if (this.#signal.aborted) return;
      if (error.code === 'EARLY_CANCEL_DENIED' && error.data.retry_after_s > 0) {
        const untilMs = this.#store.nowMs() + error.data.retry_after_s * 1000;
        this.#store.dispatch({ type: 'cancel_denied', id, untilMs });
      } else {
        showProblem(humanError(error));
      }
    }
  }

  /** A snapshot has only the newest closed orders, and does not say whether there are more. */
  #lookForOlder(orders) {
    const isReplaced = this.#oldest !== null && !orders[this.#oldest]; // by the snapshot of a later connection
    if (this.#hasLooked && !isReplaced) return;
    this.#hasLooked = true;
    this.#next = null;
    this.#oldest = null;
    this.#loadOlder(() => (byId('older').hidden = false)); // not asked for, so not complained about
  }

  /** @param {(problem: string) => void} onProblem */
  async #loadOlder(onProblem) {
    const button = byId('older');
    button.disabled = true;
    try {
      const { activations, next } = await this.#api.activations(this.#next);
      if (this.#signal.aborted) return;
      this.#next = next;
      this.#oldest = activations.at(-1)?.id ?? this.#oldest;
      button.hidden = next === null;
      this.#store.dispatch({ type: 'orders', orders: activations });
    } catch (error) {
      if (!this.#signal.aborted) onProblem(humanError(error));
    } finally {
      button.disabled = false;
    }
  }
}
