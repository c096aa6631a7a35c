/**
 * Orders: found by whatever names them, those that are stuck, and one with its timeline and what can be done about it.
 */

import { h } from '../ui/dom.js';
import { ask } from './question.js';
import { button, facts, link, orderLink, pill, section, table, userLink, when } from './view.js';

const COLUMNS = ['Order', 'Status', 'Service', 'Country', 'Number', 'Provider', 'Price', 'Placed', 'User'];

function row(order) {
  return [
    orderLink(order.id), pill(order.status), order.service, order.country, order.phone, order.provider, order.price,
    when(order.created_at), userLink(order.user_id),
  ];
}

/** The view of `#orders`, or `#orders/<word>`. */
export async function showOrders(api, view, word) {
  const input = h('input', {
    id: 'search', type: 'search', value: word, placeholder: 'order, user, phone, provider’s id', maxLength: 100,
  });
  input.setAttribute('aria-label', 'Search');
  const form = h('form', { class: 'row search', role: 'search' }, input,
    h('button', { type: 'submit', class: 'button primary' }, 'Search'));
  form.addEventListener('submit', (submit) => {
    submit.preventDefault();
    const wanted = input.value.trim();
    location.hash = wanted ? `orders/${encodeURIComponent(wanted)}` : 'orders';
  });
  const found = word
    ? await searched(api, word)
    : [section('Stuck orders', ...(await listed(api, 'orders/stuck', {}, 'Orders that nobody gets on with',
      'None: every open order is looked at in time.')))];
  return () => view.replaceChildren(section('Find', form), ...found);
}

async function searched(api, word) {
  const { users } = await api.get('search', { q: word, limit: 1 });
  const orders = await listed(api, 'search', { q: word }, `Orders for ${word}`,
    'No order of this name. Numbers are looked for among the orders of the last 31 days.');
  const people = users.map(({ id, name }) => h('li', {}, userLink(id, name ?? id)));
  return [
    ...(people.length > 0 ? [section('Users', h('ul', {}, ...people))] : []),
    section('Orders', ...orders),
  ];
}

/** A table of orders that grows by its button. */
async function listed(api, path, query, caption, empty) {
  const limit = 25;
  const orders = [];
  const place = h('div', { class: 'stack' });
  const more = async (before) => {
    const page = await api.get(path, { ...query, limit, before });
    orders.push(...page.orders);
    place.replaceChildren(table(caption, COLUMNS, orders.map(row), empty));
    if (page.next) place.append(button('Older', () => more(page.next)));
  };
  await more(null);
  return [place];
}

/** The view of `#order/<id>`. */
export async function showOrder(api, view, id, refresh) {
  const { order, reasons, timeline, may_cancel: mayCancel, may_refund: mayRefund } = await api.get(
    `orders/${encodeURIComponent(id)}`);
  const what = `${order.service} in ${order.country}, ${order.price}, of ${order.user_name ?? order.user_id}`;

  const cancel = () => ask({
    title: 'Ask the provider to cancel?',
    text: `${what}. The money goes back when the provider has confirmed; an SMS that came first is paid.`,
    yes: 'Ask to cancel',
    act: (reason) => api.post(`activations/${id}/cancel`, { reason }),
  }).then((isDone) => isDone && refresh());
  const refund = () => ask({
    title: `Refund ${order.frozen}?`,
    text: `${what}. The order ends now and all of its money goes back, whatever the provider says. `
      + 'What the number cost upstream may be lost: where a cancel is possible, ask for that first.',
    yes: `Refund ${order.frozen}`,
    act: (reason) => api.post(`activations/${id}/refund`, { reason }),
  }).then((isDone) => isDone && refresh());

  const doings = h('div', { class: 'row' },
    mayCancel ? button('Ask to cancel', cancel, 'button') : null,
    mayRefund ? button('Refund now', refund, 'button danger') : null);
  const why = h('ul', { id: 'reasons', class: 'reasons' }, ...reasons.map((reason) => h('li', {}, reason)));
  return () => view.replaceChildren(
    h('p', {}, link('#orders', '← Orders')),
    section(`${order.kind} ${order.id}`,
      h('p', { id: 'order-status', 'data-status': order.status }, pill(order.status), ' ', order.error_code ?? ''),
      reasons.length > 0 ? why : null,
      doings.children.length > 0 ? doings : null,
      facts([
        ['User', userLink(order.user_id, order.user_name ?? order.user_id)],
        ['Wallet', `${order.wallet.balance}, ${order.wallet.frozen} of it frozen`],
        ['Service', order.service], ['Country', order.country], ['Number', order.phone],
        ['Price', order.price], ['Holds', order.frozen],
        ['Provider', order.provider], ['Its id there', order.provider_order_id], ['Cost', order.provider_cost],
        ['Tries', String(order.attempts)],
        ['Placed', when(order.created_at)], ['Purchase begun', when(order.purchase_started_at)],
        ['Bought', when(order.purchased_at)], ['Lives until', when(order.expires_at)],
        ['Looked at next', when(order.due_at)], ['Closed', when(order.closed_at)],
      ])),
    section('What happened', h('ol', { id: 'timeline', class: 'timeline' }, ...timeline.map(entry))));
}

function entry({ at, kind, what, detail }) {
  const said = Object.entries(detail).map(([name, value]) =>
    `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
  return h('li', { 'data-kind': kind }, when(at), h('span', { class: 'kind' }, kind),
    h('span', { class: 'what' }, h('strong', {}, what), ` ${said.join(' · ')}`));
}
