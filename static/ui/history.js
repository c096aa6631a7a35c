/**
 * The wallet's latest operations, loaded when somebody opens the list and again when money moves while it is open.
 */

import { byId, h } from './dom.js';
import { humanError } from './errors.js';
import { localTime } from './format.js';
import { describeOperation } from './wallet.js';

/**
 * @param {import('./api.js').Api} api
 * @param {() => number} nowMs Service time.
 * @param {AbortSignal} signal Ends it.
 * @returns {() => void} To be called when money has moved.
 */
export function setUpHistory(api, nowMs, signal) {
  const details = byId('history');
  const list = byId('operations');
  let isLoading = false;
  let isOutdated = false;

  async function load() {
    isOutdated = true;
    if (!details.open || isLoading) return;
    isLoading = true;
    try {
      while (isOutdated) {
        isOutdated = false;
        const { operations } = await api.operations();
        if (signal.aborted) return;
        list.replaceChildren(...operations.map((operation) => row(operation, nowMs())));
      }
    } catch (error) {
      if (!signal.aborted) list.replaceChildren(h('li', { class: 'problem' }, humanError(error)));
    } finally {
      isLoading = false;
    }
  }

  details.open = false;
  list.replaceChildren();
  details.addEventListener('toggle', load, { signal });
  return load;
}

function row(operation, nowMs) {
  return h(
    'li',
    {},
    h('time', { dateTime: operation.at }, localTime(operation.at, nowMs)),
    h('span', { class: 'operation-what' }, `${operation.amount} ${describeOperation(operation.type)}`),
    h('span', { class: 'operation-after' }, `available ${operation.available_after}`),
  );
}
