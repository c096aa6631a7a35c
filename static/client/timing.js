/**
 * Every duration the client lives by, and the clock it reads.
 *
 * One frozen table, so that a page can override single entries (`connect({ timing: { ... } })`) and a test
 * can replace the clock instead of sleeping. All values are milliseconds; none of them may be zero or infinite.
 */

export const TIMING = Object.freeze({
  /** A connection that has not said `ready` by then is given up. */
  readyDeadlineMs: 8_000,
  /** Nor one that was opened and then says nothing, not even `ready`: something on the way collects what it should pass. */
  bufferedAfterMs: 5_000,
  /** `getToken` may take this long; then it counts as failed, and is tried again after a wait. */
  tokenDeadlineMs: 15_000,
  /** Full jitter: the n-th wait is random in 0 .. min(backoffCapMs, backoffBaseMs * 2^n). */
  backoffBaseMs: 500,
  backoffCapMs: 15_000,
  /** A service may ask for a longer wait, up to this; the jitter comes on top. */
  retryHintCapMs: 60_000,
  /** Live for this long counts as recovered; only then does the backoff start over. */
  stableAfterMs: 5_000,
  /** Living on a fallback transport: how long until the better ones are tried again, beside the living connection. */
  upgradeAfterMs: 120_000,
  /** A tab that leads the others answers their question within this, or another takes the lead. */
  leaderAnswerMs: 3_000,
});

/** A connection is dead when nothing was heard for this many heartbeats. */
export const SILENT_HEARTBEATS_MAX = 2;

/** A tab that has heard nothing from the leading one for this many heartbeats asks whether it is still there. */
export const LEADER_HEARTBEATS_MAX = 2.5;

/** A page that wakes up after this many silent heartbeats distrusts its connection. Between 1 and the limit above. */
export const STALE_HEARTBEATS = 1.5;

/** The clock of the browser, as an object that a test can stand in for. */
export const systemClock = Object.freeze({
  /** @returns {number} Milliseconds since the epoch; goes on counting while the machine sleeps. */
  now: () => Date.now(),
  setTimeout: (callback, delayMs) => globalThis.setTimeout(callback, delayMs),
  clearTimeout: (id) => globalThis.clearTimeout(id),
});

/** One restartable timer: setting it again forgets the earlier setting. */
export class Timer {
  #clock;
  #id = null;

  constructor(clock) {
    this.#clock = clock;
  }

  set(delayMs, callback) {
    this.clear();
    this.#id = this.#clock.setTimeout(() => {
      this.#id = null;
      callback();
    }, delayMs);
  }

  clear() {
    if (this.#id !== null) this.#clock.clearTimeout(this.#id);
    this.#id = null;
  }
}
