/**
 * Short messages over the page: what went wrong, and what is over. Their region is an aria-live one.
 */

import { byId, h } from '../ui/dom.js';

const STAY_MS = 12_000;
const TOASTS_MAX = 4;

/** @param {string} text Something that a person has to know. */
export function showProblem(text) {
  show(text, 'toast-problem');
}

/** @param {string} text Something good, or at least over. */
export function showNote(text) {
  show(text, 'toast-note');
}

function show(text, kind) {
  const region = byId('toasts');
  const toast = h('div', { class: `toast ${kind}` }, h('div', { class: 'toast-body' }, text));
  const dismiss = () => toast.remove();
  toast.append(h('button', { type: 'button', class: 'toast-close', 'aria-label': 'Dismiss', onclick: dismiss }, '×'));
  region.prepend(toast);
  while (region.children.length > TOASTS_MAX) region.lastElementChild.remove();
  const leave = () => (toast.matches(':hover, :focus-within') ? setTimeout(leave, STAY_MS / 4) : dismiss());
  setTimeout(leave, STAY_MS);
}
