import { Live, between } from '../admin/live.js';
import { said, titleOf } from '../admin/timeline.js';
import { equal, test } from './harness.js';

const reading = (seconds, events, gateways = ['a']) => ({
  at: new Date(Date.UTC(2026, 10, 21, 16, 0, seconds)).toISOString(), newest_event: events, gateways,
});
const rate = (a, b, s) => (b.newest_event - a.newest_event) / s;

test('live: a rate lies between two readings of the same gateways', () => {
  const readings = [reading(0, 10), reading(2, 14), reading(4, 14), reading(6, 20, ['a', 'b']), reading(8, 24, ['a', 'b'])];
  equal(between(readings, rate), [null, 2, 0, null, 2]);
});

test('live: readings are kept in order, each once, and no more than a bound', () => {
  const live = new Live();
  equal(live.isLate(), true);
  for (let i = 0; i < 100; i += 1) live.push(reading(i * 2, i));
  live.push(reading(10, 7)); // late, from another way of asking
  equal([live.readings.length, live.newest.newest_event, live.readings[0].newest_event], [90, 99, 10]);
  equal([live.isLate(Date.now()), live.isLate(Date.now() + 7_000)], [false, true]);
});

test('timeline: an entry is said in words, without what is of no use to a person', () => {
  equal(titleOf({ kind: 'provider', what: 'herosms', detail: { attempt: 1 } }),
    'herosms was asked for a number and has not answered');
  equal(titleOf({ kind: 'provider', what: 'herosms', detail: { outcome: 'sold' } }), 'herosms was asked for a number');
  const call = { method: 'cancel', outcome: 'too_early', answer: 'again in 95 s', seconds: 0.2, times: 3 };
  equal(titleOf({ kind: 'call', what: 'herosms', detail: call }), 'herosms was asked to take the number back: too_early');
  equal(said(call, ['method', 'outcome']), 'answer again in 95 s · seconds 0.2 · times 3');
  equal(said({ level: 'info', reason: 'ticket 12', before: { status: 'ordering', due_at: null } }),
    'reason ticket 12 · before status ordering');
});
