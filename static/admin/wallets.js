/**
 * Wallets that disagree with their holds or orders, and the button that sets right what can be known.
 */

import { h } from '../ui/dom.js';
import { ask } from './question.js';
import { showNote, showProblem } from './toast.js';
import { button, pill, section, table, userLink } from './view.js';

const COLUMNS = ['User', 'Status', 'Problem', 'Balance', 'Frozen', 'Open holds', 'Open orders', ''];

/** The view of `#wallets`. */
export async function showWallets({ api, view, refresh }) {
  const { wallets, next } = await api.get('wallets', { limit: 100 });
  const correct = (wallet) => () => ask({
    title: 'Correct it now?',
    text: `${wallet.problem}. What can be known is set right, as audited operations.`,
    yes: 'Correct',
    act: async (reason) => {
      const { corrected, before, after } = await api.post(`wallets/${wallet.user_id}/correct`, { reason });
      if (after.status !== 'OK') showProblem(`Left for a person: ${after.problem}`);
      else if (corrected) showNote(`Corrected: frozen was ${before.frozen} and is ${after.frozen}.`);
    },
  }).then((isDone) => isDone && refresh());
  const rows = wallets.map((wallet) => [
    userLink(wallet.user_id), pill(wallet.status), wallet.problem, wallet.balance, wallet.frozen, wallet.held,
    wallet.ordered,
    wallet.status === 'WARNING' ? button('Correct now', correct(wallet)) : 'needs a person',
  ]);
  const text = 'Every wallet agrees with its holds and orders.';
  return {
    draw: () => view.replaceChildren(section(
      'Wallets that are not well',
      h('p', { class: 'empty-note' },
        'WARNING: frozen is not what the open holds or orders say; “correct now” sets right what can be known, as an '
        + 'audited operation. CRITICAL: a figure that cannot be; a person decides. The pollers look every hour.'),
      table(`v_frozen_balance_health${next ? ', the first 100' : ''}`, COLUMNS, rows, text))),
  };
}
