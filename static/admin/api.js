/**
 * The operators' side of the HTTP API. Every answer is the parsed body, every failure an ApiError.
 *
 * Nothing is repeated by itself: what moves money carries a key that the caller makes once for one intent and sends
 * again if it repeats.
 */

import { ApiError } from '../ui/api.js';

const TIMEOUT_MS = 20_000;

export class AdminApi {
  #token;
  #signal;

  /** @param {string | null} token @param {AbortSignal} [signal] Ends every request, as when the operator logs out. */
  constructor(token, signal = new AbortController().signal) {
    this.#token = token;
    this.#signal = signal;
  }

  becomeDemoOperator() {
    return this.#send('POST', '/demo/operators');
  }

  /**
   * @param {string} path Below `/api/admin/`.
   * @param {Record<string, string | number | string[] | null>} [query] Null is left out, a list is said one by one.
   */
  get(path, query = {}) {
    const said = Object.entries(query).flatMap(([name, value]) => (value === null || value === undefined ? []
      : [value].flat().map((each) => [name, String(each)])));
    const search = new URLSearchParams(said).toString();
    return this.#send('GET', `/api/admin/${path}${search ? `?${search}` : ''}`);
  }

  /** @param {string} path Below `/api/admin/`. @param {object} [body] @param {string} [key] For what moves money. */
  post(path, body, key) {
    return this.#send('POST', `/api/admin/${path}`, body, key === undefined ? {} : { 'Idempotency-Key': key });
  }

  /** Ends what a user was given before now, or one token. @param {{ user_id: string } | { token_id: string }} named */
  revoke(named) {
    return this.#send('POST', '/realtime/revocations', named);
  }

  /** @param {'block' | 'unblock'} action Also for operators, who may name anybody's. */
  actOnCard(action, id) {
    return this.#send('POST', `/api/strowallet/${action}-card`, { card_id: id });
  }

  async #send(method, path, body, headers = {}) {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const request = { method, headers: { ...headers }, cache: 'no-store', signal };
    if (this.#token !== null) request.headers.Authorization = `Bearer ${this.#token}`;
    if (body !== undefined) {
      request.headers['Content-Type'] = 'application/json';
      request.body = JSON.stringify(body);
    }
    try {
      const response = await fetch(path, request);
      const answer = await response.json().catch(() => ({}));
      if (response.ok) return answer;
      const { error_code: code = null, message = `The service answered ${response.status}.`, ...data } = answer;
      throw new ApiError({ status: response.status, code, message, data });
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw new ApiError({ status: 0, code: 'NO_ANSWER', message: 'No answer from the service. Is it running?' });
    }
  }
}
