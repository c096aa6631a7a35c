/**
 * One virtual card on the page: its face, balance and status, what may be done with it, and what was paid with it.
 *
 * `update` shows a card; it may be called at will and touches what has changed. Texts that do not change are made once:
 * in another language, the element is made anew. Number and code are `reveal.js`'s alone.
 */

import { Attempt } from './attempt.js';
import { amountOf, isInRange, priceOf } from './card_price.js';
import { busy, h, keepingFocus, setText } from './dom.js';
import { humanError } from './errors.js';
import { dayAndTime, localTime, money, t } from './language.js';
import { Reveal } from './reveal.js';

const OPEN = new Set(['ordering', 'pending']);
const HIDDEN_DIGITS = '••••';

/** @returns {boolean} Whether dollars are on their way to it, the first ones included. Pure. */
export function isFunding({ funding }) {
  return funding !== null && OPEN.has(funding.status);
}

/** @returns {string} The status as shown: what is asked for, until it is done. Pure. */
export function cardStatus({ status, wanted_action: wanted }) {
  return t(`card_status.${wanted === null ? status : `wanted_${wanted}`}`);
}

/** @returns {string} What became of the newest dollars, in words; '' for nothing to say. Pure. */
export function describeFunding({ status, funding }) {
  if (funding === null || status === 'failed') return '';
  const values = { usd: money(funding.usd), price: money(funding.price) };
  if (OPEN.has(funding.status)) return t(funding.kind === 'creation' ? 'cards.making' : 'cards.funding', values);
  if (funding.status === 'failed') {
    return t('cards.not_funded', { why: funding.error_code === null ? '' : humanError({ code: funding.error_code }) }).trim();
  }
  return funding.kind === 'creation' ? '' : t('cards.funded', values);
}

/** @typedef {{ reveal(id: string): Promise<object>, fund(id: string, usd: string, key: string): Promise<object>,
 *   block(id: string): Promise<object>, unblock(id: string): Promise<object>,
 *   transactions(id: string): Promise<object[]> }} CardActions They raise ApiError; cards that come back are taken. */

export class VirtualCard {
  #card = null;
  #actions;
  #offer;
  #nowMs;
  #attempt = new Attempt();
  #reveal;

  #brand = h('h3');
  #status = h('span', { class: 'status' });
  #number = h('p', { class: 'face-number' });
  #name = h('dd', { dir: 'auto' });
  #expiry = h('dd');
  #balance = h('span', { class: 'amount' });
  #asOf = h('span', { class: 'fine' });
  #note = h('p', { class: 'note' });
  #funding = h('p', { class: 'chain' });
  #show = h('button', { type: 'button', class: 'button small show-number' }, t('cards.show_number'));
  #block = h('button', { type: 'button', class: 'button small block' }, t('cards.block'));
  #unblock = h('button', { type: 'button', class: 'button small unblock' }, t('cards.unblock'));
  #usd = h('input', { type: 'text', inputMode: 'decimal', required: true, autocomplete: 'off', maxLength: 10 });
  #add = h('button', { type: 'submit', class: 'button' }, t('cards.add_money'));
  #price = h('span', { class: 'fine', role: 'status' });
  #message = h('p', { class: 'message', role: 'alert' });
  #form = h('form', { class: 'fund', noValidate: true }, h('label', {}, t('cards.add_usd'), this.#usd), this.#add, this.#price);
  #rows = h('ul');
  #spent = h('details', { class: 'spent' }, h('summary', {}, t('cards.transactions')), this.#rows);

  /**
   * @param {CardActions} actions
   * @param {() => import('./card_price.js').CardOffer} offer
   * @param {() => number} nowMs Service time.
   * @param {AbortSignal} signal Ends it.
   */
  constructor(actions, offer, nowMs, signal) {
    this.#actions = actions;
    this.#offer = offer;
    this.#nowMs = nowMs;
    this.#reveal = new Reveal(signal, () => this.#showActions());
    // Can be given the focus by script: it is where the focus goes when a control in it is gone.
    this.element = h('article', { class: 'bank-card', tabIndex: -1 });
    const act = (button, doing) => button.addEventListener('click', () => busy(button, () => this.#do(doing)));
    act(this.#show, async () => this.#reveal.show(await actions.reveal(this.#card.card_id)));
    act(this.#block, () => actions.block(this.#card.card_id));
    act(this.#unblock, () => actions.unblock(this.#card.card_id));
    this.#usd.addEventListener('input', () => this.#showPrice());
    this.#form.addEventListener('submit', (submit) => {
      submit.preventDefault();
      busy(this.#add, () => this.#fund());
    });
    this.#spent.addEventListener('toggle', () => this.#spent.open && this.reloadTransactions());
    this.element.append(
      h('div', { class: 'face' }, h('div', { class: 'face-top' }, this.#brand, this.#status), this.#number,
        h('dl', {}, fact('cards.name', this.#name), fact('cards.expiry', this.#expiry))),
      h('p', { class: 'bank-balance' }, this.#balance, this.#asOf),
      this.#note, this.#funding, this.#reveal.element, this.#message,
      h('div', { class: 'bank-actions' }, this.#show, this.#block, this.#unblock), this.#form, this.#spent,
    );
  }

  /** @param {object} card With its details, as far as they are known. */
  update(card) {
    const hasMoved = this.#card !== null && this.#card.balance !== card.balance;
    this.#card = card;
    this.element.dataset.id = card.card_id;
    this.element.dataset.status = card.status;
    const last4 = card.last4 ?? '····';
    this.element.setAttribute('aria-label', t('cards.named', { brand: brandOf(card), last4 }));
    setText(this.#brand, brandOf(card));
    setText(this.#status, cardStatus(card));
    setText(this.#number, [HIDDEN_DIGITS, HIDDEN_DIGITS, HIDDEN_DIGITS, last4].join(' '));
    setText(this.#name, card.name_on_card ?? '–');
    setText(this.#expiry, card.expiry ?? '–');
    setText(this.#balance, card.balance === null ? '–' : t('cards.usd', { amount: money(card.balance) }));
    setText(this.#asOf, card.checked_at === null ? '' : t('cards.as_of', { time: localTime(card.checked_at, this.#nowMs()) }));
    setText(this.#note, card.error_code === null ? '' : humanError({ code: card.error_code }));
    this.#note.hidden = card.error_code === null;
    setText(this.#funding, describeFunding(card));
    this.#funding.hidden = this.#funding.textContent === '';
    if (card.status !== 'active') this.#reveal.hide();
    this.#showActions();
    this.#showPrice();
    if (hasMoved && this.#spent.open) this.reloadTransactions();
  }

  /** It is not shown any more: nothing of it is to be seen or copied. */
  close() {
    this.#reveal.hide();
  }

  async reloadTransactions() {
    this.#rows.ariaBusy = 'true';
    try {
      const rows = await this.#actions.transactions(this.#card.card_id);
      this.#rows.replaceChildren(...(rows.length > 0 ? rows.map(transactionRow) : [h('li', {}, t('cards.no_transactions'))]));
    } catch (error) {
      this.#rows.replaceChildren(h('li', { class: 'message' }, humanError(error)));
    } finally {
      this.#rows.ariaBusy = null;
    }
  }

  #showActions() {
    keepingFocus(() => {
      const { status, wanted_action: wanted } = this.#card;
      const isFree = wanted === null;
      this.#show.hidden = status !== 'active' || this.#reveal.isShown;
      this.#block.hidden = !isFree || !['active', 'inactive'].includes(status);
      this.#unblock.hidden = !isFree || status !== 'blocked';
      this.#form.hidden = status !== 'active' || !isFree || isFunding(this.#card) || !this.#offer().on_sale;
      this.#spent.hidden = status === 'pending_activation' || status === 'failed';
    });
  }

  #showPrice() {
    const offer = this.#offer();
    if (!offer.on_sale) return;
    const usd = amountOf(this.#usd.value);
    const isSold = usd !== null && isInRange(offer, usd);
    setText(this.#price, isSold ? t('cards.costs', { price: money(priceOf(offer, usd, false)) }) : this.#range());
  }

  #range() {
    const { usd_min: min, usd_max: max } = this.#offer();
    return t('cards.range', { min: money(min), max: money(max) });
  }

  async #fund() {
    const usd = amountOf(this.#usd.value);
    if (usd === null || !isInRange(this.#offer(), usd)) {
      setText(this.#message, this.#range());
      this.#usd.focus();
      return;
    }
    const key = this.#attempt.keyFor({ usd });
    let problem = null;
    await this.#do(() => this.#actions.fund(this.#card.card_id, usd, key).catch((error) => {
      problem = error;
      throw error;
    }));
    this.#attempt.settle(problem);
    if (problem === null) this.#usd.value = '';
    this.#showPrice();
  }

  async #do(doing) {
    setText(this.#message, '');
    try {
      await doing();
    } catch (error) {
      setText(this.#message, humanError(error));
    }
  }
}

function fact(key, value) {
  return h('div', {}, h('dt', {}, t(key)), value);
}

function brandOf({ brand }) {
  return brand === null ? t('cards.card') : brand.charAt(0).toUpperCase() + brand.slice(1);
}

function transactionRow({ usd, narrative, type, status, at }) {
  const isIn = !usd.startsWith('-');
  const isDone = !['declined', 'failed', 'reversed'].includes(status.toLowerCase());
  const amount = `${isIn ? '+' : '−'}${money(isIn ? usd : usd.slice(1))}`;
  const words = h('span', {}, h('bdi', {}, narrative || type || '–'), isDone ? null : ` · ${t('cards.declined')}`);
  words.append(h('time', { dateTime: at }, dayAndTime(at)));
  return h('li', {}, words, h('span', { class: `usd ${isDone ? (isIn ? 'in' : '') : 'declined'}` }, amount));
}
