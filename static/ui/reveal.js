/**
 * A card's full number and security code, before its owner's eyes for half a minute.
 *
 * They are in two places only, and gone from both when the time is over, when somebody hides them, or when the page is
 * left or put in the background: in the texts on the page, and in this object, for the buttons that copy. No storage,
 * no attribute and no announcement has them: who cannot see finds them where the focus is put.
 */

import { announce } from './announcer.js';
import { copyButton } from './clipboard.js';
import { h, setText } from './dom.js';
import { t } from './language.js';

export const SHOWN_MS = 30_000;
const TICK_MS = 1_000;

export class Reveal {
  #secret = null;
  #untilMs = 0;
  #timer = 0;
  #left = h('span', { class: 'left' });
  element = h('div', { class: 'reveal', tabIndex: -1, hidden: true });

  /** @param {AbortSignal} signal Ends it. @param {() => void} onChange Called when it is shown or hidden. */
  constructor(signal, onChange) {
    this.onChange = onChange;
    const hide = () => this.hide();
    signal.addEventListener('abort', hide);
    addEventListener('pagehide', hide, { signal });
    addEventListener('hashchange', hide, { signal });
    document.addEventListener('visibilitychange', () => document.hidden && hide(), { signal });
  }

  get isShown() {
    return this.#secret !== null;
  }

  /** @param {{ card_number: string, cvv: string, expiry: string | null }} card */
  show({ card_number: number, cvv, expiry }) {
    this.hide();
    this.#secret = { number, cvv, expiry };
    this.#untilMs = performance.now() + SHOWN_MS;
    const row = (name, shown, copied) => h('div', {}, h('dt', {}, t(`cards.${name}`)), h('dd', {}, h('span', {}, shown),
      copyButton('button small', t('order.copy'), copied, t(`cards.copy_${name}`))));
    const hide = h('button', { type: 'button', class: 'button small', onclick: () => this.#hideByHand() }, t('cards.hide'));
    this.element.replaceChildren(
      h('dl', { class: 'stack' },
        row('number', groups(number), () => this.#secret?.number ?? ''),
        row('cvv', cvv, () => this.#secret?.cvv ?? ''),
        ...(expiry ? [row('expiry', expiry, () => this.#secret?.expiry ?? '')] : [])),
      h('div', { class: 'reveal-foot' }, this.#left, hide),
    );
    this.element.hidden = false;
    this.element.setAttribute('aria-label', t('cards.revealed'));
    this.element.setAttribute('role', 'group');
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
    this.element.focus({ preventScroll: true });
    announce(t('cards.shown_for', { seconds: SHOWN_MS / 1000 }));
    this.onChange();
  }

  hide() {
    if (this.#secret === null) return;
    clearInterval(this.#timer);
    this.#secret = null;
    this.element.replaceChildren();
    this.element.hidden = true;
    this.onChange();
  }

  #hideByHand() {
    this.hide();
    this.element.closest('[tabindex="-1"]:not([hidden])')?.focus({ preventScroll: true });
  }

  #tick() {
    const leftMs = this.#untilMs - performance.now();
    if (leftMs > 0) setText(this.#left, t('cards.hidden_in', { seconds: Math.ceil(leftMs / 1000) }));
    else this.hide();
  }
}

/** @returns {string} In fours, as on a card. */
function groups(number) {
  return number.replaceAll(/(.{4})(?=.)/g, '$1 ');
}
