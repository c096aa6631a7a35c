/**
 * The token in use, and how the next one is got.
 *
 * One question at a time: whoever asks while one is under way gets the same answer. Nothing here knows of connections
 * or of time; when to ask, and how long to wait, is the feed's.
 */
export class Tokens {
  /** @type {string | null} Null: the next connection needs a new one first. */
  current;

  #getToken;
  #asking = null;

  /**
   * @param {{ token?: string | null, getToken?: GetToken | null }} source One of the two at least.
   * @typedef {(why: { reason: 'start' | 'expiring' | 'refused', token: string | null }) => Promise<string | null> |
   *   string | null} GetToken Why a token is needed, and the one that no longer does. Null: the user is signed out.
   */
  constructor({ token = null, getToken = null }) {
    if (token === null && getToken === null) throw new TypeError('expected a token or getToken, got neither');
    this.current = token;
    this.#getToken = getToken;
  }

  get canRenew() {
    return this.#getToken !== null;
  }

  /** @returns {Promise<string | null>} The new token; null: signed out. Rejects when none can be got now. */
  renew(reason) {
    this.#asking ??= this.#ask(reason).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask(reason) {
    this.current = (await this.#getToken({ reason, token: this.current })) ?? null;
    return this.current;
  }
}

/** @returns {string | null} The user a JWT is about (`sub`), unverified: to name things by, never to trust. */
export function subjectOf(token) {
  try {
    const claims = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    return typeof claims.sub === 'string' ? claims.sub : null;
  } catch {
    return null;
  }
}
