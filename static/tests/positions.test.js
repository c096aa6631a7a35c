import { Positions } from '../client/positions.js';
import { equal, test } from './harness.js';

export class MemoryStorage {
  #items = new Map();
  getItem = (key) => this.#items.get(key) ?? null;
  setItem = (key, value) => this.#items.set(key, String(value));
  removeItem = (key) => this.#items.delete(key);
}

const NOWHERE = { cursor: null, seq: null };

test('positions: kept per user until forgotten', () => {
  const storage = new MemoryStorage();
  const alice = new Positions(storage, 'alice');
  alice.save({ cursor: 'c5', seq: 5 });
  equal(new Positions(storage, 'alice').load(), { cursor: 'c5', seq: 5 });
  equal(new Positions(storage, 'bob').load(), NOWHERE);
  alice.forget();
  equal(alice.load(), NOWHERE);
});

test('positions: what is not one is none', () => {
  for (const kept of ['', '{', 'null', '{"cursor":5}']) {
    const storage = { getItem: () => kept };
    equal(new Positions(storage, 'alice').load(), NOWHERE);
  }
});

test('positions: a storage that is full, forbidden or missing costs a snapshot and no more', () => {
  const refuse = () => {
    throw new DOMException('full', 'QuotaExceededError');
  };
  for (const storage of [null, { getItem: refuse, setItem: refuse, removeItem: refuse }]) {
    const positions = new Positions(storage, 'alice');
    positions.save({ cursor: 'c5', seq: 5 });
    positions.forget();
    equal(positions.load(), NOWHERE);
  }
});
