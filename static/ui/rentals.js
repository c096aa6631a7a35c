/**
 * The rentals that run, and those that ended lately, each in its card. What ended before is in `past.js`.
 */

import { arrangeChildren, bringIntoView, byId, keepingFocus } from './dom.js';
import { rentalError } from './errors.js';
import { RentalCard } from './rental_card.js';
import { arrange } from './store.js';
import { showProblem } from './toast.js';

const RECENT_MAX = 5;

export class Rentals {
  #api;
  #store;
  #titles;
  #signal;
  #stall;
  #cards = new Map();

  /**
   * @param {import('./api.js').Api} api
   * @param {ReturnType<import('./store.js').createStore>} store
   * @param {import('./stall.js').Stall} stall What an hour costs.
   * @param {import('./titles.js').Titles} titles
   * @param {AbortSignal} signal Ends it.
   */
  constructor(api, store, stall, titles, signal) {
    this.#api = api;
    this.#store = store;
    this.#stall = stall;
    this.#titles = titles;
    this.#signal = signal;
  }

  /** Titles, prices or language have changed: the cards are made anew with the next `show`. */
  rebuild() {
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
    keepingFocus(() => {
      arrangeChildren(byId('open-rentals'), live.map(elementOf));
      arrangeChildren(byId('past-rentals'), closed.slice(0, RECENT_MAX).map(elementOf));
      byId('rentals-section').hidden = live.length === 0;
      byId('past-rentals-section').hidden = closed.length === 0;
    });
  }

  /** Takes the eye to a rental just made, which on a phone is below the form. */
  reveal(id) {
    bringIntoView(this.#cards.get(id)?.element);
  }

  #cardOf(id) {
    if (!this.#cards.has(id)) {
      const actions = {
        cancel: (rentalId) => this.#ask(this.#api.cancelRental(rentalId)),
        finish: (rentalId) => this.#ask(this.#api.finishRental(rentalId)),
        extend: (rentalId, hours, key) => this.#ask(this.#api.extendRental(rentalId, hours, key)),
      };
      const priceHour = (service) => this.#stall.rentals.find((each) => each.service === service)?.price_hour ?? null;
      this.#cards.set(id, new RentalCard(this.#titles, priceHour, actions));
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
      showProblem(rentalError(error));
      return error;
    }
  }

  #take(rentals) {
    if (!this.#signal.aborted) this.#store.dispatch({ type: 'rentals', rentals });
  }
}
