/**
 * One order on the page: a card while it lives, a quiet row once it is closed. The same element in both.
 *
 * `update` shows an order, `tick` what depends on the time. Both may be called at will; they touch what has changed.
 */

import { copyButton } from './clipboard.js';
import { countdown } from './countdown.js';
import { arrangeChildren, h, replay, setText } from './dom.js';
import { humanError } from './errors.js';
import { clock, localTime, phoneGroups } from './format.js';
import { isClosed } from './store.js';

const STATUS = {
  ordering: 'Getting a number',
  pending: 'Waiting for SMS',
  received: 'Code received',
  completed: 'Completed',
  cancelled: 'Cancelled',
  timeout: 'No SMS in time',
  failed: 'No number',
};

/** Why an order was not tried again, where its user had wanted that. */
const NOT_RETRIED = {
  INSUFFICIENT_FUNDS: 'not enough available',
  NO_NUMBERS: 'nobody else has numbers',
  NOT_FOR_SALE: 'it is not sold any more',
  PRICE_ABOVE_LIMIT: 'it would cost more',
  TOO_MANY_OPEN_ORDERS: 'too many orders are open',
  RETRIES_USED_UP: 'often enough',
};

export class OrderCard {
  #order = null;
  #titles;
  #deniedUntilMs = 0;

  #status = h('span', { class: 'status' });
  #phone = h('span', { class: 'phone' });
  #phoneRow = h('div', { class: 'phone-row' }, this.#phone, copyButton('button copy-phone', 'Copy', () => this.phone));
  #codeBox = h('div', { class: 'code-box' });
  #sms = h('ul', { class: 'sms' });
  #left = h('span', { class: 'left' });
  #bar = h('progress', { class: 'bar', max: 1, 'aria-hidden': 'true' });
  #cancel = h('button', { type: 'button', class: 'button cancel' }, 'Cancel');
  #hint = h('span', { class: 'hint' });
  #note = h('p', { class: 'note' });
  #chain = h('p', { class: 'chain' });

  /**
   * @param {{ service: (slug: string) => string, country: (slug: string) => string }} titles
   * @param {(id: string) => Promise<void>} onCancel
   */
  constructor(titles, onCancel) {
    this.#titles = titles;
    this.#cancel.addEventListener('click', async () => {
      this.#cancel.disabled = true;
      await onCancel(this.#order.id);
      this.#cancel.disabled = false;
    });
    this.element = h('article', { class: 'order' });
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
    this.element.id = `order-${order.id}`;
    this.element.dataset.status = order.status;
    setText(this.#status, order.cancel_requested && !isClosed(order) ? 'Cancelling' : STATUS[order.status]);
    this.#phoneRow.hidden = order.phone === null;
    if (order.phone !== null && this.#phone.textContent !== this.phone) {
      this.#phone.replaceChildren(...phoneGroups(order.phone).map((group) => h('span', {}, group)));
    }
    this.#showCode(order.code, previous);
    this.#sms.replaceChildren(...order.sms.map((sms) => smsRow(sms, nowMs)));
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
    const isWaiting = isOpen && expiresAt !== null && code === null;
    this.#bar.hidden = !isWaiting;
    this.#left.hidden = !isWaiting;
    if (isWaiting) {
      const { remainingMs, share, isShort } = countdown(createdAt, (status === 'pending' && waitsUntil) || expiresAt, nowMs);
      setText(this.#left, remainingMs > 0 ? `${clock(remainingMs)} left` : 'time is up, settling');
      this.#bar.value = share;
      this.element.classList.toggle('short', isShort);
    }
    this.#cancel.hidden = !isOpen || status === 'received' || code !== null || this.#order.cancel_requested;
    this.#showCancelTime(nowMs);
  }

  /** The button stays usable before its time: the service decides, and the hint says what to expect. */
  #showCancelTime(nowMs) {
    const allowedAt = this.#order.cancel_allowed_at;
    const allowedAtMs = Math.max(allowedAt === null ? 0 : Date.parse(allowedAt), this.#deniedUntilMs);
    const isEarly = !this.#cancel.hidden && allowedAtMs > nowMs;
    this.#cancel.classList.toggle('early', isEarly);
    const wait = isEarly ? clock(allowedAtMs - nowMs) : '';
    const isDenied = isEarly && (this.#deniedUntilMs > nowMs || this.#order.error_code === 'EARLY_CANCEL_DENIED');
    this.#hint.classList.toggle('denied', isDenied);
    setText(this.#hint, !isEarly ? '' : isDenied ? `too early, wait ${wait}` : `possible in ${wait}`);
  }

  #showChain(order) {
    const { text, id } = describeChain(order);
    this.#chain.hidden = text === '';
    // Orders have no other name; the first letters tell those on a page apart.
    this.#chain.replaceChildren(text, ...(id ? [' ', h('a', { href: `#order-${id}` }, id.slice(0, 8))] : []));
  }

  #showCode(code, previous) {
    this.element.classList.toggle('has-code', code !== null);
    if (code === null || code === previous?.code) {
      this.#codeBox.hidden = code === null;
      return;
    }
    this.#codeBox.hidden = false;
    this.#codeBox.replaceChildren(
      h('span', { class: 'code' }, code),
      copyButton('button primary copy', 'Copy code', () => code),
    );
    if (previous) replay(this.element, 'arrived');
  }

  #build(order, nowMs) {
    const service = this.#titles.service(order.service);
    const badge = h('span', { class: 'badge', 'aria-hidden': 'true' }, service.charAt(0));
    badge.style.setProperty('--hue', hueOf(order.service));
    const bought = h('time', { dateTime: order.created_at }, localTime(order.created_at, nowMs));
    const meta = h('p', { class: 'meta' }, `${this.#titles.country(order.country)} · ${order.price} · `, bought);
    arrangeChildren(this.element, [
      h('header', {}, badge, h('h3', {}, service), this.#status, meta),
      this.#phoneRow,
      this.#codeBox,
      this.#sms,
      this.#note,
      this.#chain,
      this.#bar,
      h('footer', {}, this.#left, this.#hint, this.#cancel),
    ]);
  }
}

/** @returns {{ text: string, id?: string }} What followed the order, else what it follows; '' for neither. Pure. */
export function describeChain({ retry_of: first, retried_by: next, retry_refused: refused }) {
  if (next) return { text: 'Tried again as', id: next };
  if (Object.hasOwn(NOT_RETRIED, refused ?? '')) return { text: `Not tried again: ${NOT_RETRIED[refused]}.` };
  return first ? { text: 'Another try of', id: first } : { text: '' };
}

function smsRow({ text, received_at: at }, nowMs) {
  return h('li', {}, h('span', {}, text ?? 'no longer kept'), h('time', { dateTime: at }, localTime(at, nowMs)));
}

/** @returns {string | null} The error worth a line: not one overtaken by a code, nor one that the hint tells better. */
function troubleOf({ status, error_code: errorCode }) {
  const isServed = status === 'received' || status === 'completed';
  return isServed || errorCode === 'EARLY_CANCEL_DENIED' ? null : errorCode;
}

/** @returns {number} A colour angle that stays with the name. */
export function hueOf(slug) {
  let hash = 0;
  for (const char of slug) hash = (hash * 31 + char.codePointAt(0)) % 360;
  return hash;
}
