/**
 * The three figures of the wallet, and the operation that changed them last. A figure that changes flashes; the first
 * ones do not.
 */

import { byId, replay, setText } from './dom.js';
import { has, money, t } from './language.js';

/** @param {string} operation @returns {string} What it did with the amount, in words. */
export function describeOperation(operation) {
  return has(`operation.${operation}`) ? t(`operation.${operation}`) : operation;
}

/** @param {{ wallet: object | null, operation: object | null }} state */
export function showWallet({ wallet, operation }) {
  for (const name of ['balance', 'frozen', 'available']) {
    const element = byId(name);
    const known = wallet?.[name];
    const hasChanged = known !== undefined && element.dataset.amount !== undefined && element.dataset.amount !== known;
    if (known === undefined) delete element.dataset.amount;
    else element.dataset.amount = known;
    setText(element, known === undefined ? '–' : money(known));
    if (hasChanged) replay(element, 'changed');
  }
  const last = operation ? `${money(operation.amount)} ${describeOperation(operation.operation)}` : '';
  setText(byId('last-operation'), last);
}
