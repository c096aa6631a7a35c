/**
 * The HTTP API of the service, as the page uses it.
 *
 * Every answer is the parsed body, every failure an ApiError. A request is repeated only where that is harmless: reads,
 * and purchases, which carry an Idempotency-Key.
 */

import { fullJitterMs } from '../client/backoff.js';
import { queryOf } from './filters.js';

const TIMEOUT_MS = 15_000;
const REVEAL_TIMEOUT_MS = 70_000; // the service waits for the provider, a minute at most
const CARDS = '/api/strowallet';
const TRIES_MAX = 3;
const BACKOFF = { backoffBaseMs: 400, backoffCapMs: 3_000 };

export class ApiError extends Error {
  /** @param {{ status: number, code: string, message?: string, data?: object }} answer Status 0: none came. */
  constructor({ status, code, message, data = {} }) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.data = data;
  }

  /**
   * True when the outcome is unknown, or the service had a bad moment: the same request may still succeed. So it is
   * while an earlier try of the same purchase is at work.
   */
  get isTransient() {
    return this.status === 0 || this.status >= 500 || this.code === 'KEY_IN_USE';
  }
}

export class Api {
  #token;
  #signal;

  /** @param {string | null} token @param {AbortSignal} [signal] Ends every request, as when the user logs out. */
  constructor(token, signal = new AbortController().signal) {
    this.#token = token;
    this.#signal = signal;
  }

  createDemoSession(name, credit) {
    return this.#send('POST', '/demo/sessions', { body: { name, credit } });
  }

  services() {
    return this.#repeat(() => this.#send('GET', '/api/services'));
  }

  offers() {
    return this.#repeat(() => this.#send('GET', '/api/offers'));
  }

  /** @param {object} wanted Which page: `limit`, `before` (`next` of the one before), `status`, `service` … */
  activations(wanted) {
    return this.#repeat(() => this.#send('GET', `/api/activations?${queryOf(wanted)}`));
  }

  /** @param {object} wanted As for `activations`. */
  operations(wanted) {
    return this.#repeat(() => this.#send('GET', `/api/wallet/operations?${queryOf(wanted)}`));
  }

  /** @param {string} idempotencyKey The same for all tries of one purchase, so that it is made once. */
  buy(order, idempotencyKey) {
    const headers = { 'Idempotency-Key': idempotencyKey };
    return this.#repeat(() => this.#send('POST', '/api/activations', { body: order, headers }));
  }

  cancel(id) {
    return this.#send('POST', `/api/activations/${encodeURIComponent(id)}/cancel`);
  }

  /** One more SMS on a number that has had one; asking again changes nothing. */
  requestAnotherSms(id) {
    return this.#send('POST', `/api/activations/${encodeURIComponent(id)}/retry`);
  }

  /** A number that has had its SMS is needed no longer. */
  finish(id) {
    return this.#send('POST', `/api/activations/${encodeURIComponent(id)}/finish`);
  }

  /** @param {object} wanted As for `activations`. */
  rentals(wanted) {
    return this.#repeat(() => this.#send('GET', `/api/rentals?${queryOf(wanted)}`));
  }

  /** @param {string} idempotencyKey As for `buy`. */
  rent(order, idempotencyKey) {
    const headers = { 'Idempotency-Key': idempotencyKey };
    return this.#repeat(() => this.#send('POST', '/api/rentals', { body: order, headers }));
  }

  /** @param {string} idempotencyKey As for `buy`. */
  extendRental(id, hours, idempotencyKey) {
    const headers = { 'Idempotency-Key': idempotencyKey };
    const path = `/api/rentals/${encodeURIComponent(id)}/extend`;
    return this.#repeat(() => this.#send('POST', path, { body: { hours }, headers }));
  }

  cancelRental(id) {
    return this.#send('POST', `/api/rentals/${encodeURIComponent(id)}/cancel`);
  }

  finishRental(id) {
    return this.#send('POST', `/api/rentals/${encodeURIComponent(id)}/finish`);
  }

  /** What a card costs, and whether there are any. */
  cardOffer() {
    return this.#repeat(() => this.#send('GET', `${CARDS}/card-offer`));
  }

  /** @param {{ page: number, size: number }} wanted Counted from 1. */
  cards(wanted) {
    return this.#repeat(() => this.#send('GET', `${CARDS}/list-cards?${queryOf(wanted)}`));
  }

  cardDetails(id) {
    return this.#repeat(() => this.#send('GET', `${CARDS}/card-details?${queryOf({ card_id: id })}`));
  }

  /** @param {{ card_id: string, limit: number, before?: string }} wanted */
  cardTransactions(wanted) {
    return this.#repeat(() => this.#send('GET', `${CARDS}/card-transactions?${queryOf(wanted)}`));
  }

  customer() {
    return this.#repeat(() => this.#send('GET', `${CARDS}/customer`));
  }

  /** @param {string} idempotencyKey As for `buy`; so for the two that follow. */
  createCustomer(customer, idempotencyKey) {
    return this.#keyed('create-customer', customer, idempotencyKey);
  }

  createCard(card, idempotencyKey) {
    return this.#keyed('create-card', card, idempotencyKey);
  }

  fundCard(id, usd, idempotencyKey) {
    return this.#keyed('fund-card', { card_id: id, usd }, idempotencyKey);
  }

  blockCard(id) {
    return this.#send('POST', `${CARDS}/block-card`, { body: { card_id: id } });
  }

  unblockCard(id) {
    return this.#send('POST', `${CARDS}/unblock-card`, { body: { card_id: id } });
  }

  /** The full number and code; asked for once, for each time is written down. */
  revealCard(id) {
    return this.#send('POST', `${CARDS}/card-reveal`, { body: { card_id: id }, timeoutMs: REVEAL_TIMEOUT_MS });
  }

  #keyed(what, body, idempotencyKey) {
    const headers = { 'Idempotency-Key': idempotencyKey };
    return this.#repeat(() => this.#send('POST', `${CARDS}/${what}`, { body, headers }));
  }

  async #repeat(request) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await request();
      } catch (error) {
        const isLast = attempt + 1 === TRIES_MAX;
        if (isLast || !(error instanceof ApiError) || !error.isTransient || this.#signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, fullJitterMs(attempt, BACKOFF)));
      }
    }
  }

  async #send(method, path, { body, headers = {}, timeoutMs = TIMEOUT_MS } = {}) {
    const request = { method, headers: { ...headers }, cache: 'no-store' };
    if (this.#token !== null) request.headers.Authorization = `Bearer ${this.#token}`;
    if (body !== undefined) {
      request.headers['Content-Type'] = 'application/json';
      request.body = JSON.stringify(body);
    }
    const timeout = new AbortController();
    const giveUp = () => timeout.abort();
    const timer = setTimeout(giveUp, timeoutMs);
    this.#signal.addEventListener('abort', giveUp);
    try {
      const response = await fetch(path, { ...request, signal: timeout.signal });
      const answer = await response.json().catch(() => ({}));
      if (response.ok) return answer;
      const { error_code: code = `HTTP_${response.status}`, message, ...data } = answer;
      throw new ApiError({ status: response.status, code, message, data });
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw new ApiError({ status: 0, code: 'NO_ANSWER', message: error.message });
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', giveUp);
    }
  }
}
