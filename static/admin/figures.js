/**
 * Figures: what is so now, orders and providers by time, and what the gateway that answers is doing this minute.
 */

import { h } from '../ui/dom.js';
import { plot, timesUntil } from './plot.js';
import { facts, link, percent, seconds, section } from './view.js';

const READINGS_MAX = 60;
const PROVIDERS_SHOWN = 6;
const KEPT_MS = 60_000; // sums over a day or a month: asked for seldom, while the gateway itself is looked at often
const MONEY = { price_paid: 'paid', cost: 'cost' };
/** Of this tab, since it shows them: the gateway keeps none. */
const readings = [];
let kept = { step: '', atMs: 0, figures: null };

/** The view of `#figures`, or `#figures/day`. */
export async function showFigures(api, view, chosen) {
  const step = chosen === 'day' ? 'day' : 'hour';
  const count = step === 'day' ? 30 : 24;
  const [figures, live] = await Promise.all([keptFigures(api, step, count), api.get('live')]);
  readings.push({ atMs: Date.now(), ...live });
  if (readings.length > READINGS_MAX) readings.shift();

  const times = timesUntil(Date.now(), step, count);
  const orders = new Map(figures.orders.map((each) => [each.at, each]));
  const of = (name) => times.map((at) => orders.get(at)?.[name] ?? null);
  const rate = (name) => times.map((at) => {
    const each = orders.get(at);
    const decided = each ? each.orders - each.open : 0;
    return decided > 0 ? Math.round((100 * each[name]) / decided) : null;
  });
  const ways = ['received', 'cancelled', 'timeout', 'expired', 'failed', 'open'];
  const { now } = figures;
  return () => view.replaceChildren(
    section('Now', facts([
      ['Open numbers', String(now.activations_open)], ['Open rentals', String(now.rentals_open)],
      ['Overdue', h('span', {}, String(now.overdue), ' ', now.overdue > 0 ? link('#orders', 'look') : '')],
      ['Orders, 24 h', String(now.orders)], ['Success', percent(now.success)], ['SMS after', seconds(now.sms_s_p50)],
      ['Earned', now.price_paid], ['Cost', now.cost], ['Users', String(now.users)],
      ['Users’ money', `${now.balance}, ${now.frozen} of it frozen`],
    ])),
    section('This gateway, this minute', ...livePlots()),
    section(step === 'hour' ? 'The last 24 hours' : 'The last 30 days',
      h('p', {}, link('#figures', 'by the hour'), ' · ', link('#figures/day', 'by the day'), ' · times of the day in your zone'),
      h('div', { class: 'plots' },
        plot({ title: 'Orders', kind: 'bars', times, series: ways.map((name) => ({ name, values: of(name) })) }),
        plot({
          title: 'Share of the decided orders', kind: 'lines', unit: ' %', times,
          series: ['received', 'cancelled', 'timeout'].map((name) => ({ name, values: rate(name) })),
        }),
        plot({
          title: 'Seconds from the purchase to the SMS', kind: 'lines', unit: ' s', times,
          series: [{ name: 'half within', values: of('sms_s_p50') }, { name: '90 % within', values: of('sms_s_p90') }],
        }),
        plot({
          title: 'Paid by users, and to providers', kind: 'lines', times,
          series: ['price_paid', 'cost'].map((name) => ({ name: MONEY[name], values: of(name).map(numberOf) })),
        }),
        ...byProvider(times, figures.providers))));
}

/** Decimal strings are for people and sums; a plot may round. */
function numberOf(amount) {
  return amount === null ? null : Number(amount);
}

async function keptFigures(api, step, count) {
  if (kept.step !== step || Date.now() - kept.atMs > KEPT_MS) {
    kept = { step, atMs: Date.now(), figures: await api.get('figures', { step, count }) };
  }
  return kept.figures;
}

function byProvider(times, rows) {
  const names = [...new Set(rows.map(({ provider }) => provider))].sort().slice(0, PROVIDERS_SHOWN);
  const of = (name, value) => times.map((at) => {
    const row = rows.find((each) => each.at === at && each.provider === name);
    return row ? value(row) : null;
  });
  const series = (value) => names.map((name) => ({ name, values: of(name, value) }));
  return [
    plot({ title: 'Numbers asked for', kind: 'bars', times, series: series((row) => row.tried) }),
    plot({
      title: 'Half of the answers within', kind: 'lines', unit: ' s', times, series: series((row) => row.answer_s_p50),
    }),
    plot({ title: 'Errors of providers', kind: 'bars', times, series: series((row) => row.errors) }),
  ];
}

function livePlots() {
  const times = readings.map(({ atMs }) => new Date(atMs).toISOString());
  const between = (value) => readings.map((each, i) => {
    const before = readings[i - 1];
    return before === undefined ? null : value(before, each);
  });
  const transports = Object.keys(readings[0].connections);
  return [h('div', { class: 'plots' },
    plot({
      title: 'Connections', kind: 'bars', times,
      series: transports.map((name) => ({ name, values: readings.map(({ connections }) => connections[name]) })),
    }),
    plot({
      title: 'Events a second, of all users', kind: 'lines', times,
      series: [{
        name: 'events', values: between((a, b) => round(
          Math.max(0, (b.newest_event - a.newest_event) / ((b.atMs - a.atMs) / 1000)))),
      }],
    }),
    plot({
      title: 'From commit to socket', kind: 'lines', unit: ' ms', times,
      series: [{
        name: 'mean', values: between((a, b) => {
          const events = b.delivery_count - a.delivery_count;
          return events > 0 ? round((1000 * (b.delivery_s_sum - a.delivery_s_sum)) / events) : null;
        }),
      }],
    }))];
}

function round(value) {
  return Math.round(value * 10) / 10;
}
