/**
 * A clock that stands still until it is told to move, and then fires what is due, in order of time.
 */
export class ManualClock {
  #nowMs = 0;
  #nextId = 1;
  #timers = new Map();

  now = () => this.#nowMs;

  setTimeout = (callback, delayMs) => {
    const id = this.#nextId++;
    this.#timers.set(id, { callback, dueMs: this.#nowMs + delayMs });
    return id;
  };

  clearTimeout = (id) => this.#timers.delete(id);

  advance(ms) {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, { dueMs }]) => dueMs <= endMs);
      if (due.length === 0) break;
      const [id, { callback, dueMs }] = due.reduce((first, timer) => (timer[1].dueMs < first[1].dueMs ? timer : first));
      this.#timers.delete(id);
      this.#nowMs = dueMs;
      callback();
    }
    this.#nowMs = endMs;
  }

  /** Time passes unnoticed, as while the machine sleeps: timers do not fire. */
  sleep(ms) {
    this.#nowMs += ms;
    for (const timer of this.#timers.values()) timer.dueMs += ms;
  }

  get timerCount() {
    return this.#timers.size;
  }
}
