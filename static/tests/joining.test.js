import { isCovered } from '../client/joining.js';
import { equal, test } from './harness.js';

const at = (cursor, seq) => ({ cursor, seq });

test('joining: the same cursor is the same place, whatever the seqs say', () => {
  equal(isCovered(at('c5', null), at('c5', 5), false), true);
  equal(isCovered(at('c5', null), at('c5', null), false), true);
});

test('joining: a leader behind will tell all that is lacking, one ahead will not', () => {
  equal([4, 5, 6].map((seq) => isCovered(at('c5', 5), at(`c${seq}`, seq), true)), [true, true, false]);
});

test('joining: seqs of different histories say nothing', () => {
  equal(isCovered(at('c5', 5), at('d4', 4), false), false);
});

test('joining: without a place, or with a seq that is not known, nothing is proven', () => {
  equal(isCovered(at(null, null), at(null, null), true), false);
  equal(isCovered(at('c5', null), at('c4', 4), true), false);
  equal(isCovered(at('c5', 5), at('c4', null), true), false);
});
