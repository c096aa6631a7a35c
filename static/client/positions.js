/**
 * Where a tab is in its user's events, kept across reloads.
 *
 * Best effort, as browsers' storage is: it may be full, forbidden or gone. Without a position there is a snapshot.
 */
export class Positions {
  #storage;
  #key;

  /** @param {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null} storage @param {string} user */
  constructor(storage, user) {
    this.#storage = storage;
    this.#key = `onesms.position.${user}`;
  }

  /** @returns {import('./feed.js').Position} */
  load() {
    const kept = this.#try((storage) => JSON.parse(storage.getItem(this.#key)));
    if (typeof kept?.cursor !== 'string') return { cursor: null, seq: null };
    return { cursor: kept.cursor, seq: Number.isInteger(kept.seq) ? kept.seq : null };
  }

  save(position) {
    this.#try((storage) => storage.setItem(this.#key, JSON.stringify(position)));
  }

  forget() {
    this.#try((storage) => storage.removeItem(this.#key));
  }

  #try(use) {
    try {
      return this.#storage && use(this.#storage);
    } catch {
      return null;
    }
  }
}

/** @returns {Storage | null} The tab's own; looking at it throws where a browser forbids it. */
export function tabStorage() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
}
