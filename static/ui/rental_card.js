/**
 * One rental on the page: its number, how long it runs, all its SMS, and what may be done with it.
 *
 * `update` shows a rental, `tick` what depends on the time. Both may be called at will; they touch what has changed.
 * Texts that do not change are made once: in another language, a card is made anew.
 */

import { announce } from './announcer.js';
import { Attempt } from './attempt.js';
import { announceEnd, cardHead, messageRow, showPhone } from './card_parts.js';
import { copyButton } from './clipboard.js';
import { countdown } from './countdown.js';
import { arrangeChildren, busy, h, replay, setText } from './dom.js';
import { rentalError } from './errors.js';
import { clock, longClock } from './format.js';
import { HOURS_MAX, describeHours, hourOptions, times } from './hours.js';
import { money, t } from './language.js';
import { isClosed } from './store.js';

/** So long a rental can be given back, counted from its order: the service counts from the purchase, which is later. */
export const CANCEL_MS = 20 * 60_000;
const CONFIRM_MS = 5_000;

/** @returns {number} How much longer it can be given back; 0: not any more. Pure. @param {number} nowMs Service time. */
export function cancelLeftMs(rental, nowMs) {
  if (isClosed(rental)) return 0;
  return Math.max(0, Date.parse(rental.created_at) + CANCEL_MS - nowMs);
}

/** @returns {boolean} Whether it is not known yet if the rental is extended: until then it cannot be ended. Pure. */
export function isExtending(rental) {
  return !isClosed(rental) && rental.extension?.status === 'requested';
}

/** @returns {string} What became of the last extension, in words; '' for none. Pure. */
export function describeExtension({ extension }) {
  if (!extension) return '';
  const by = describeHours(extension.hours);
  const change = { hours: by, price: money(extension.price) };
  if (extension.status === 'requested') return t('rental.extending', change);
  if (extension.status === 'extended') return t('rental.extended', change);
  return t('rental.not_extended', { why: rentalError({ code: extension.error_code, message: '' }) }).trim();
}

/** @typedef {{ cancel(id: string): Promise<void>, finish(id: string): Promise<void>,
 *   extend(id: string, hours: number, key: string): Promise<Error | null> }} RentalActions They tell what went wrong. */

export class RentalCard {
  #rental = null;
  #titles;
  #priceHour;
  #actions;
  #attempt = new Attempt();
  #confirmUntilMs = 0;

  #status = h('span', { class: 'status' });
  #phone = h('span', { class: 'phone' });
  #copyPhone = copyButton('button small copy-phone', t('order.copy'), () => this.phone);
  #phoneRow = h('div', { class: 'phone-row' }, this.#phone, this.#copyPhone);
  #sms = h('ul', { class: 'sms messages', 'aria-label': t('order.messages') });
  #quiet = h('p', { class: 'chain' }, t('rental.quiet'));
  #left = h('span', { class: 'left' });
  #bar = h('progress', { class: 'bar', max: 1, 'aria-hidden': 'true' });
  #extension = h('p', { class: 'chain' });
  #hours = h('select', { 'aria-label': t('rental.how_long') });
  #price = h('span', { class: 'extend-price' });
  #extend = h('button', { type: 'submit', class: 'button small' }, t('rental.extend'));
  #form = h('form', { class: 'extend' }, this.#hours, this.#price, this.#extend);
  #cancel = h('button', { type: 'button', class: 'button small cancel' }, t('order.cancel'));
  #finish = h('button', { type: 'button', class: 'button small finish' }, t('rental.finish'));
  #hint = h('span', { class: 'hint' });
  #note = h('p', { class: 'note' });
  #footer = h('footer', {}, this.#left, this.#hint, this.#cancel, this.#finish);

  /**
   * @param {{ service: (slug: string) => string, country: (slug: string) => string }} titles
   * @param {(service: string) => string | null} priceHour What an hour costs now; null: it is not for rent any more.
   * @param {RentalActions} actions
   */
  constructor(titles, priceHour, actions) {
    this.#titles = titles;
    this.#priceHour = priceHour;
    this.#actions = actions;
    this.element = h('article', { class: 'order rental', tabIndex: -1 });
    this.#hours.addEventListener('change', () => this.#showPrice());
    this.#form.addEventListener('submit', (submit) => this.#submitExtension(submit));
    this.#cancel.addEventListener('click', () => busy(this.#cancel, () => actions.cancel(this.#rental.id)));
    this.#finish.addEventListener('click', () => this.#confirmFinish());
    this.#finish.addEventListener('keydown', (press) => {
      if (press.key !== 'Escape' || this.#confirmUntilMs === 0) return;
      press.preventDefault(); // it means this question, and no message over the page
      this.#ask(0);
    });
  }

  get phone() {
    return `+${this.#rental.phone}`;
  }

  /** @param {object} rental @param {number} nowMs Service time. */
  update(rental, nowMs) {
    if (this.#rental !== rental) this.#show(rental, nowMs);
    this.tick(nowMs);
  }

  /** @param {number} nowMs Service time. */
  tick(nowMs) {
    const rental = this.#rental;
    const isRunning = rental.status === 'active' && rental.ends_at !== null;
    this.#bar.hidden = !isRunning;
    this.#left.hidden = !isRunning;
    if (isRunning) {
      const { remainingMs, share } = countdown(rental.created_at, rental.ends_at, nowMs);
      setText(this.#left, remainingMs > 0 ? t('order.left', { time: longClock(remainingMs) }) : t('order.settling'));
      this.#bar.value = share;
      this.element.classList.toggle('short', remainingMs < 3_600_000);
    }
    const leftMs = cancelLeftMs(rental, nowMs);
    const isAsked = rental.cancel_requested || rental.finish_requested;
    const isUndecided = isExtending(rental); // the service would refuse, for it may have been sold already
    this.#cancel.hidden = leftMs === 0 || isAsked || isUndecided;
    this.#finish.hidden = rental.status !== 'active' || isAsked || isUndecided;
    if (this.#confirmUntilMs > 0 && (this.#confirmUntilMs <= Date.now() || isUndecided)) this.#ask(0);
    const cancelFor = this.#cancel.hidden ? '' : t('rental.cancel_for', { time: clock(leftMs) });
    setText(this.#hint, isUndecided ? t('rental.undecided') : cancelFor);
    this.#form.hidden = !isRunning || isAsked || isUndecided || this.#hours.options.length === 0;
  }

  #show(rental, nowMs) {
    const previous = this.#rental;
    this.#rental = rental;
    if (!previous) this.#build(rental, nowMs);
    this.element.dataset.id = rental.id;
    this.element.dataset.status = rental.status;
    this.element.dataset.open = String(!isClosed(rental));
    const isAsked = !isClosed(rental) && (rental.cancel_requested || rental.finish_requested);
    const asked = rental.cancel_requested ? 'cancelling' : 'finishing';
    setText(this.#status, t(`rental.${isAsked ? asked : rental.status}`));
    if (previous !== null && isClosed(rental) && !isClosed(previous)) announceEnd(rental, this.#titles, this.#status.textContent);
    this.#phoneRow.hidden = rental.phone === null;
    if (rental.phone !== null) showPhone(this.#phone, this.#copyPhone, rental.phone);
    this.#showMessages(rental, previous, nowMs);
    this.#sms.hidden = rental.sms.length === 0;
    this.#quiet.hidden = rental.sms.length > 0 || rental.status !== 'active';
    setText(this.#extension, describeExtension(rental));
    if (previous && rental.extension?.status !== previous.extension?.status) announce(describeExtension(rental));
    this.#extension.hidden = !rental.extension;
    this.#offerHours(rental);
    const trouble = rental.status === 'completed' || rental.status === 'expired' ? null : rental.error_code;
    setText(this.#note, trouble === null ? '' : rentalError({ code: trouble }));
    this.#note.hidden = trouble === null;
  }

  /** Newest first; made anew only if they have changed, for somebody may be at one of their buttons. */
  #showMessages({ sms }, previous, nowMs) {
    if (JSON.stringify(sms) === JSON.stringify(previous?.sms)) return;
    this.#sms.replaceChildren(...[...sms].reverse().map((each) => messageRow(each, nowMs, true)));
    if (previous && sms.length > previous.sms.length) replay(this.element, 'arrived');
  }

  #offerHours({ hours, service }) {
    const offered = this.#priceHour(service) === null ? [] : hourOptions(HOURS_MAX - hours);
    if (this.#hours.options.length !== offered.length) this.#hours.replaceChildren(...offered);
    this.#showPrice();
  }

  #showPrice() {
    const priceHour = this.#priceHour(this.#rental.service);
    setText(this.#price, priceHour === null ? '' : money(times(priceHour, Number(this.#hours.value))));
  }

  async #submitExtension(submit) {
    submit.preventDefault();
    const hours = Number(this.#hours.value);
    const key = this.#attempt.keyFor({ hours });
    await busy(this.#extend, async () => {
      this.#attempt.settle(await this.#actions.extend(this.#rental.id, hours, key));
    });
  }

  /** Nothing comes back for a number that is given up: the first press asks. */
  #confirmFinish() {
    if (this.#confirmUntilMs > 0) {
      this.#ask(0);
      busy(this.#finish, () => this.#actions.finish(this.#rental.id));
    } else {
      this.#ask(Date.now() + CONFIRM_MS);
    }
  }

  /** @param {number} untilMs How long the question stands; 0: not at all. */
  #ask(untilMs) {
    this.#confirmUntilMs = untilMs;
    setText(this.#finish, t(untilMs > 0 ? 'rental.confirm' : 'rental.finish'));
  }

  #build(rental, nowMs) {
    arrangeChildren(this.element, [
      cardHead(this.element, rental, this.#titles, this.#status, nowMs),
      this.#phoneRow,
      this.#sms,
      this.#quiet,
      this.#note,
      this.#extension,
      this.#bar,
      this.#form,
      this.#footer,
    ]);
  }
}
