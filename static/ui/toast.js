/**
 * What the page says over itself: an SMS that came, and what went wrong. It is read out by the announcer, once; where
 * it stands is decided in `toasts.js`.
 */

import { announceNow, spelled } from './announcer.js';
import { copyButton } from './clipboard.js';
import { h } from './dom.js';
import { t } from './language.js';
import { isInSight, showToast } from './toasts.js';

const STAY_MS = 12_000;

/**
 * @param {{ service: string, code: string | null, text: string }} sms `service` as shown to people.
 * @param {HTMLElement | null} card Of the order that has it, and shows it as well.
 */
export function showSms({ service, code, text }, card) {
  const title = t(code === null ? 'toast.sms' : 'toast.code', { service });
  const body = h('div', { class: 'toast-body' }, h('strong', {}, title), h('span', { dir: 'auto' }, text));
  const isElsewhere = () => isInSight(card?.querySelector('.code-box:not([hidden]), .messages li'));
  const how = { class: 'toast-sms', closeLabel: t('toast.dismiss'), stayMs: STAY_MS, isElsewhere };
  if (code === null) {
    showToast(how, body);
    announceNow(t('announce.sms', { service, text }));
    return;
  }
  const copy = copyButton('button primary', t('order.copy'), () => code);
  showToast(how, body, h('div', { class: 'toast-code' }, h('span', {}, code), copy));
  announceNow(t('announce.code', { service, code: spelled(code) }));
}

/**
 * It stays until somebody takes it away: who reads slowly has all the time.
 * @param {string} text
 */
export function showProblem(text) {
  const how = { class: 'toast-problem', about: text, closeLabel: t('toast.dismiss') };
  showToast(how, h('div', { class: 'toast-body' }, text));
  announceNow(text);
}
