/**
 * Orders: found by whatever names them, those that are stuck, and one with its timeline and what can be done about it.
 */

import { h } from '../ui/dom.js';
import { growing } from './pages.js';
import { ask } from './question.js';
import { timelineOf } from './timeline.js';
import { button, facts, link, orderLink, pill, section, table, userLink, when } from './view.js';

const OVERDUE_S = 60;
const COLUMNS = ['Order', 'Status', 'Service', 'Country', 'Number', 'Provider', 'Price', 'Placed', 'User'];
const STUCK = ['Order', 'Status', 'Why', 'Service', 'Provider', 'Price', 'Placed', 'User'];

function row(order) {
  return [
    orderLink(order.id), pill(order.status), order.service, order.country, order.phone, order.provider, order.price,
    when(order.created_at), userLink(order.user_id),
  ];
}

function stuckRow(order) {
  return [
    orderLink(order.id), pill(order.status), order.why, `${order.service}, ${order.country}`, order.provider,
    order.price, when(order.created_at), userLink(order.user_id),
  ];
}

/** The view of `#orders`, or `#orders/<word>`. */
export async function showOrders({ api, view, word }) {
  const input = h('input', {
    id: 'search', type: 'search', value: word, placeholder: 'order, user, phone, provider’s id', maxLength: 100,
  });
  input.setAttribute('aria-label', 'Search');
  const form = h('form', { class: 'row search' }, input,
    h('button', { type: 'submit', class: 'button primary' }, 'Search'));
  form.setAttribute('role', 'search');
  form.addEventListener('submit', (submit) => {
    submit.preventDefault();
    const wanted = input.value.trim();
    location.hash = wanted ? `orders/${encodeURIComponent(wanted)}` : 'orders';
  });
  const hint = h('p', { class: 'empty-note' },
    'An order’s id or its first eight characters, a user’s id or name, a phone number or its last six digits, a provider’s id.');
  const found = word ? await searched(api, word) : [section('Stuck orders', await listed(api, 'orders/stuck', {}, {
    caption: 'Not looked at in time, without a number after two minutes, or past their number’s end',
    columns: STUCK, row: stuckRow, empty: 'None: every open order is looked at in time.',
  }))];
  return { draw: () => view.replaceChildren(section('Find', form, hint), ...found) };
}

async function searched(api, word) {
  const { users } = await api.get('search', { q: word, limit: 1 });
  const orders = await listed(api, 'search', { q: word }, {
    caption: `Orders for ${word}`, columns: COLUMNS, row,
    empty: 'No order of this name. Numbers are looked for among the orders of the last 31 days.',
  });
  const people = users.map(({ id, name }) => h('li', {}, userLink(id, name ?? id)));
  return [
    ...(people.length > 0 ? [section('Users', h('ul', {}, ...people))] : []),
    section('Orders', orders),
  ];
}

/** @returns {Promise<HTMLElement>} */
function listed(api, path, query, { caption, columns, row: cells, empty }) {
  return growing(async (before) => {
    const page = await api.get(path, { ...query, limit: 25, before });
    return { rows: page.orders, next: page.next };
  }, (orders) => table(caption, columns, orders.map(cells), empty));
}

/** The view of `#order/<id>`. */
export async function showOrder({ api, view, word: id, refresh }) {
  const detail = await api.get(`orders/${encodeURIComponent(id)}`);
  const { order, reasons, timeline } = detail;
  const doings = h('div', { class: 'row' }, ...doingsOf(api, detail, refresh));
  const why = h('div', { class: 'stack' }, h('h3', {}, 'Why it stands here'),
    h('ul', { id: 'reasons', class: isHeldUp(order) ? 'reasons' : 'reasons calm' }, ...reasons.map((reason) => h('li', {}, reason))));
  return {
    draw: () => view.replaceChildren(
      h('p', {}, link('#orders', '← Orders')),
      section(`${order.kind === 'rental' ? 'Rental' : 'Order'}: ${order.service}, ${order.country}`,
        h('p', { id: 'order-status', class: 'title-row', 'data-status': order.status }, pill(order.status),
          order.error_code ? h('code', {}, order.error_code) : null, h('code', { class: 'order-id' }, order.id)),
        reasons.length > 0 ? why : null,
        doings.children.length > 0 ? doings : null,
        facts([
          ['User', userLink(order.user_id, order.user_name ?? order.user_id)],
          ['Wallet', `${order.wallet.balance}, ${order.wallet.frozen} of it frozen`],
          ['Number', order.phone],
          ['Price', order.price], ['Holds', order.frozen],
          ['Provider', order.provider], ['Its id there', order.provider_order_id], ['Cost', order.provider_cost],
          ['Providers asked', order.kind === 'activation' ? String(order.attempts) : null],
        ]),
        facts([
          ['Placed', when(order.created_at)], ...moment('Purchase begun', order.purchase_started_at),
          ...moment('Bought', order.purchased_at),
          ...moment(order.kind === 'rental' ? 'Runs until' : 'Lives until', order.expires_at),
          ...moment('Looked at next', order.due_at), ...moment('Closed', order.closed_at),
        ])),
      section('What happened', timelineOf(timeline))),
  };
}

/** Whether it stands where it should not; the list of stuck orders says the same of all. */
function isHeldUp({ status, overdue_s: overdueS, is_past_end: isPastEnd, cancel_requested_at: cancel }) {
  return status === 'ordering' || overdueS > OVERDUE_S || isPastEnd || cancel !== null;
}

function moment(name, iso) {
  return iso === null ? [] : [[name, when(iso)]];
}

/** The buttons for what an operator may do about it. */
function doingsOf(api, { order, may_cancel: mayCancel, may_refund: mayRefund, may_close: mayClose }, refresh) {
  const isRental = order.kind === 'rental';
  const path = `${order.kind}s/${order.id}`;
  const what = `${order.service} in ${order.country}, ${order.price}, of ${order.user_name ?? order.user_id}`;
  const doing = (question) => () => ask(question).then((isDone) => isDone && refresh());
  const cancel = doing({
    title: 'Ask the provider to cancel?',
    text: `${what}. The money goes back when the provider has confirmed${isRental ? '.' : '; an SMS that came first is paid.'}`,
    yes: 'Ask to cancel',
    act: (reason) => api.post(`${path}/cancel`, { reason }),
  });
  const refund = doing({
    title: `Refund ${order.frozen}?`,
    text: `${what}. The ${isRental ? 'rental' : 'order'} ends now and all of its money goes back, whatever the provider `
      + 'says. What the number cost upstream may be lost: where a cancel is possible, ask for that first.',
    yes: `Refund ${order.frozen}`,
    act: (reason) => api.post(`${path}/refund`, { reason }),
  });
  const close = doing({
    title: `Close it and keep ${order.frozen}?`,
    text: `${what}. The rental ends now and is paid, as if its owner had finished it. The number is not given up upstream.`,
    yes: `Close, keep ${order.frozen}`,
    act: (reason) => api.post(`${path}/close`, { reason }),
  });
  return [
    mayCancel ? button('Ask to cancel', cancel, 'button') : null,
    mayClose ? button('Close now', close, 'button') : null,
    mayRefund ? button('Refund now', refund, 'button danger') : null,
  ].filter((each) => each !== null);
}
