/**
 * The orders that are open, and those that closed lately, each in its card. What closed before is in `past.js`.
 *
 * Cards are kept by order id, so that an update changes a card in place, and moving between the lists keeps it.
 */

import { arrangeChildren, bringIntoView, byId, keepingFocus } from './dom.js';
import { humanError } from './errors.js';
import { OrderCard } from './order_card.js';
import { arrange } from './store.js';
import { showProblem } from './toast.js';

const RECENT_MAX = 10;

export class Orders {
  #api;
  #store;
  #titles;
  #signal;
  #cards = new Map();

  /**
   * @param {import('./api.js').Api} api
   * @param {ReturnType<import('./store.js').createStore>} store
   * @param {import('./titles.js').Titles} titles
   * @param {AbortSignal} signal Ends it.
   */
  constructor(api, store, titles, signal) {
    this.#api = api;
    this.#store = store;
    this.#titles = titles;
    this.#signal = signal;
  }

  /** Titles or language have changed: the cards are made anew with the next `show`. */
  rebuild() {
    this.#cards.clear();
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
    keepingFocus(() => {
      arrangeChildren(byId('live-orders'), live.map(elementOf));
      arrangeChildren(byId('closed-orders'), closed.slice(0, RECENT_MAX).map(elementOf));
      byId('no-orders').hidden = live.length > 0 || wallet === null; // null: nothing is known yet
      byId('closed-section').hidden = closed.length === 0;
      byId('live-orders').ariaBusy = wallet === null ? 'true' : null;
    });
  }

  /** Takes the eye to an order just bought, which on a phone is below the form; and the focus, if it has lost its place. */
  reveal(id, takesFocus) {
    const element = this.#cards.get(id)?.element;
    if (takesFocus) element?.focus({ preventScroll: true });
    bringIntoView(element);
  }

  #cardOf(id) {
    if (!this.#cards.has(id)) {
      const card = new OrderCard(this.#titles, {
        cancel: (orderId) => this.#ask(orderId, this.#api.cancel(orderId)),
        anotherSms: (orderId) => this.#ask(orderId, this.#api.requestAnotherSms(orderId)),
        finish: (orderId) => this.#ask(orderId, this.#api.finish(orderId)),
      });
      card.element.id = `order-${id}`;
      this.#cards.set(id, card);
    }
    return this.#cards.get(id);
  }

  /** Shows what came of a request: the order as it is then, or what went wrong. */
  async #ask(id, request) {
    try {
      const order = await request;
      if (!this.#signal.aborted) this.#store.dispatch({ type: 'orders', orders: [order] });
    } catch (error) {
      if (this.#signal.aborted) return;
      if (error.data?.activation) this.#store.dispatch({ type: 'orders', orders: [error.data.activation] });
      if (error.code === 'EARLY_CANCEL_DENIED' && error.data.retry_after_s > 0) {
        const untilMs = this.#store.nowMs() + error.data.retry_after_s * 1000;
        this.#store.dispatch({ type: 'cancel_denied', id, untilMs });
      } else {
        showProblem(humanError(error));
      }
    }
  }
}
