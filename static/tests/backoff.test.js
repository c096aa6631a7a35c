import { fullJitterMs } from '../client/backoff.js';
import { equal, ok, test } from './harness.js';

const TIMES = { backoffBaseMs: 500, backoffCapMs: 30_000 };
const highest = () => 0.999999;

test('backoff: the ceiling doubles with each attempt', () => {
  equal([0, 1, 2, 3].map((attempt) => fullJitterMs(attempt, TIMES, highest)), [499, 999, 1999, 3999]);
});

test('backoff: the ceiling stops at the cap, whatever the attempt', () => {
  equal([10, 100, 5000].map((attempt) => fullJitterMs(attempt, TIMES, highest)), [29999, 29999, 29999]);
});

test('backoff: the jitter is full, down to zero', () => {
  equal(fullJitterMs(9, TIMES, () => 0), 0);
  const waits = Array.from({ length: 1000 }, () => fullJitterMs(3, TIMES));
  ok(waits.every((wait) => wait >= 0 && wait < 4000), 'all waits within 0 .. 4000');
  ok(waits.some((wait) => wait < 1000) && waits.some((wait) => wait > 3000), 'waits spread over the range');
});
