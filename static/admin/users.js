/**
 * One user: wallet and its health, orders, every movement with who made it; money by hand, and the end of sessions.
 */

import { h } from '../ui/dom.js';
import { ask } from './question.js';
import { button, facts, link, orderLink, pill, section, table, when } from './view.js';

const AMOUNT = '[0-9]{1,12}([.][0-9]{1,2})?';
const COLUMNS = ['No.', 'What', 'Amount', 'Balance', 'Frozen', 'Order', 'Reason', 'By', 'When'];

/** The view of `#user/<id>`. */
export async function showUser(api, view, id, refresh) {
  const path = `users/${encodeURIComponent(id)}`;
  const user = await api.get(path);
  const name = user.name ?? user.id;
  const rows = [];
  const audit = h('div', { class: 'stack' });
  const more = async (before) => {
    const page = await api.get(`${path}/operations`, { limit: 25, before });
    rows.push(...page.operations.map(movement));
    audit.replaceChildren(table('Movements, newest first', COLUMNS, rows));
    if (page.next) audit.append(button('Older', () => more(page.next)));
  };
  await more(null);

  const move = (kind, title, pattern) => () => {
    const key = crypto.randomUUID(); // one for the whole question: asked again after a lost answer, it counts once
    return ask({
      title: `${title} ${name}`,
      text: `They have ${user.wallet.balance}, ${user.wallet.available} of it available.`,
      yes: title,
      fields: [{ name: 'amount', label: 'Amount', pattern, title: 'An amount such as 5.00' }],
      act: (reason, { amount }) => api.post(`${path}/${kind}`, { amount, reason }, key),
    }).then((isDone) => isDone && refresh());
  };
  const revoke = () => ask({
    title: `End the sessions of ${name}?`,
    text: 'Every token given to them before now counts no more, on every process; what is open is closed.',
    yes: 'End all sessions',
    wantsReason: false,
    act: () => api.revoke(id),
  }).then((isDone) => isDone && refresh());

  return () => view.replaceChildren(
    h('p', {}, link('#orders', '← Orders')),
    section(name, facts([
      ['Id', user.id], ['Since', when(user.created_at)],
      ['Balance', user.wallet.balance], ['Frozen', user.wallet.frozen], ['Available', user.wallet.available],
      ['Health', h('span', {}, pill(user.health.status), ' ', user.health.problem ?? '')],
      ['Open orders', String(user.open_orders)],
      ['Connected here', user.connected ? 'yes' : 'no'],
      ['Sessions ended', user.tokens_revoked_at ? when(user.tokens_revoked_at) : null],
    ]), h('div', { class: 'row' },
      button('Deposit', move('deposit', 'Deposit for', AMOUNT), 'button'),
      button('Adjust', move('adjust', 'Adjust', `-?${AMOUNT}`), 'button'),
      button('End sessions', revoke, 'button'),
      h('a', { class: 'button as-link', href: `#orders/${id}` }, 'Their orders'))),
    section('Movements', audit));
}

function movement(each) {
  const order = each.activation_id ?? each.rental_id;
  return [
    String(each.number), each.type, each.amount, `${each.balance_before} → ${each.balance_after}`,
    `${each.frozen_before} → ${each.frozen_after}`, order ? orderLink(order) : null, each.reason, each.actor,
    when(each.at),
  ];
}
