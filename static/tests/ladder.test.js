import { Ladder } from '../client/ladder.js';
import { equal, test } from './harness.js';

test('ladder: goes down at once, and waits before it starts over at the top', () => {
  const ladder = new Ladder(['ws', 'sse', 'poll']);
  equal(ladder.current, 'ws');
  equal([ladder.descend(), ladder.current], [true, 'sse']);
  equal([ladder.descend(), ladder.current], [true, 'poll']);
  equal([ladder.descend(), ladder.current], [false, 'ws']);
});

test('ladder: a single rung always waits', () => {
  const ladder = new Ladder(['sse']);
  equal([ladder.descend(), ladder.current], [false, 'sse']);
});
