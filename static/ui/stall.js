/**
 * What is for sale and for rent, as the page knows it, and whoever wants to hear of it.
 *
 * Titles and rents come from the catalogue, which hardly changes; prices, stock and success from the offers, which are
 * read again whenever somebody begins to look at them, and now and then while they do.
 */

const OLD_AFTER_MS = 30_000;

export class Stall {
  #api;
  #readAtMs = -Infinity;
  #titles;
  #signal;
  #listeners = [];
  services = [];
  countries = [];
  rentals = [];
  /** @type {import('./offers.js').Offer[]} */
  offers = [];
  successHours = 0;
  successTriesMin = 0;

  /** @param {import('./api.js').Api} api @param {import('./titles.js').Titles} titles @param {AbortSignal} signal */
  constructor(api, titles, signal) {
    this.#api = api;
    this.#titles = titles;
    this.#signal = signal;
  }

  get isEmpty() {
    return this.services.length + this.rentals.length === 0;
  }

  /** @param {() => void} listener Called after each change. */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** Everything. Raises ApiError. */
  async load() {
    const [catalogue, offers] = await Promise.all([this.#api.services(), this.#api.offers()]);
    if (this.#signal.aborted) return;
    const { services, countries, rentals = [] } = catalogue;
    Object.assign(this, { services, countries, rentals });
    this.#titles.set(catalogue);
    this.#take(offers);
  }

  /** Somebody is looking. */
  keepFresh() {
    if (!document.hidden && performance.now() - this.#readAtMs > OLD_AFTER_MS) this.reload();
  }

  /** Prices, stock and success. A fault leaves those of before: whoever buys is told by the purchase. */
  async reload() {
    this.#readAtMs = performance.now();
    const offers = await this.#api.offers().catch(() => null);
    if (offers !== null && !this.#signal.aborted) this.#take(offers);
  }

  #take({ offers, success_hours: hours, success_tries_min: tries }) {
    Object.assign(this, { offers, successHours: hours, successTriesMin: tries });
    for (const listener of this.#listeners) listener();
  }
}
