/**
 * What operators were told of, what of it is over, and what was written down for them.
 */

import { h } from '../ui/dom.js';
import { growing } from './pages.js';
import { button, orderLink, pill, section, table, userLink, when } from './view.js';

const ALERTS = ['State', 'Level', 'What', 'About', 'Times', 'First', 'Last', 'Over', 'From'];
const LOG = ['When', 'Level', 'What', 'About', 'From', 'By'];
const SERIOUS = ['warning', 'error', 'critical'];
let isSerious = false;

/** The view of `#alerts`. */
export async function showLog({ api, view, refresh }) {
  const [alerts, log] = await Promise.all([
    growing(async (before) => {
      const page = await api.get('alerts', { limit: 25, before });
      return { rows: page.alerts, next: page.next };
    }, (rows) => table('Newest first; one that lasts is one, with a count', ALERTS, rows.map(alertRow),
      'None: nothing has needed a person.')),
    growing(async (before) => {
      const page = await api.get('logs', { limit: 50, before, level: isSerious ? SERIOUS : null });
      return { rows: page.logs, next: page.next };
    }, (rows) => table('Newest first', LOG, rows.map(logRow), isSerious ? 'No warning, and nothing worse.' : 'Nothing has been written down yet.')),
  ]);
  const toggle = () => {
    isSerious = !isSerious;
    refresh();
  };
  return {
    draw: () => view.replaceChildren(
      section('Alerts', alerts),
      section('Log', h('div', { class: 'row' }, button(isSerious ? 'Show all' : 'Only warnings and worse', toggle)), log)),
  };
}

const HOW_OVER = { ended: 'its cause is no more', quiet: 'not again for a while' };

function alertRow(alert) {
  const isOpen = alert.closed_at === null;
  const over = h('span', {}, when(alert.closed_at), isOpen ? '' : ` ${HOW_OVER[alert.closed_by] ?? ''}`);
  return [
    pill(isOpen ? 'open' : 'over'), pill(alert.level), alert.message, about(alert.data), String(alert.times),
    when(alert.first_at), when(alert.last_at), isOpen ? null : over, alert.source,
  ];
}

function logRow(each) {
  return [when(each.at), pill(each.level), each.message, about(each.data), each.source, each.data.actor ?? null];
}

/** Whom and what a row is about, with links where there is something to look at; all of it on demand. */
function about(data) {
  const links = [
    ...[data.activation_id, data.rental_id].filter(Boolean).map((id) => h('span', {}, 'order ', orderLink(id), ' ')),
    ...(data.user_id ? [h('span', {}, 'user ', userLink(data.user_id), ' ')] : []),
  ];
  const words = ['provider', 'service', 'country', 'problem', 'reason'].filter((name) => typeof data[name] === 'string');
  return h('div', {}, ...links, words.map((name) => data[name]).join(' · '), h('details', {}, h('summary', {}, 'all'),
    h('pre', {}, JSON.stringify(data, null, 2))));
}
