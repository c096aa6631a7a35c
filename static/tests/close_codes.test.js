import { isTerminal, isUnreachable } from '../client/close_codes.js';
import { equal, test } from './harness.js';

test('close codes: 4500 to 4999 end it, all others reconnect', () => {
  equal([4500, 4501, 4999].map((code) => isTerminal({ code })), [true, true, true]);
  const others = [1000, 1001, 1006, 1011, 1012, 1013, 4000, 4499];
  equal(others.filter((code) => isTerminal({ code })), []);
});

test('close codes: what the service says about reconnecting overrules the range', () => {
  equal(isTerminal({ code: 4503, reconnect: true }), false);
  equal(isTerminal({ code: 4001, reconnect: false }), true);
});

test('close codes: only codes that anybody could send suggest another transport', () => {
  equal([1000, 1001, 1006, 1011].filter((code) => !isUnreachable({ code })), []);
  equal([1012, 1013, 4000, 4499].filter((code) => isUnreachable({ code })), []);
});
