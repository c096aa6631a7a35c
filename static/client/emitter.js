/**
 * Handlers by type: what `on` of the client and of the feed rest on.
 *
 * A handler that throws harms nobody but itself: the others are called, the connection goes on, and the error is
 * reported as any uncaught one is. Not an EventTarget, so that a handler gets the message itself, in Node as well.
 */
export class Emitter {
  #handlers = new Map();

  /** @param {string} type @param {(detail: any) => void} handler @returns {() => void} Ends it. */
  on(type, handler) {
    if (typeof handler !== 'function') throw new TypeError(`expected a function to handle ${type}, got ${typeof handler}`);
    const entry = { handler }; // the same function may be there twice, and each is ended by itself
    if (!this.#handlers.has(type)) this.#handlers.set(type, new Set());
    this.#handlers.get(type).add(entry);
    return () => this.#handlers.get(type).delete(entry);
  }

  emit(type, detail) {
    for (const { handler } of [...(this.#handlers.get(type) ?? [])]) {
      try {
        handler(detail);
      } catch (error) {
        if (globalThis.reportError) globalThis.reportError(error);
        else queueMicrotask(() => { throw error; });
      }
    }
  }
}
