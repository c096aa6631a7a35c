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

const SIGNS = { freeze: '−', commit: '−', refund: '+', deposit: '+' };

/**
 * An operation's amount with its sign: what is held or charged is taken, what is given back or added comes. Pure.
 * @param {string} operation Corrections carry a sign of their own. @param {string} amount @returns {string} `−5.00`
 */
export function signedAmount(operation, amount) {
  const isNegative = amount.startsWith('-');
  const sign = SIGNS[operation] ?? (isNegative ? '−' : '+');
  return `${sign}${money(isNegative ? amount.slice(1) : amount)}`;
}

function describeMovement({ operation, amount }) {
  return `${signedAmount(operation, amount)} ${describeOperation(operation)}`;
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
  setText(byId('last-operation'), operation ? describeMovement(operation) : '');
}
