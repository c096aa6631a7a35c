/**
 * Short messages over the page. They go by themselves, but not while somebody points at them or is in them with the
 * keyboard; Escape takes the newest away. What they say is read out by the announcer, once.
 */

import { announceNow, spelled } from './announcer.js';
import { copyButton } from './clipboard.js';
import { byId, h } from './dom.js';
import { t } from './language.js';

const STAY_MS = 12_000;
const TOASTS_MAX = 4;

/**
 * @param {{ service: string, code: string | null, text: string }} sms `service` as shown to people.
 * @param {HTMLElement | null} card Of the order that has it: the message keeps off it.
 */
export function showSms({ service, code, text }, card) {
  const title = t(code === null ? 'toast.sms' : 'toast.code', { service });
  const body = h('div', { class: 'toast-body' }, h('strong', {}, title), h('span', {}, text));
  if (code === null) {
    show(h('div', { class: 'toast toast-sms' }, body));
    keepOff(card);
    announceNow(t('announce.sms', { service, text }));
    return;
  }
  const copy = copyButton('button primary', t('order.copy'), () => code);
  show(h('div', { class: 'toast toast-sms' }, body, h('div', { class: 'toast-code' }, h('span', {}, code), copy)));
  keepOff(card);
  announceNow(t('announce.code', { service, code: spelled(code) }));
}

/** @param {string} text */
export function showProblem(text) {
  show(h('div', { class: 'toast toast-problem' }, h('div', { class: 'toast-body' }, text)));
  announceNow(text);
}

/** Escape takes the newest message away. */
export function setUpToasts() {
  document.addEventListener('keydown', (press) => {
    if (press.key === 'Escape' && !press.defaultPrevented) byId('toasts').firstElementChild?.remove();
  });
}

function show(toast) {
  const region = byId('toasts');
  const dismiss = () => toast.remove();
  const close = h('button', { type: 'button', class: 'toast-close', 'aria-label': t('toast.dismiss'), onclick: dismiss });
  close.append('×');
  toast.append(close);
  region.prepend(toast);
  while (region.children.length > TOASTS_MAX) region.lastElementChild.remove();
  const leave = () => (toast.matches(':hover, :focus-within') ? setTimeout(leave, STAY_MS / 4) : dismiss());
  setTimeout(leave, STAY_MS);
}

/** Messages are at the lower edge, unless they would cover this card there and it leaves more room above. */
function keepOff(card) {
  const region = byId('toasts');
  region.classList.remove('above');
  const box = card?.getBoundingClientRect();
  if (!box) return;
  const covered = region.getBoundingClientRect();
  const isCovered = covered.top < box.bottom && covered.left < box.right && covered.right > box.left;
  const barEnd = document.querySelector('.bar-top').getBoundingClientRect().bottom;
  if (!isCovered || box.top - barEnd < innerHeight - box.bottom) return;
  region.style.setProperty('--bar-end', `${barEnd}px`);
  region.classList.add('above');
}
