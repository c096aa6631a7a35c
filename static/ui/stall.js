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
  /** @type {{ service: string, country: string | null, untilMs: number }[]} Refused lately. */
  #withdrawn = [];
  /** Whether the first answer is still awaited. */
  isLoading = true;
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
    this.isLoading = this.isEmpty;
    const answers = await Promise.all([this.#api.services(), this.#api.offers()]).finally(() => (this.isLoading = false));
    const [catalogue, offers] = answers;
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

  /**
   * An offer turned out to be none. The list of offers may be some seconds old when it comes, the catalogue is not: so
   * that offer, or all of a service that the catalogue has no longer, is left out for a while.
   */
  async withdraw(service, country) {
    await this.load().catch(() => null); // without an answer, at least that offer goes
    if (this.#signal.aborted) return;
    const isSold = this.services.some((each) => each.service === service);
    this.#withdrawn.push({ service, country: isSold ? country : null, untilMs: performance.now() + OLD_AFTER_MS });
    this.offers = this.#withoutWithdrawn(this.offers);
    this.#tell();
  }

  #withoutWithdrawn(offers) {
    this.#withdrawn = this.#withdrawn.filter(({ untilMs }) => untilMs > performance.now());
    const isOff = (offer) =>
      this.#withdrawn.some((off) => off.service === offer.service && (off.country ?? offer.country) === offer.country);
    return offers.filter((offer) => !isOff(offer));
  }

  #take({ offers, success_hours: hours, success_tries_min: tries }) {
    Object.assign(this, { offers: this.#withoutWithdrawn(offers), successHours: hours, successTriesMin: tries });
    this.#tell();
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }
}
