/**
 * The wallet's history: every movement with what there was after it, in pages, narrowed by kind and time.
 */

import { copyIdButton } from './card_parts.js';
import { byId, h } from './dom.js';
import { periodOf } from './filters.js';
import { dayAndTime, money, t, translated } from './language.js';
import { Pager } from './pager.js';
import { describeOperation, signedAmount } from './wallet.js';

const PAGE = 25;

/**
 * @param {import('./api.js').Api} api
 * @param {AbortSignal} signal Ends it.
 * @returns {{ open: () => void, reload: () => void, rebuild: () => void }} `reload`: money has moved, or the connection
 *   is back; it costs nothing while the history is not open.
 */
export function setUpOperations(api, signal) {
  const view = byId('wallet-view');
  let operations = null; // not known yet

  const pager = new Pager(
    async (before) => {
      const period = periodOf(byId('operations-from').value, byId('operations-to').value);
      const page = await api.operations({ limit: PAGE, before, type: byId('operations-type').value, ...period });
      return { items: page.operations, next: page.next };
    },
    (items) => {
      operations = items;
      rebuild();
    },
    {
      nav: byId('operations-pager'),
      newer: byId('operations-newer'),
      older: byId('operations-older'),
      place: byId('operations-place'),
      message: byId('operations-message'),
      list: byId('operations'),
    },
    signal,
  );

  function rebuild() {
    if (operations === null) return;
    byId('operation-rows').replaceChildren(...operations.map(row));
    byId('operations').hidden = operations.length === 0;
    byId('no-operations').hidden = operations.length > 0;
  }

  byId('operation-rows').replaceChildren();
  byId('no-operations').hidden = true;
  byId('operations-filters').addEventListener('change', () => pager.restart(), { signal });
  byId('operations-filters').addEventListener('submit', (submit) => submit.preventDefault(), { signal });
  const reload = () => (view.hidden ? undefined : pager.reload());
  return { open: () => pager.restart(), reload, rebuild };
}

function row(operation) {
  const { activation_id: activation, rental_id: rental } = operation;
  const order = activation ?? rental;
  const of = order === null ? otherwise(operation) : copyIdButton(order);
  const cell = (name, className, ...children) =>
    h('td', { role: 'cell', class: className, 'data-name': name }, ...children);
  const what = h('th', { scope: 'row', role: 'rowheader' }, describeOperation(operation.type), ' ');
  what.append(h('span', { class: 'operation-of' }, of));
  const element = h(
    'tr',
    { role: 'row' },
    cell(t('wallet.when'), 'when', h('time', { dateTime: operation.at }, dayAndTime(operation.at))),
    what,
    cell(t('wallet.amount'), 'amount moved', signedAmount(operation.type, operation.amount)),
    cell(t('wallet.balance'), 'amount', money(operation.balance_after)),
    cell(t('wallet.frozen'), 'amount', money(operation.frozen_after)),
    cell(t('wallet.available'), 'amount', money(operation.available_after)),
  );
  element.dataset.type = operation.type;
  return element;
}

/** Not for an order: for a card, or for what was written down with it. */
function otherwise(operation) {
  const { hold_transaction_id: hold, transaction_id: transaction } = operation;
  const isForCard = (hold ?? transaction ?? '').startsWith('funding:');
  return isForCard ? h('a', { href: '#cards' }, t('cards.card')) : h('span', { dir: 'auto' }, reasonOf(operation));
}

/** What somebody wrote down with it, translated if the service did. */
function reasonOf({ reason }) {
  return reason === null ? '' : translated('reason', reason.replaceAll(' ', '_'), reason);
}
