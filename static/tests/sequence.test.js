import { judge } from '../client/sequence.js';
import { equal, test } from './harness.js';

test('sequence: the first event behind a snapshot sets the count', () => {
  equal(judge(null, 1), 'accept');
  equal(judge(null, 4711), 'accept');
});

test('sequence: exactly the next one is accepted', () => {
  equal(judge(7, 8), 'accept');
});

test('sequence: what was seen is a duplicate', () => {
  equal([7, 6, 1].map((seq) => judge(7, seq)), ['duplicate', 'duplicate', 'duplicate']);
});

test('sequence: what skips one is a gap', () => {
  equal([9, 10, 1000].map((seq) => judge(7, seq)), ['gap', 'gap', 'gap']);
});
