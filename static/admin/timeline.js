/**
 * What happened with an order, in the order of time: one line each, in words where we have them.
 */

import { h } from '../ui/dom.js';
import { when } from './view.js';

const KINDS = {
  event: 'told the user', operation: 'wallet', provider: 'provider', call: 'provider', sms: 'SMS', receipt: 'shown',
  log: 'log',
};
/** What a provider is asked about an order, as a person would put it. */
const ASKED = {
  check: 'for SMS', check_many: 'for the SMS of all open orders', cancel: 'to take the number back',
  finish: 'to end the order', request_another_sms: 'to wait for another SMS', active: 'for its open orders',
  rent: 'for a number to rent', rental_cost: 'what the rental costs', rental_messages: 'for the SMS of the rental',
  extension_cost: 'what an extension costs', extend: 'for more hours', cancel_rental: 'to take the rental back',
  finish_rental: 'to end the rental', active_rentals: 'for its open rentals',
};
/** Said in other words below, or of no use to a person. */
const UNSAID = new Set(['seq', 'level', 'source', 'attempt']);

/** What of an entry its title has said. */
const TITLED = { call: ['method', 'outcome'] };

/** @param {{ at: string, kind: string, what: string, detail: object }[]} timeline @returns {HTMLElement} */
export function timelineOf(timeline) {
  return h('ol', { id: 'timeline', class: 'timeline' }, ...timeline.map((entry) =>
    h('li', { 'data-kind': entry.kind }, when(entry.at), h('span', { class: 'kind' }, KINDS[entry.kind] ?? entry.kind),
      h('span', { class: 'what' }, h('strong', {}, titleOf(entry)), ` ${said(entry.detail, TITLED[entry.kind])}`))));
}

/** @returns {string} Pure. */
export function titleOf({ kind, what, detail }) {
  if (kind === 'provider') return `${what} was asked for a number${detail.outcome ? '' : ' and has not answered'}`;
  if (kind === 'call') return `${what} was asked ${ASKED[detail.method] ?? detail.method}: ${detail.outcome}`;
  if (kind === 'receipt') return `the page showed event ${detail.seq}, ${what}`;
  if (kind === 'event') return `${detail.seq}. ${what}`;
  if (kind === 'sms') return `an SMS ${what}`;
  return what;
}

/** @param {object} detail @param {string[]} titled names said elsewhere @returns {string} Pure. */
export function said(detail, titled = []) {
  return Object.entries(detail)
    .filter(([name, value]) => !UNSAID.has(name) && !titled.includes(name) && value !== null)
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${typeof value === 'object' ? said(value) : value}`)
    .join(' · ');
}
