/**
 * One tick a second for everything on the page that shows time, all from the same clock.
 */

const TICK_MS = 1_000;

/** @param {() => void} onTick @returns {() => void} Stops it. */
export function everySecond(onTick) {
  const id = setInterval(onTick, TICK_MS);
  return () => clearInterval(id);
}

/**
 * How much is left between two moments. Pure.
 * @returns {{ remainingMs: number, share: number, isShort: boolean }} `share` of the whole, 1 falling to 0; `isShort`
 *   in the last minute.
 */
export function countdown(startIso, endIso, nowMs) {
  const endMs = Date.parse(endIso);
  const wholeMs = endMs - Date.parse(startIso);
  const remainingMs = Math.max(0, endMs - nowMs);
  const share = wholeMs > 0 ? Math.min(1, remainingMs / wholeMs) : 0;
  return { remainingMs, share, isShort: remainingMs < 60_000 };
}
