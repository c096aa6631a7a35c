/**
 * The Idempotency-Key of a purchase belongs to the press of the button. While its outcome is unknown (no answer),
 * another press for the same choice repeats that purchase with that key; after any answer the next press is a new one.
 */

export class Attempt {
  #choice = '';
  #key = null;

  /** @param {object} choice What is wanted. @returns {string} The key to send it with. */
  keyFor(choice) {
    const wanted = JSON.stringify(choice);
    if (this.#key === null || this.#choice !== wanted) {
      this.#choice = wanted;
      this.#key = randomUuid();
    }
    return this.#key;
  }

  /** @param {import('./api.js').ApiError | null} error What came of it; null for an answer. */
  settle(error) {
    if (!error?.isTransient) this.#key = null;
  }
}

/** `crypto.randomUUID` exists only on HTTPS and localhost. */
function randomUuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
