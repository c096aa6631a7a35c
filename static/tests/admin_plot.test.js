import { niceMax, path, timesUntil } from '../admin/plot.js';
import { equal, test } from './harness.js';

test('plot: the scale ends at a round number that nothing exceeds', () => {
  equal([0, 0.03, 1, 1.1, 4.5, 21, 99, 100, 350].map(niceMax), [1, 0.03, 1, 2, 6, 30, 100, 100, 400]);
  equal(niceMax(Number.NaN), 1);
});

test('plot: times of nothing are there, as the API writes them', () => {
  const now = Date.parse('2026-11-21T16:20:00Z');
  equal(timesUntil(now, 'hour', 3), [
    '2026-11-21T14:00:00.000Z', '2026-11-21T15:00:00.000Z', '2026-11-21T16:00:00.000Z',
  ]);
  equal(timesUntil(now, 'day', 2), ['2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z']);
});

test('plot: a line breaks where there is no value', () => {
  equal(path([1, 2, null, 3], (i) => i * 10, (value) => value), 'M0.0 1.0L10.0 2.0M30.0 3.0');
  equal(path([null, null], (i) => i, (value) => value), '');
});
