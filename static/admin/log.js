/**
 * What operators were told of, and what was written down for them.
 */

import { h } from '../ui/dom.js';
import { button, pill, section, table, when } from './view.js';

/** The view of `#alerts`. */
export async function showLog(api, view) {
  const [{ alerts }, log] = await Promise.all([api.get('alerts', { limit: 50 }), logged(api)]);
  const rows = alerts.map((alert) => [
    pill(alert.level), alert.source, alert.message, details(alert.data), String(alert.times), when(alert.last_at),
    alert.closed_at === null ? 'open' : when(alert.closed_at),
  ]);
  return () => view.replaceChildren(
    section('Alerts', table('Newest first', ['Level', 'From', 'What', 'Details', 'Times', 'Last', 'Closed'], rows)),
    section('Log', log));
}

async function logged(api) {
  const rows = [];
  const place = h('div', { class: 'stack' });
  const more = async (before) => {
    const page = await api.get('logs', { limit: 50, before });
    rows.push(...page.logs.map((each) => [
      when(each.at), pill(each.level), each.source, each.message, details(each.data)]));
    place.replaceChildren(table('Newest first', ['When', 'Level', 'From', 'What', 'Details'], rows));
    if (page.next) place.append(button('Older', () => more(page.next)));
  };
  await more(null);
  return place;
}

function details(data) {
  return h('details', {}, h('summary', {}, 'show'), h('pre', {}, JSON.stringify(data, null, 2)));
}
