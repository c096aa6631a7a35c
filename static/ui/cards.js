/**
 * The user's virtual cards, as far as there are any to be had.
 *
 * A card on the wire tells neither last digits, name nor expiry: those come with the list, which is read when the view
 * is opened, and when an event tells of a card whose details are not known yet.
 */

import { announce } from './announcer.js';
import { arrangeChildren, bringIntoView, byId, keepingFocus, setText } from './dom.js';
import { showFailure } from './failure.js';
import { t } from './language.js';
import { setUpNewCard } from './new_card.js';
import { VirtualCard, cardStatus } from './virtual_card.js';

const PAGE = 20;
const TRANSACTIONS = 50;
const NONE = Object.freeze({ on_sale: false });
const DETAILS = ['name_on_card', 'last4', 'expiry'];
const CLOSED = new Set(['terminated', 'failed']);

/**
 * @param {import('./api.js').Api} api
 * @param {() => number} nowMs Service time.
 * @param {AbortSignal} signal Ends it.
 * @returns {{ start: () => Promise<void>, open: () => void, take: (event: object) => void, rebuild: () => void }}
 *   start: learns whether there are cards here; take: an event of a card.
 */
export function setUpCards(api, nowMs, signal) {
  /** @type {Map<string, object>} By id, as last told. */
  const cards = new Map();
  const elements = new Map();
  let offer = NONE;
  let pages = 1;
  let total = 0;
  let asked = 0;
  let isOpen = false;

  const actions = {
    reveal: (id) => api.revealCard(id),
    fund: (id, usd, key) => taking(api.fundCard(id, usd, key)),
    block: (id) => taking(api.blockCard(id)),
    unblock: (id) => taking(api.unblockCard(id)),
    transactions: async (id) => (await api.cardTransactions({ card_id: id, limit: TRANSACTIONS })).transactions,
  };
  const form = setUpNewCard(api, () => offer, (card) => {
    learn([card]);
    bringIntoView(elements.get(card.card_id)?.element);
    load();
  }, signal);

  /** What came back of a request: the card as it is then, in a refusal, too. */
  async function taking(request) {
    try {
      learn([await request]);
    } catch (error) {
      if (error.data?.card) learn([error.data.card]);
      throw error;
    }
  }

  function learn(told) {
    if (signal.aborted) return;
    for (const card of told) {
      const known = cards.get(card.card_id);
      const details = Object.fromEntries(DETAILS.map((name) => [name, card[name] ?? known?.[name] ?? null]));
      if (known && known.status !== card.status) announce(t('cards.now', { status: cardStatus(card) }));
      cards.set(card.card_id, { ...card, ...details });
    }
    show();
  }

  function show() {
    const newest = [...cards.values()].sort((a, b) =>
      CLOSED.has(a.status) - CLOSED.has(b.status) || Date.parse(b.created_at) - Date.parse(a.created_at));
    keepingFocus(() => arrangeChildren(byId('card-list'), newest.map((card) => elementOf(card))));
    byId('no-cards').hidden = cards.size > 0 || byId('card-list').ariaBusy === 'true';
    byId('more-cards').hidden = cards.size >= total;
    byId('new-card').hidden = !offer.on_sale;
  }

  function elementOf(card) {
    if (!elements.has(card.card_id)) elements.set(card.card_id, new VirtualCard(actions, () => offer, nowMs, signal));
    const shown = elements.get(card.card_id);
    shown.update(card);
    return shown.element;
  }

  async function load() {
    asked += 1;
    const mine = asked;
    const message = byId('cards-message');
    byId('card-list').ariaBusy = 'true';
    byId('no-cards').hidden = true;
    try {
      const found = await Promise.all(Array.from({ length: pages }, (_, i) => api.cards({ page: i + 1, size: PAGE })));
      if (mine !== asked || signal.aborted) return;
      setText(message, '');
      byId('card-list').ariaBusy = null;
      total = found.at(-1).total;
      learn(found.flatMap((page) => page.cards));
    } catch (error) {
      if (mine === asked && !signal.aborted) showFailure(message, error, load);
    } finally {
      if (mine === asked) byId('card-list').ariaBusy = null;
    }
  }

  function open() {
    isOpen = true;
    load();
  }

  function take({ type, data }) {
    if (!isOpen) return;
    if (type === 'card.transaction') {
      elements.get(data.card_id)?.reloadTransactions();
      return;
    }
    learn([data]);
    const { last4, status } = cards.get(data.card_id) ?? {};
    if (last4 === null && status === 'active') load();
  }

  async function start() {
    offer = await api.cardOffer().catch(() => NONE);
    if (signal.aborted) return;
    byId('cards-link').hidden = !offer.on_sale && !offer.is_served;
    form.show();
    show();
  }

  byId('card-list').replaceChildren();
  byId('card-list').ariaBusy = 'true';
  byId('cards-link').hidden = true;
  byId('new-card').addEventListener('click', () => form.open(), { signal });
  byId('more-cards').addEventListener('click', () => {
    pages += 1;
    load();
  }, { signal });
  const rebuild = () => {
    for (const each of elements.values()) each.close();
    elements.clear();
    form.show();
    show();
  };
  return { start, open, take, rebuild };
}
