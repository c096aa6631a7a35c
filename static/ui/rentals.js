/**
 * The two lists of rentals, open and past, each rental in its card.
 */

import { arrangeChildren, byId } from './dom.js';
import { humanError } from './errors.js';
import { RentalCard } from './rental_card.js';
import { arrange } from './store.js';
import { showProblem } from './toast.js';

export class Rentals {
  #api;
  #store;
  #titles;
  #signal;
  #prices = new Map();
  #cards = new Map();
  #next = null; // position of the next page of older rentals; null before the first
  #hasLooked = false; // for rentals older than the snapshot's

  /**
   * @param {import('./api.js').Api} api
   * @param {ReturnType<import('./store.js').createStore>} store
   * @param {{ service: (slug: string) => string, country: (slug: string) => string }} titles
   * @param {AbortSignal} signal Ends it.
   */
  constructor(api, store, titles, signal) {
    this.#api = api;
    this.#store = store;
    this.#titles = titles;
    this.#signal = signal;
    byId('older-rentals').hidden = true;
    byId('older-rentals').addEventListener('click', () => this.#loadOlder(showProblem), { signal });
  }

  /** @param {{ rentals?: object[] }} catalog What is for rent, and an hour's price. */
  setCatalog({ rentals = [] }) {
    this.#prices = new Map(rentals.map(({ service, price_hour: price }) => [service, price]));
    this.#cards.clear();
  }

  /** Brings the page up to the store, and the clocks on it up to now. */
  show() {
    const { rentals } = this.#store.state;
    const nowMs = this.#store.nowMs();
    const { live, closed } = arrange(rentals, nowMs);
    for (const id of this.#cards.keys()) if (!rentals[id]) this.#cards.delete(id);
    const elementOf = (rental) => {
      const card = this.#cardOf(rental.id);
      card.update(rental, nowMs);
      return card.element;
    };
    arrangeChildren(byId('open-rentals'), live.map(elementOf));
    arrangeChildren(byId('past-rentals'), closed.map(elementOf));
    byId('rentals-section').hidden = live.length === 0;
    byId('past-rentals-section').hidden = closed.length === 0;
    if (closed.length > 0 && !this.#hasLooked) {
      this.#hasLooked = true;
      this.#loadOlder(() => (byId('older-rentals').hidden = false)); // not asked for, so not complained about
    }
  }

  /** Takes the eye to a rental just made, which on a phone is below the form. */
  reveal(id) {
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#cards.get(id)?.element.scrollIntoView({ block: 'nearest', behavior: isCalm ? 'auto' : 'smooth' });
  }

  #cardOf(id) {
    if (!this.#cards.has(id)) {
      const actions = {
        cancel: (rentalId) => this.#ask(this.#api.cancelRental(rentalId)),
        finish: (rentalId) => this.#ask(this.#api.finishRental(rentalId)),
        extend: (rentalId, hours, key) => this.#ask(this.#api.extendRental(rentalId, hours, key)),
      };
      this.#cards.set(id, new RentalCard(this.#titles, (service) => this.#prices.get(service) ?? null, actions));
    }
    return this.#cards.get(id);
  }

  /** Shows what came of a request, the answer or what went wrong, and returns the latter. */
  async #ask(request) {
    try {
      this.#take([await request]);
      return null;
    } catch (error) {
      if (this.#signal.aborted) return error;
      if (error.data?.rental) this.#take([error.data.rental]);
      showProblem(humanError(error));
      return error;
    }
  }

  #take(rentals) {
    if (!this.#signal.aborted) this.#store.dispatch({ type: 'rentals', rentals });
  }

  /** @param {(problem: string) => void} onProblem */
  async #loadOlder(onProblem) {
    const button = byId('older-rentals');
    button.disabled = true;
    try {
      const { rentals, next } = await this.#api.rentals(this.#next);
      if (this.#signal.aborted) return;
      this.#next = next;
      button.hidden = next === null;
      this.#take(rentals);
    } catch (error) {
      if (!this.#signal.aborted) onProblem(humanError(error));
    } finally {
      button.disabled = false;
    }
  }
}
