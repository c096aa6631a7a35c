/**
 * What the operators' page says over itself: what went wrong, alerts and their end. It is read out by the announcer,
 * once; where it stands is decided in `../ui/toasts.js`.
 */

import { announce, announceNow } from '../ui/announcer.js';
import { h } from '../ui/dom.js';
import { showToast } from '../ui/toasts.js';

const STAY_MS = 12_000;

/** @param {string} text Something that a person has to know. @param {string} [about] What else is told of the same takes its place. */
export function showProblem(text, about = text) {
  show(text, { class: 'toast-problem', about });
  announceNow(text);
}

/** @param {string} text Something good, or at least over: it goes by itself. @param {string} [about] As for `showProblem`. */
export function showNote(text, about = text) {
  show(text, { class: 'toast-note', about, stayMs: STAY_MS });
  announce(text);
}

function show(text, how) {
  showToast({ ...how, closeLabel: 'Dismiss' }, h('div', { class: 'toast-body', dir: 'auto' }, text));
}
