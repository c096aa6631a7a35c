import { describeConnection } from '../ui/connection.js';
import { countdown } from '../ui/countdown.js';
import { humanError } from '../ui/errors.js';
import { clock, phoneGroups, titleOf } from '../ui/format.js';
import { describeRefusedToken } from '../ui/signin.js';
import { equal, test } from './harness.js';

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
