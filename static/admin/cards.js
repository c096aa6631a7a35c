/**
 * Virtual cards: all of them, one with who did what to it, and whether our books are the provider's. Nothing here shows
 * whose name is on a card, or any of its digits: operators are not told them.
 */

import { h } from '../ui/dom.js';
import { growing } from './pages.js';
import { ask } from './question.js';
import { showNote } from './toast.js';
import { said } from './timeline.js';
import { button, facts, link, pill, section, table, userLink, when } from './view.js';

const COLUMNS = ['Card', 'Status', 'Balance, USD', 'Brand', 'Its id there', 'Newest funding', 'As of', 'Made', 'User'];
const FUNDINGS = ['Funding', 'Status', 'USD', 'Price', 'Why not', 'Asked for', 'Ended'];
const AUDIT = ['When', 'What', 'Change', 'By'];
const WEBHOOKS = ['Received', 'Event', 'Status', 'Signed', 'From', 'Error'];
const REPORTS = ['No.', 'Result', 'Cards', 'Not read', 'Differ', 'Corrected', 'USD here', 'USD there', 'Asked by', 'Begun', 'Over'];
const DIFFERENCES = ['Card', 'What', 'Here', 'There', 'Corrected'];

function cardLink(id) {
  return link(`#card/${id}`, id.slice(0, 8), 'id');
}

function row(card) {
  return [
    cardLink(card.card_id), pill(statusOf(card)), card.balance, card.brand, card.provider_card_id, fundingOf(card),
    when(card.checked_at), when(card.created_at), userLink(card.user_id, card.user_name ?? undefined),
  ];
}

function statusOf({ status, wanted_action: wanted }) {
  return wanted === null ? status : `${status}, ${wanted} asked`;
}

function fundingOf({ funding }) {
  return funding === null ? null : h('span', {}, `${funding.usd} `, pill(funding.status));
}

/** The view of `#cards`, or `#cards/<word>`. */
export async function showCards({ api, view, word, refresh }) {
  const input = h('input', { id: 'card-search', type: 'search', value: word, maxLength: 100 });
  input.placeholder = 'card, user, provider’s id';
  input.setAttribute('aria-label', 'Search');
  const form = h('form', { class: 'row search', role: 'search' }, input,
    h('button', { type: 'submit', class: 'button primary' }, 'Search'));
  form.addEventListener('submit', (submit) => {
    submit.preventDefault();
    const wanted = input.value.trim();
    location.hash = wanted ? `cards/${encodeURIComponent(wanted)}` : 'cards';
  });
  const [cards, reports] = await Promise.all([
    growing(async (before) => {
      const page = await api.get('cards', { limit: 25, before, q: word || null });
      return { rows: page.cards, next: page.next };
    }, (rows) => table('Newest first', COLUMNS, rows.map(row), word ? 'None of this name.' : 'None yet.')),
    growing(async (before) => {
      const page = await api.get('card-reconciliations', { limit: 5, before });
      return { rows: page.reconciliations, next: page.next };
    }, drawReports),
  ]);
  const compare = (correct) => () => ask({
    title: correct ? 'Compare and correct?' : 'Compare all cards?',
    text: correct
      ? 'Where a card’s balance or status is not what the provider says, its word becomes ours, as an audited change.'
      : 'Every card is asked about at the provider. Nothing is changed.',
    yes: correct ? 'Compare and correct' : 'Compare',
    wantsReason: false,
    act: async () => {
      await api.post('card-reconciliations', { correct });
      showNote('It has been asked for. Its report comes here.', 'reconciliation');
    },
  }).then((isDone) => isDone && refresh());
  return {
    draw: () => view.replaceChildren(
      section('Find', form, h('p', { class: 'empty-note' }, 'A card’s id or its first eight characters, the provider’s id, a user’s id or name.')),
      section(word ? `Cards for ${word}` : 'Cards', cards),
      section('Reconciliation',
        h('p', { class: 'empty-note' }, 'Our cards beside the provider’s: each night, and now if you say so.'),
        h('div', { class: 'row' }, button('Compare now', compare(false), 'button'),
          button('Compare and correct', compare(true), 'button')),
        reports)),
  };
}

function drawReports(reports) {
  const rows = reports.map((each) => [
    String(each.id), pill(resultOf(each)), String(each.cards), String(each.unread), String(each.mismatches),
    String(each.corrected), each.usd_ours, each.usd_theirs, each.asked_by, when(each.started_at), when(each.ended_at),
  ]);
  const newest = reports.find(({ worst }) => worst.length > 0);
  return h('div', { class: 'stack' }, table('Newest first', REPORTS, rows, 'None yet: the first is made tonight.'),
    newest ? table(`Differences of no. ${newest.id}, the largest first`, DIFFERENCES, newest.worst.map((each) => [
      cardLink(each.card_id), each.kind, each.ours, each.theirs, each.corrected ? 'yes' : 'no'])) : null);
}

function resultOf({ ended_at: endedAt, agrees, mismatches, corrected, unread }) {
  if (endedAt === null) return 'under way';
  if (agrees) return 'agrees';
  return unread === 0 && mismatches === corrected ? 'corrected' : 'differs';
}

/** The view of `#card/<id>`. */
export async function showCard({ api, view, word: id, refresh }) {
  const { card, audit, fundings, webhooks } = await api.get(`cards/${encodeURIComponent(id)}`);
  const act = (action, title, text) => () => ask({
    title, text, yes: title.replace('?', ''), wantsReason: false, act: () => api.actOnCard(action, id),
  }).then((isDone) => isDone && refresh());
  const block = act('block', 'Block it?', 'Nothing can be paid with it, nor put on it, until it is unblocked.');
  const unblock = act('unblock', 'Unblock it?', 'It can be used again.');
  const isFree = card.wanted_action === null;
  return {
    draw: () => view.replaceChildren(
      h('p', {}, link('#cards', '← Cards')),
      section(`Card of ${card.user_name ?? card.user_id}`,
        h('p', { class: 'title-row', id: 'card-status', 'data-status': card.status }, pill(statusOf(card)),
          card.error_code ? h('code', {}, card.error_code) : null, h('code', {}, card.card_id)),
        h('div', { class: 'row' },
          isFree && ['active', 'inactive'].includes(card.status) ? button('Block', block, 'button danger') : null,
          isFree && card.status === 'blocked' ? button('Unblock', unblock, 'button') : null),
        facts([
          ['User', userLink(card.user_id, card.user_name ?? card.user_id)], ['Balance', `${card.balance} USD`],
          ['As of', when(card.checked_at)], ['Brand', card.brand], ['Provider', card.provider],
          ['Its id there', card.provider_card_id], ['Made', when(card.created_at)], ['Active since', when(card.activated_at)],
          ['Closed', card.closed_at === null ? null : when(card.closed_at)],
        ])),
      section('Fundings', table('Newest first', FUNDINGS, fundings.map((each) => [
        each.kind, pill(each.status), each.usd, each.price, each.error_code, when(each.created_at), when(each.ended_at)]))),
      section('Audit', table('Newest first; it is never rewritten', AUDIT, audit.map((each) => [
        when(each.at), each.action.replaceAll('_', ' '), changeOf(each.diff), byWhom(each)]))),
      section('What the provider told by itself', table('Newest first', WEBHOOKS, webhooks.map((each) => [
        when(each.received_at), each.event, pill(each.status), each.signature_valid ? 'yes' : 'no', each.source, each.error]),
        'Nothing.'))),
  };
}

function byWhom({ actor_type: type, actor_id: id }) {
  return type === 'user' && id !== null ? h('span', {}, 'user ', userLink(id)) : [type, id].filter(Boolean).join(' ');
}

/** @returns {string} `status active → blocked`. Pure. */
export function changeOf(diff) {
  const changes = Object.entries(diff).filter(([name]) => name !== 'funding_id').map(([name, value]) => {
    if (!Array.isArray(value)) return said({ [name]: value });
    const [before, after] = value.map((each) => each ?? '–');
    return `${name.replaceAll('_', ' ')} ${before} → ${after}`;
  });
  return changes.filter(Boolean).join(' · ');
}
