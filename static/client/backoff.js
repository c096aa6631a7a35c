/**
 * How long to wait before the next attempt: full-jitter exponential backoff.
 *
 * Pure. Full jitter (random between zero and the ceiling) rather than a little jitter on top, because thousands of
 * clients lose the same gateway in the same second, and must not come back in the same second.
 */

/**
 * @param {number} attempt Failed attempts so far, from 0.
 * @param {{ backoffBaseMs: number, backoffCapMs: number }} timing
 * @param {() => number} random In [0, 1).
 * @returns {number} Whole milliseconds in 0 .. min(cap, base * 2^attempt).
 */
export function fullJitterMs(attempt, { backoffBaseMs, backoffCapMs }, random = Math.random) {
  const ceilingMs = Math.min(backoffCapMs, backoffBaseMs * 2 ** attempt);
  return Math.floor(random() * ceilingMs);
}
