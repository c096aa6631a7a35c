/**
 * One order on the page: a card while it lives, a quiet row once it is closed. The same element in both.
 *
 * `update` shows an order, `tick` what depends on the time. Both may be called at will; they touch what has changed.
 * Texts that do not change are made once: in another language, a card is made anew.
 */

import { announceEnd, cardHead, messageRow, showPhone } from './card_parts.js';
import { copyButton } from './clipboard.js';
import { countdown } from './countdown.js';
import { arrangeChildren, busy, h, replay, setText } from './dom.js';
import { humanError } from './errors.js';
import { clock } from './format.js';
import { has, t } from './language.js';
import { isClosed } from './store.js';

/** @typedef {{ cancel(id: string): Promise<void>, anotherSms(id: string): Promise<void>,
 *   finish(id: string): Promise<void> }} OrderActions */

export class OrderCard {
  #order = null;
  #titles;
  #deniedUntilMs = 0;

  #status = h('span', { class: 'status' });
  #phone = h('span', { class: 'phone' });
  #copyPhone = copyButton('button small copy-phone', t('order.copy'), () => this.phone);
  #phoneRow = h('div', { class: 'phone-row' }, this.#phone, this.#copyPhone);
  #codeBox = h('div', { class: 'code-box' });
  #sms = h('ul', { class: 'sms', 'aria-label': t('order.messages') });
  #left = h('span', { class: 'left' });
  #bar = h('progress', { class: 'bar', max: 1, 'aria-hidden': 'true' });
  #cancel = h('button', { type: 'button', class: 'button small cancel' }, t('order.cancel'));
  #another = h('button', { type: 'button', class: 'button small another-sms' }, t('order.another_sms'));
  #finish = h('button', { type: 'button', class: 'button small finish' }, t('order.finish'));
  #hint = h('span', { class: 'hint' });
  #note = h('p', { class: 'note' });
  #chain = h('p', { class: 'chain' });

  /**
   * @param {{ service: (slug: string) => string, country: (slug: string) => string }} titles
   * @param {OrderActions} actions
   */
  constructor(titles, actions) {
    this.#titles = titles;
    const does = { cancel: this.#cancel, anotherSms: this.#another, finish: this.#finish };
    for (const [name, button] of Object.entries(does)) {
      button.addEventListener('click', () => busy(button, () => actions[name](this.#order.id)));
    }
    // Can be given the focus by script: it is where the focus goes when a control in it is gone.
    this.element = h('article', { class: 'order', tabIndex: -1 });
  }

  get phone() {
    return `+${this.#order.phone}`;
  }

  /** @param {object} order @param {number} deniedUntilMs Service time; 0 for never denied. @param {number} nowMs */
  update(order, deniedUntilMs, nowMs) {
    if (this.#order === order && this.#deniedUntilMs === deniedUntilMs) {
      this.tick(nowMs);
      return;
    }
    const previous = this.#order;
    this.#order = order;
    this.#deniedUntilMs = deniedUntilMs;
    if (!previous) this.#build(order, nowMs);

    this.element.dataset.id = order.id;
    this.element.dataset.status = order.status;
    const asked = order.cancel_requested ? 'cancelling' : order.finish_requested ? 'finishing' : null;
    setText(this.#status, t(`status.${isClosed(order) ? order.status : asked ?? order.status}`));
    const hasEnded = previous !== null && isClosed(order) && !isClosed(previous) && order.code === null;
    if (hasEnded) announceEnd(order, this.#titles, this.#status.textContent);
    this.#phoneRow.hidden = order.phone === null;
    if (order.phone !== null) showPhone(this.#phone, this.#copyPhone, order.phone);
    this.#showCode(order.code, previous);
    this.#sms.replaceChildren(...order.sms.map((sms) => messageRow(sms, nowMs)));
    this.#sms.hidden = order.sms.length === 0;
    const trouble = troubleOf(order);
    setText(this.#note, trouble === null ? '' : humanError({ code: trouble }));
    this.#note.hidden = trouble === null;
    this.#showChain(order);
    this.tick(nowMs);
  }

  /** @param {number} nowMs Service time. */
  tick(nowMs) {
    const { status, created_at: createdAt, waits_until: waitsUntil, expires_at: expiresAt, code } = this.#order;
    const isOpen = !isClosed(this.#order);
    const isWaiting = isOpen && expiresAt !== null && (code === null || awaitsAnother(this.#order));
    this.#bar.hidden = !isWaiting;
    this.#left.hidden = !isWaiting;
    if (isWaiting) {
      const until = (status === 'pending' && waitsUntil) || expiresAt;
      const { remainingMs, share, isShort } = countdown(createdAt, until, nowMs);
      setText(this.#left, remainingMs > 0 ? t('order.left', { time: clock(remainingMs) }) : t('order.settling'));
      this.#bar.value = share;
      this.element.classList.toggle('short', isShort);
    }
    this.#cancel.hidden = !isOpen || status === 'received' || code !== null || this.#order.cancel_requested;
    const isServed = isOpen && status === 'received' && !this.#order.finish_requested;
    const isOver = expiresAt !== null && Date.parse(expiresAt) <= nowMs;
    this.#another.hidden = !isServed || isOver || awaitsAnother(this.#order);
    this.#finish.hidden = !isServed;
    if (isServed) setText(this.#hint, describeAnother(this.#order));
    else this.#showCancelTime(nowMs);
  }

  /** The button stays usable before its time: the service decides, and the hint says what to expect. */
  #showCancelTime(nowMs) {
    const allowedAt = this.#order.cancel_allowed_at;
    const allowedAtMs = Math.max(allowedAt === null ? 0 : Date.parse(allowedAt), this.#deniedUntilMs);
    const isEarly = !this.#cancel.hidden && allowedAtMs > nowMs;
    this.#cancel.classList.toggle('early', isEarly);
    const isDenied = isEarly && (this.#deniedUntilMs > nowMs || this.#order.error_code === 'EARLY_CANCEL_DENIED');
    this.#hint.classList.toggle('denied', isDenied);
    const time = isEarly ? clock(allowedAtMs - nowMs) : '';
    setText(this.#hint, !isEarly ? '' : t(isDenied ? 'order.too_early' : 'order.possible_in', { time }));
  }

  #showChain(order) {
    const { text, id } = describeChain(order);
    this.#chain.hidden = text === '';
    // Orders have no other name; the first letters tell those on a page apart.
    this.#chain.replaceChildren(text, ...(id ? [' ', h('a', { href: `#order-${id}` }, id.slice(0, 8))] : []));
  }

  #showCode(code, previous) {
    this.element.classList.toggle('has-code', code !== null);
    this.#codeBox.hidden = code === null && isClosed(this.#order);
    this.#codeBox.classList.toggle('awaited', code === null);
    if (previous && code === previous.code) return;
    if (code === null) {
      this.#codeBox.replaceChildren(h('span', {}, t('order.code_here'))); // where it will be, so that nothing jumps then
      return;
    }
    this.#codeBox.replaceChildren(
      h('span', { class: 'code' }, code),
      copyButton('button primary copy', t('order.copy_code'), () => code),
    );
    if (previous) replay(this.element, 'arrived');
  }

  #build(order, nowMs) {
    arrangeChildren(this.element, [
      cardHead(this.element, order, this.#titles, this.#status, nowMs),
      this.#phoneRow,
      this.#codeBox,
      this.#sms,
      this.#note,
      this.#chain,
      this.#bar,
      h('footer', {}, this.#left, this.#hint, this.#cancel, this.#another, this.#finish),
    ]);
  }
}

/** @returns {{ text: string, id?: string }} What followed the order, else what it follows; '' for neither. Pure. */
export function describeChain({ retry_of: first, retried_by: next, retry_refused: refused }) {
  if (next) return { text: t('order.tried_again'), id: next };
  const reason = `not_retried.${refused}`; // who cancelled knows why, so that code has no text
  if (has(reason)) return { text: t('order.not_retried', { reason: t(reason) }) };
  return first ? { text: t('order.try_of'), id: first } : { text: '' };
}

/** An event from before there were further SMS does not name them. */
function awaitsAnother({ another_sms: another }) {
  return (another ?? null) !== null;
}

/** @returns {string} How far one more SMS is, in words; '' for none wanted. Pure. */
export function describeAnother(order) {
  if (!awaitsAnother(order)) return '';
  return t(order.another_sms === 'requested' ? 'order.asking_another' : 'order.awaiting_another');
}

/** @returns {string | null} The error worth a line: not one overtaken by a code, nor one that the hint tells better. */
function troubleOf({ status, error_code: errorCode }) {
  if (status === 'received' && errorCode === 'RETRY_REFUSED') return errorCode;
  const isServed = status === 'received' || status === 'completed';
  return isServed || errorCode === 'EARLY_CANCEL_DENIED' ? null : errorCode;
}
