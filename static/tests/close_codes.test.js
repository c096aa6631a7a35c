import { isTerminal, isTokenRefused, isUnreachable, readClose } from '../client/close_codes.js';
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

test('close codes: a new token helps where the token was the fault', () => {
  equal([4500, 4501, 4503].map((code) => isTokenRefused({ code })), [true, true, true]);
  equal([4502, 4000, 1006].map((code) => isTokenRefused({ code })), [false, false, false]);
});

test('close codes: the reason of a close frame names the code and may ask for a wait', () => {
  equal(readClose({ code: 1012, reason: 'service_restart retry=1500' }), { code: 1012, name: 'service_restart', retryMs: 1500 });
  equal(readClose({ code: 1012, reason: 'service_restart' }), { code: 1012, name: 'service_restart' });
  equal(readClose({ code: 1006, reason: '' }), { code: 1006, name: '' });
  equal(readClose({ code: 4000, reason: 'slow retry=soon' }), { code: 4000, name: 'slow' });
  equal(readClose({ code: 4003, reason: 'too_many_connections' }).retryMs, 30_000);
});
