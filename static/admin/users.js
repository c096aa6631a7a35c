/**
 * One user: wallet and its health, sessions, every movement with who made it; money by hand, and the end of sessions.
 */

import { h } from '../ui/dom.js';
import { growing } from './pages.js';
import { ask } from './question.js';
import { button, facts, link, orderLink, pill, section, table, when } from './view.js';

const AMOUNT = '[0-9]{1,12}([.][0-9]{1,2})?';
const COLUMNS = ['No.', 'What', 'Amount', 'Balance', 'Frozen', 'Order', 'Reason', 'By', 'When'];
const SESSIONS = ['Token', 'Role', 'Given', 'Ends', 'Open now', ''];

/** The view of `#user/<id>`. */
export async function showUser({ api, view, word: id, refresh }) {
  const path = `users/${encodeURIComponent(id)}`;
  const [user, known, audit] = await Promise.all([
    api.get(path),
    api.get(`${path}/sessions`),
    growing(async (before) => {
      const page = await api.get(`${path}/operations`, { limit: 25, before });
      return { rows: page.operations, next: page.next };
    }, (rows) => table('Newest first', COLUMNS, rows.map(movement), 'No money has moved yet.')),
  ]);
  const name = user.name ?? user.id;
  const doing = (question) => () => ask(question()).then((isDone) => isDone && refresh());

  const move = (kind, title, pattern, hint) => doing(() => {
    const key = crypto.randomUUID(); // one for the whole question: asked again after a lost answer, it counts once
    return {
      title: `${title} ${name}`,
      text: `They have ${user.wallet.balance}, ${user.wallet.available} of it available. ${hint}`,
      yes: title,
      fields: [{ name: 'amount', label: 'Amount', pattern, title: 'An amount such as 5.00', inputMode: 'decimal' }],
      act: (reason, { amount }) => api.post(`${path}/${kind}`, { amount, reason }, key),
    };
  });
  const revokeAll = doing(() => ({
    title: `End the sessions of ${name}?`,
    text: 'Every token given to them before now counts no more, on every process; what is open is closed.',
    yes: 'End all sessions',
    wantsReason: false,
    act: () => api.revoke({ user_id: id }),
  }));
  const revokeOne = (session) => doing(() => ({
    title: 'End this session?',
    text: `The token ${session.token_id} counts no more, on every process; what stands on it is closed. `
      + 'Others of this user go on.',
    yes: 'End this session',
    wantsReason: false,
    act: () => api.revoke({ token_id: session.token_id }),
  }));

  const sessions = known.sessions.map((each) => [
    h('code', { title: each.token_id }, shortened(each.token_id)), each.role, when(each.issued_at),
    when(each.expires_at), openNow(each.connections), button('End', revokeOne(each)),
  ]);
  const gateways = known.gateways.length === 1 ? 'the one gateway there is' : `${known.gateways.length} gateways`;
  return {
    draw: () => view.replaceChildren(
      h('p', {}, link('#orders', '← Orders')),
      section(name, facts([
        ['Id', user.id], ['Since', when(user.created_at)],
        ['Balance', user.wallet.balance], ['Frozen', user.wallet.frozen], ['Available', user.wallet.available],
        ['Health', h('span', {}, pill(user.health.status), ' ', user.health.problem ?? '', ' ',
          user.health.status === 'OK' ? '' : link('#wallets', 'see to it'))],
        ['Open orders', String(user.open_orders)],
        ['Sessions ended', user.tokens_revoked_at ? when(user.tokens_revoked_at) : null],
      ]), h('div', { class: 'row' },
        button('Deposit', move('deposit', 'Deposit for', AMOUNT, 'What is paid in is added.'), 'button'),
        button('Adjust', move('adjust', 'Adjust', `-?${AMOUNT}`, 'With a minus it is taken away.'), 'button'),
        h('a', { class: 'button as-link', href: `#orders/${id}` }, 'Their orders'),
        h('a', { class: 'button as-link', href: `#cards/${id}` }, 'Their cards'))),
      section('Sessions',
        table(`Tokens in use or used lately, as ${gateways} know${known.gateways.length === 1 ? 's' : ''}`
          + `${known.left_out > 0 ? `; ${known.left_out} more` : ''}`, SESSIONS, sessions,
        'None: nothing is open, and no token was used lately.'),
        h('div', { class: 'row' }, button('End all sessions', revokeAll, 'button'))),
      section('Movements', audit)),
  };
}

function openNow(connections) {
  const open = Object.entries(connections).filter(([, count]) => count > 0);
  return open.length > 0 ? open.map(([name, count]) => `${count} × ${name}`).join(', ') : 'nothing';
}

function shortened(tokenId) {
  return tokenId.length > 16 ? `${tokenId.slice(0, 8)}…${tokenId.slice(-4)}` : tokenId;
}

function movement(each) {
  const order = each.activation_id ?? each.rental_id;
  return [
    String(each.number), each.type, each.amount, `${each.balance_before} → ${each.balance_after}`,
    `${each.frozen_before} → ${each.frozen_after}`, order ? orderLink(order) : null, each.reason, each.actor,
    when(each.at),
  ];
}
