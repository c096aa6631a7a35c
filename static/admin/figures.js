/**
 * Figures: what is so now, orders, money and providers by time, and what the gateways are doing this minute.
 */

import { h } from '../ui/dom.js';
import { PERIOD_MS, READINGS_MAX, between } from './live.js';
import { plot, timesUntil } from './plot.js';
import { facts, link, percent, seconds, section } from './view.js';

const PROVIDERS_SHOWN = 6;
const KEPT_MS = 60_000; // sums over a day or a month: asked for seldom, while the live ones come by themselves
const MONEY = { price_paid: 'paid', cost: 'cost' };
const TYPES = ['freeze', 'commit', 'refund', 'deposit', 'adjust', 'correct'];
let kept = { step: '', atMs: 0, figures: null };

/** The view of `#figures`, or `#figures/day`. */
export async function showFigures({ api, view, word, live }) {
  const step = word === 'day' ? 'day' : 'hour';
  const count = step === 'day' ? 30 : 24;
  const [figures] = await Promise.all([
    keptFigures(api, step, count),
    live.isLate() ? api.get('live').then((reading) => live.push(reading)) : null,
  ]);
  const minute = h('div', { class: 'plots', id: 'live-plots' });
  const from = h('p', { class: 'empty-note' });
  const drawLive = () => {
    minute.replaceChildren(...livePlots(live.readings));
    const { gateways, users } = live.newest;
    from.textContent = `${gateways.length === 1 ? 'One gateway' : `${gateways.length} gateways`}: ${gateways.join(', ')}. `
      + `${users} ${users === 1 ? 'user is' : 'users are'} connected.`;
  };
  const draw = () => {
    drawLive();
    view.replaceChildren(
      section('Now', facts(now(figures.now), 'tiles')),
      section('All gateways, these three minutes', from, minute),
      section(step === 'hour' ? 'The last 24 hours' : 'The last 30 days',
        h('p', {}, choice('#figures', 'by the hour', step === 'hour'), ' · ',
          choice('#figures/day', 'by the day', step === 'day'),
          step === 'hour' ? ' · times of the day in your zone' : ' · days in UTC'),
        h('div', { class: 'plots' }, ...plotsByTime(step, count, figures))));
  };
  return { draw, onLive: drawLive };
}

function choice(href, text, isChosen) {
  return isChosen ? h('strong', {}, text) : link(href, text);
}

function now(figures) {
  return [
    ['Open numbers', String(figures.activations_open)], ['Open rentals', String(figures.rentals_open)],
    ['Overdue', h('span', {}, String(figures.overdue), ' ', figures.overdue > 0 ? link('#orders', 'look') : '')],
    ['Orders, 24 h', String(figures.orders)], ['Success', percent(figures.success)],
    ['Half of the SMS within', seconds(figures.sms_s_p50)],
    ['Earned, 24 h', figures.price_paid], ['Cost, 24 h', Number(figures.cost).toFixed(2)],
    ['Users', String(figures.users)],
    ['Users’ money', h('span', {}, figures.balance, h('small', {}, `${figures.frozen} of it frozen`))],
  ];
}

/** @returns {HTMLElement[]} Pure but for the elements. */
function plotsByTime(step, count, { orders, operations, providers }) {
  const times = timesUntil(Date.now(), step, count);
  const draw = (what) => plot({ times, latest: step === 'hour' ? 'This hour' : 'Today', ...what });
  const byTime = new Map(orders.map((each) => [each.at, each]));
  const of = (name) => times.map((at) => byTime.get(at)?.[name] ?? null);
  const rate = (name) => times.map((at) => {
    const each = byTime.get(at);
    const decided = each ? each.orders - each.open - each.refunded : 0;
    return decided > 0 ? Math.round((100 * each[name]) / decided) : null;
  });
  const moved = (value) => TYPES.map((type) => ({
    name: type,
    values: times.map((at) => value(operations.find((each) => each.at === at && each.type === type))),
  }));
  const ways = ['received', 'cancelled', 'timeout', 'expired', 'failed', 'refunded', 'open'];
  return [
    draw({ title: 'Orders', kind: 'bars', series: ways.map((name) => ({ name, values: of(name) })) }),
    draw({
      title: 'Share of the decided orders', kind: 'lines', unit: ' %',
      series: ['received', 'cancelled', 'timeout'].map((name) => ({ name, values: rate(name) })),
    }),
    draw({
      title: 'Operations of wallets', kind: 'bars', series: moved((each) => each?.operations ?? null),
    }),
    draw({
      title: 'Money moved by them', kind: 'lines', series: moved((each) => numberOf(each?.amount)),
    }),
    draw({
      title: 'From the purchase to the SMS', kind: 'lines', unit: ' s',
      series: [{ name: 'half within', values: of('sms_s_p50') }, { name: '90 % within', values: of('sms_s_p90') }],
    }),
    draw({
      title: 'Paid by users, and to providers', kind: 'lines',
      series: ['price_paid', 'cost'].map((name) => ({ name: MONEY[name], values: of(name).map(numberOf) })),
    }),
    ...byProvider(times, providers, draw),
  ];
}

/** Decimal strings are for people and sums; a plot may round. */
function numberOf(amount) {
  return amount === null || amount === undefined ? null : Number(amount);
}

async function keptFigures(api, step, count) {
  if (kept.step !== step || Date.now() - kept.atMs > KEPT_MS) {
    kept = { step, atMs: Date.now(), figures: await api.get('figures', { step, count }) };
  }
  return kept.figures;
}

function byProvider(times, rows, draw) {
  const names = [...new Set(rows.map(({ provider }) => provider))].sort().slice(0, PROVIDERS_SHOWN);
  const of = (name, value) => times.map((at) => {
    const row = rows.find((each) => each.at === at && each.provider === name);
    return row ? value(row) : null;
  });
  const series = (value) => names.map((name) => ({ name, values: of(name, value) }));
  return [
    draw({ title: 'Numbers asked of providers', kind: 'bars', series: series((row) => row.tried) }),
    draw({
      title: 'Half of a provider’s answers within', kind: 'lines', unit: ' s',
      series: series((row) => row.answer_s_p50),
    }),
    draw({
      title: 'Errors of providers', note: 'Asked for a number, they neither sold one nor said that there is none.', kind: 'bars',
      series: series((row) => row.errors),
    }),
  ];
}

/** The newest reading stands at the right; the time before this tab was opened is left empty. */
function livePlots(readings) {
  const missing = READINGS_MAX - readings.length;
  const firstMs = Date.parse(readings[0].at);
  const padded = (values) => [...Array(missing).fill(null), ...values];
  const times = [
    ...Array.from({ length: missing }, (_, i) => new Date(firstMs - (missing - i) * PERIOD_MS).toISOString()),
    ...readings.map(({ at }) => at),
  ];
  const draw = (what) => plot({ times, clock: 'seconds', ...what });
  const transports = Object.keys(readings[0].connections);
  const rate = (a, b, s) => round(Math.max(0, b.newest_event - a.newest_event) / s);
  const delay = (a, b) => {
    const events = b.delivery_count - a.delivery_count;
    return events > 0 ? round((1000 * (b.delivery_s_sum - a.delivery_s_sum)) / events) : null;
  };
  return [
    draw({
      title: 'Connections', kind: 'bars',
      series: transports.map((name) => ({
        name, values: padded(readings.map(({ connections }) => connections[name])),
      })),
    }),
    draw({
      title: 'Events a second, of all users', kind: 'lines',
      series: [{ name: 'events', values: padded(between(readings, rate)) }],
    }),
    draw({
      title: 'From commit to socket', kind: 'lines', unit: ' ms',
      series: [{ name: 'mean', values: padded(between(readings, delay)) }],
    }),
  ];
}

function round(value) {
  return Math.round(value * 10) / 10;
}
