/**
 * What happened with an order, in the order of time: one line each, in words where we have them.
 */

import { h } from '../ui/dom.js';
import { when } from './view.js';

const KINDS = {
  event: 'told the user', operation: 'wallet', provider: 'provider', sms: 'SMS', receipt: 'shown', log: 'log',
};
/** Said in other words below, or of no use to a person. */
const UNSAID = new Set(['seq', 'level', 'source', 'attempt']);

/** @param {{ at: string, kind: string, what: string, detail: object }[]} timeline @returns {HTMLElement} */
export function timelineOf(timeline) {
  return h('ol', { id: 'timeline', class: 'timeline' }, ...timeline.map((entry) =>
    h('li', { 'data-kind': entry.kind }, when(entry.at), h('span', { class: 'kind' }, KINDS[entry.kind] ?? entry.kind),
      h('span', { class: 'what' }, h('strong', {}, titleOf(entry)), ` ${said(entry.detail)}`))));
}

/** @returns {string} Pure. */
export function titleOf({ kind, what, detail }) {
  if (kind === 'provider') return `${what} was asked for a number${detail.outcome ? '' : ' and has not answered'}`;
  if (kind === 'receipt') return `the page showed event ${detail.seq}, ${what}`;
  if (kind === 'event') return `${detail.seq}. ${what}`;
  if (kind === 'sms') return `an SMS ${what}`;
  return what;
}

/** @returns {string} Pure. */
export function said(detail) {
  return Object.entries(detail)
    .filter(([name, value]) => !UNSAID.has(name) && value !== null)
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${typeof value === 'object' ? said(value) : value}`)
    .join(' · ');
}
