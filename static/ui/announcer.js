/**
 * What a screen reader says by itself. Two regions that are never seen: one interrupts (a code, a problem), one waits
 * for a pause. What is shown elsewhere is no live region, so that nothing is said twice.
 */

import { byId, h } from './dom.js';

const LINES_MAX = 5;

/** @param {string} text Said at once. */
export function announceNow(text) {
  append(byId('announced-now'), text);
}

/** @param {string} text Said when there is a pause. */
export function announce(text) {
  append(byId('announced'), text);
}

/** A line each, so that the same text twice is said twice. */
function append(region, text) {
  region.append(h('p', {}, text));
  while (region.children.length > LINES_MAX) region.firstElementChild.remove();
}

/** Spoken digit by digit: `9 0 2`. @param {string} code */
export function spelled(code) {
  return [...code].join(' ');
}
