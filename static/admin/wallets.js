/**
 * Wallets that disagree with their holds or orders, and the button that sets right what can be known.
 */

import { showProblem } from '../ui/toast.js';
import { button, pill, section, table, userLink } from './view.js';

const COLUMNS = ['User', 'Status', 'Problem', 'Balance', 'Frozen', 'Open holds', 'Open orders', ''];

/** The view of `#wallets`. */
export async function showWallets(api, view, _, refresh) {
  const { wallets, next } = await api.get('wallets', { limit: 100 });
  const correct = (wallet) => async ({ currentTarget }) => {
    currentTarget.disabled = true;
    try {
      const done = await api.post(`wallets/${wallet.user_id}/correct`);
      if (done.after.status !== 'OK') showProblem(`Left for a person: ${done.after.problem}`);
    } catch (error) {
      showProblem(error.message);
    }
    refresh();
  };
  const rows = wallets.map((wallet) => [
    userLink(wallet.user_id), pill(wallet.status), wallet.problem, wallet.balance, wallet.frozen, wallet.held,
    wallet.ordered,
    wallet.status === 'WARNING' ? button('Correct now', correct(wallet)) : 'needs a person',
  ]);
  const text = 'Every wallet agrees with its holds and orders.';
  return () => view.replaceChildren(section(
    `Wallets that are not well${next ? ': the first 100' : ''}`, table('Wallets', COLUMNS, rows, text)));
}
