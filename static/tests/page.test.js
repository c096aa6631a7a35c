import { Attempt } from '../ui/attempt.js';
import { priceOf } from '../ui/buy.js';
import { describeConnection } from '../ui/connection.js';
import { countdown } from '../ui/countdown.js';
import { humanError } from '../ui/errors.js';
import { clock, longClock, phoneGroups, titleOf } from '../ui/format.js';
import { describeHours, times } from '../ui/hours.js';
import { describeChain } from '../ui/order_card.js';
import { CANCEL_MS, cancelLeftMs, describeExtension } from '../ui/rental_card.js';
import { describeRefusedToken } from '../ui/signin.js';
import { equal, ok, test } from './harness.js';

test('format: a phone number is grouped and nothing of it lost', () => {
  equal(phoneGroups('6281234567890'), ['+628', '123', '456', '7890']);
  for (const phone of ['1', '1234', '12345', '447700900123', '6281234567890']) {
    equal(phoneGroups(phone).join(''), `+${phone}`);
  }
});

test('format: remaining time counts begun seconds and never goes below zero', () => {
  equal([1_200_000, 59_001, 1, 0, -5_000, 3_723_000].map(clock), ['20:00', '1:00', '0:01', '0:00', '0:00', '1:02:03']);
});

test('format: names the catalog does not know are still readable', () => {
  equal(titleOf('united_kingdom'), 'United kingdom');
});

test('format: long times are told in days and hours', () => {
  equal([3_600_000, 86_400_000, 180_000_000, 86_399_000].map(longClock), ['1:00:00', '1 d 0 h', '2 d 2 h', '23:59:59']);
});

test('buying: the price is the country\'s where there is one', () => {
  const service = { price: '5.00', prices: { france: '7.20' } };
  equal([priceOf(service, 'france'), priceOf(service, 'germany')], ['7.20', '5.00']);
  equal([priceOf({ price: '5.00' }, 'france'), priceOf(undefined, 'france')], ['5.00', undefined]);
});

test('rentals: hours in words, and their price to the cent', () => {
  equal([2, 24, 72, 168, 336, 1344].map(describeHours), ['2 hours', '1 day', '3 days', '7 days', '2 weeks', '8 weeks']);
  equal([times('0.25', 1344), times('1.50', 2), times('0.01', 4)], ['336.00', '3.00', '0.04']);
  equal(times('9999999999.99', 1344), '13439999999986.56');
});

test('rentals: can be cancelled for 20 minutes, and not when they have ended', () => {
  const rental = { status: 'active', created_at: '2026-01-01T10:00:00Z' };
  const startMs = Date.parse(rental.created_at);
  equal([0, 1_000, CANCEL_MS].map((ms) => cancelLeftMs(rental, startMs + ms)), [CANCEL_MS, CANCEL_MS - 1_000, 0]);
  equal(cancelLeftMs({ ...rental, status: 'cancelled' }, startMs), 0);
});

test('rentals: what became of an extension', () => {
  const extension = { hours: 24, price: '6.00', status: 'requested', error_code: null };
  equal(describeExtension({ extension: null }), '');
  equal(describeExtension({ extension }), 'Extending by 1 day for 6.00 …');
  const refused = { ...extension, status: 'refused', error_code: 'EXTENSION_REFUSED' };
  ok(describeExtension({ extension: refused }).startsWith('Not extended, and nothing was charged'), 'it says so');
});

test('attempt: one key for a press without an answer, a new one after an answer', () => {
  const attempt = new Attempt();
  const key = attempt.keyFor({ service: 'x' });
  attempt.settle({ isTransient: true });
  equal(attempt.keyFor({ service: 'x' }), key);
  ok(attempt.keyFor({ service: 'y' }) !== key, 'another key for another choice');
  const second = attempt.keyFor({ service: 'x' });
  attempt.settle({ isTransient: false });
  ok(attempt.keyFor({ service: 'x' }) !== second, 'another key after an answer');
});

test('countdown: falls from the whole to nothing', () => {
  const at = (iso) => countdown('2026-01-01T10:00:00Z', '2026-01-01T10:20:00Z', Date.parse(iso));
  equal(at('2026-01-01T10:00:00Z'), { remainingMs: 1_200_000, share: 1, isShort: false });
  equal(at('2026-01-01T10:19:30Z'), { remainingMs: 30_000, share: 0.025, isShort: true });
  equal(at('2026-01-01T11:00:00Z'), { remainingMs: 0, share: 0, isShort: true });
});

test('errors: a known code speaks to people, an unknown one lets the service speak', () => {
  const early = humanError({ code: 'EARLY_CANCEL_DENIED', data: { retry_after_s: 95 } });
  equal(early, 'Too early to cancel. Possible in 1:35.');
  equal(humanError({ code: 'SOMETHING_NEW', message: 'A new thing.' }), 'A new thing.');
  equal(humanError({ code: 'toString' }), 'The service refused: toString.');
});

test('sign-in: a token that was pasted wrong is not called a session that has ended', () => {
  equal(describeRefusedToken({ code: 'TOKEN_INVALID' }), 'This token is not valid here. Check that you have pasted all of it.');
  equal(describeRefusedToken({ code: 'NO_ANSWER' }), humanError({ code: 'NO_ANSWER' }));
});

test('connection light: says which transport is live and what is being waited for', () => {
  const live = { transport: 'sse', status: 'live', retry_in_ms: null, reason: null };
  const at = (state) => describeConnection({ ...live, ...state });
  equal(at({}), 'live · SSE');
  equal(at({ role: 'leader' }), 'live · SSE');
  equal(at({ role: 'follower' }), 'live · SSE of another tab');
  equal(at({ status: 'waiting', retry_in_ms: 3_200 }), 'reconnecting in 4 s');
  const offline = { status: 'waiting', retry_in_ms: 30_000, reason: { name: 'offline' } };
  equal(at(offline), 'offline · waiting for the network');
});

test('orders: what followed one is told before what it follows, and why nothing did', () => {
  const alone = { retry_of: null, retried_by: null, retry_refused: null };
  equal(describeChain(alone), { text: '' });
  equal(describeChain({}), { text: '' }); // an event from before there were retries
  equal(describeChain({ ...alone, retry_of: 'a' }), { text: 'Another try of', id: 'a' });
  equal(describeChain({ ...alone, retry_of: 'a', retried_by: 'c' }), { text: 'Tried again as', id: 'c' });
  equal(describeChain({ ...alone, retry_of: 'a', retry_refused: 'INSUFFICIENT_FUNDS' }).text, 'Not tried again: not enough available.');
  equal(describeChain({ ...alone, retry_refused: 'CANCEL_REQUESTED' }), { text: '' }); // its user knows
});
