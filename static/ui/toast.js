/**
 * Short messages over the page. The region is an aria-live one, so that a code is read out as it arrives.
 */

import { copyButton } from './clipboard.js';
import { byId, h } from './dom.js';

const STAY_MS = 12_000;
const TOASTS_MAX = 4;

/** @param {{ service: string, code: string | null, text: string }} sms `service` as shown to people. */
export function showSms({ service, code, text }) {
  const body = h('div', { class: 'toast-body' }, h('strong', {}, `${service} sent a code`), h('span', {}, text));
  if (code === null) {
    body.firstChild.textContent = `SMS from ${service}`;
    show(h('div', { class: 'toast toast-sms' }, body));
    return;
  }
  const row = h('div', { class: 'toast-code' }, h('span', {}, code), copyButton('button primary', 'Copy', () => code));
  show(h('div', { class: 'toast toast-sms' }, body, row));
}

/** @param {string} text */
export function showProblem(text) {
  show(h('div', { class: 'toast toast-problem' }, h('div', { class: 'toast-body' }, text)));
}

function show(toast) {
  const region = byId('toasts');
  const dismiss = () => toast.remove();
  toast.append(h('button', { type: 'button', class: 'toast-close', 'aria-label': 'Dismiss', onclick: dismiss }, '×'));
  region.prepend(toast);
  while (region.children.length > TOASTS_MAX) region.lastElementChild.remove();
  setTimeout(dismiss, STAY_MS);
}
