/**
 * The three figures of the wallet, and the operation that changed them last.
 *
 * Figures are the decimal strings of the wire. A figure that changes flashes; the first ones do not.
 */

import { byId, replay, setText } from './dom.js';

const OPERATIONS = {
  freeze: 'held for an order',
  commit: 'paid for an SMS',
  refund: 'given back',
  deposit: 'added',
  adjust: 'corrected by the operator',
};

/** @param {string} operation @returns {string} What it did with the amount, in words. */
export function describeOperation(operation) {
  return OPERATIONS[operation] ?? operation;
}

/** @param {{ wallet: object | null, operation: object | null }} state */
export function showWallet({ wallet, operation }) {
  for (const name of ['balance', 'frozen', 'available']) {
    const element = byId(name);
    const figure = wallet?.[name] ?? '–';
    if (element.textContent === figure) continue;
    const isFirst = element.textContent === '–' || wallet === null;
    element.textContent = figure;
    if (!isFirst) replay(element, 'changed');
  }
  setText(byId('last-operation'), operation ? `${operation.amount} ${describeOperation(operation.operation)}` : '');
}
