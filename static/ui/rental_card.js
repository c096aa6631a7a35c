/**
 * One rental on the page: its number, how long it runs, all its SMS, and what may be done with it.
 *
 * `update` shows a rental, `tick` what depends on the time. Both may be called at will; they touch what has changed.
 */

import { Attempt } from './attempt.js';
import { copyButton } from './clipboard.js';
import { countdown } from './countdown.js';
import { arrangeChildren, h, replay, setText } from './dom.js';
import { humanError } from './errors.js';
import { clock, localTime, longClock, phoneGroups } from './format.js';
import { HOURS_MAX, describeHours, hourOptions, times } from './hours.js';
import { hueOf } from './order_card.js';
import { isClosed } from './store.js';

/** So long a rental can be given back, counted from its order: the service counts from the purchase, which is later. */
export const CANCEL_MS = 20 * 60_000;
const CONFIRM_MS = 5_000;

const STATUS = {
  ordering: 'Getting a number',
  active: 'Rented',
  completed: 'Finished',
  cancelled: 'Cancelled',
  expired: 'Ended',
  failed: 'No number',
};

/** @returns {number} How much longer it can be given back; 0: not any more. Pure. @param {number} nowMs Service time. */
export function cancelLeftMs(rental, nowMs) {
  if (isClosed(rental)) return 0;
  return Math.max(0, Date.parse(rental.created_at) + CANCEL_MS - nowMs);
}

/** @returns {string} What became of the last extension, in words; '' for none. Pure. */
export function describeExtension({ extension }) {
  if (!extension) return '';
  const by = describeHours(extension.hours);
  if (extension.status === 'requested') return `Extending by ${by} for ${extension.price} …`;
  if (extension.status === 'extended') return `Extended by ${by} for ${extension.price}.`;
  return `Not extended, and nothing was charged for it. ${humanError({ code: extension.error_code, message: '' })}`.trim();
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
  #phoneRow = h('div', { class: 'phone-row' }, this.#phone, copyButton('button copy-phone', 'Copy', () => this.phone));
  #sms = h('ul', { class: 'sms messages', 'aria-label': 'Messages' });
  #quiet = h('p', { class: 'chain' }, 'No messages yet; they appear here by themselves.');
  #left = h('span', { class: 'left' });
  #bar = h('progress', { class: 'bar', max: 1, 'aria-hidden': 'true' });
  #extension = h('p', { class: 'chain', role: 'status' });
  #hours = h('select', { 'aria-label': 'For how much longer' });
  #price = h('span', { class: 'extend-price' });
  #extend = h('button', { type: 'submit', class: 'button' }, 'Extend');
  #form = h('form', { class: 'extend' }, this.#hours, this.#price, this.#extend);
  #cancel = h('button', { type: 'button', class: 'button cancel' }, 'Cancel');
  #finish = h('button', { type: 'button', class: 'button finish' }, 'Finish');
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
    this.element = h('article', { class: 'order rental' });
    this.#hours.addEventListener('change', () => this.#showPrice());
    this.#form.addEventListener('submit', (submit) => this.#submitExtension(submit));
    this.#cancel.addEventListener('click', () => busy(this.#cancel, () => actions.cancel(this.#rental.id)));
    this.#finish.addEventListener('click', () => this.#confirmFinish());
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
      setText(this.#left, remainingMs > 0 ? `${longClock(remainingMs)} left` : 'time is up, settling');
      this.#bar.value = share;
      this.element.classList.toggle('short', remainingMs < 3_600_000);
    }
    const leftMs = cancelLeftMs(rental, nowMs);
    const isAsked = rental.cancel_requested || rental.finish_requested;
    this.#cancel.hidden = leftMs === 0 || isAsked;
    this.#finish.hidden = rental.status !== 'active' || isAsked;
    setText(this.#finish, this.#confirmUntilMs > Date.now() ? 'Give it up? No money back' : 'Finish');
    setText(this.#hint, this.#cancel.hidden ? '' : `cancel for ${clock(leftMs)} more`);
    this.#form.hidden = !isRunning || isAsked || this.#hours.options.length === 0;
  }

  #show(rental, nowMs) {
    const previous = this.#rental;
    this.#rental = rental;
    if (!previous) this.#build(rental, nowMs);
    this.element.dataset.id = rental.id;
    this.element.dataset.status = rental.status;
    this.element.dataset.open = String(!isClosed(rental));
    const isAsked = !isClosed(rental) && (rental.cancel_requested || rental.finish_requested);
    setText(this.#status, isAsked ? (rental.cancel_requested ? 'Cancelling' : 'Finishing') : STATUS[rental.status]);
    this.#phoneRow.hidden = rental.phone === null;
    if (rental.phone !== null && this.#phone.textContent !== this.phone) {
      this.#phone.replaceChildren(...phoneGroups(rental.phone).map((group) => h('span', {}, group)));
    }
    this.#sms.replaceChildren(...[...rental.sms].reverse().map((sms) => messageRow(sms, nowMs)));
    this.#sms.hidden = rental.sms.length === 0;
    this.#quiet.hidden = rental.sms.length > 0 || rental.status !== 'active';
    if (previous && rental.sms.length > previous.sms.length) replay(this.element, 'arrived');
    setText(this.#extension, describeExtension(rental));
    this.#extension.hidden = !rental.extension;
    this.#extend.disabled = rental.extension?.status === 'requested';
    this.#offerHours(rental);
    const trouble = rental.status === 'completed' || rental.status === 'expired' ? null : rental.error_code;
    setText(this.#note, trouble === null ? '' : humanError({ code: trouble }));
    this.#note.hidden = trouble === null;
  }

  #offerHours({ hours, service }) {
    const offered = this.#priceHour(service) === null ? [] : hourOptions(HOURS_MAX - hours);
    if (this.#hours.options.length !== offered.length) this.#hours.replaceChildren(...offered);
    this.#showPrice();
  }

  #showPrice() {
    const priceHour = this.#priceHour(this.#rental.service);
    setText(this.#price, priceHour === null ? '' : times(priceHour, Number(this.#hours.value)));
  }

  async #submitExtension(submit) {
    submit.preventDefault();
    const hours = Number(this.#hours.value);
    const key = this.#attempt.keyFor({ hours });
    await busy(this.#extend, async () => {
      this.#attempt.settle(await this.#actions.extend(this.#rental.id, hours, key));
    });
    this.#extend.disabled = this.#rental.extension?.status === 'requested';
  }

  /** Nothing comes back for a number that is given up: the first press asks. */
  #confirmFinish() {
    if (this.#confirmUntilMs > Date.now()) {
      this.#confirmUntilMs = 0;
      busy(this.#finish, () => this.#actions.finish(this.#rental.id));
    } else {
      this.#confirmUntilMs = Date.now() + CONFIRM_MS;
    }
    setText(this.#finish, this.#confirmUntilMs > 0 ? 'Give it up? No money back' : 'Finish');
  }

  #build(rental, nowMs) {
    const service = this.#titles.service(rental.service);
    const badge = h('span', { class: 'badge', 'aria-hidden': 'true' }, service.charAt(0));
    badge.style.setProperty('--hue', hueOf(rental.service));
    const rented = h('time', { dateTime: rental.created_at }, localTime(rental.created_at, nowMs));
    const meta = h('p', { class: 'meta' }, `${this.#titles.country(rental.country)} · ${rental.price} · `, rented);
    arrangeChildren(this.element, [
      h('header', {}, badge, h('h3', {}, service), this.#status, meta),
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

function messageRow({ code, text, received_at: at }, nowMs) {
  const words = h('span', {}, text || code || 'no longer kept');
  const time = h('time', { dateTime: at }, localTime(at, nowMs));
  return h('li', {}, words, code ? copyButton('button copy-code', `Copy ${code}`, () => code) : null, time);
}

async function busy(button, work) {
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  await work();
  button.disabled = false;
  button.removeAttribute('aria-busy');
}
