import { TIMING } from '../client/timing.js';
import { CUT, bench } from './feed_bench.js';
import { equal, ok, settled, test } from './harness.js';
import { eventNo, resumedReady, snapshotReady } from './memory_transport.js';

const EXPIRED = { code: 4501, name: 'token_expired' };
const expiring = { type: 'auth.expiring', expires_at: '2026-01-01T10:00:00.000Z', in_s: 60 };

/** Hands out `tokens` one after the other; an Error among them is thrown. `asked` has the questions. */
function tokenSource(...tokens) {
  const asked = [];
  const getToken = async (why) => {
    asked.push(why);
    const next = tokens.shift();
    if (next instanceof Error) throw next;
    return next;
  };
  return { getToken, asked };
}

/** Live, with a token to replace. */
function renewing(...tokens) {
  const source = tokenSource(...tokens);
  const made = bench({ getToken: source.getToken });
  made.ws.last.deliver({ ...snapshotReady('c0'), heartbeat_s: 600 }, eventNo(1));
  made.log.length = 0;
  return { ...made, asked: source.asked };
}

test('feed tokens: without one it asks before it connects', async () => {
  const { getToken, asked } = tokenSource('fresh');
  const { feed, ws } = bench({ token: null, getToken });
  equal([feed.state.status, ws.connections.length], ['connecting', 0]);
  await settled();
  equal([ws.last.request.token, asked], ['fresh', [{ reason: 'start', token: null }]]);
});

test('feed tokens: told that it expires, the connection goes on with a new one', async () => {
  const { ws, log, asked } = renewing('fresh');
  ws.last.deliver(expiring);
  await settled();
  equal([asked, ws.last.renewed, ws.connections.length, log], [[{ reason: 'expiring', token: 't' }], ['fresh'], 1, []]);
  ws.last.end(CUT);
});

test('feed tokens: a connection that cannot take a new one is replaced, and nothing is lost or doubled', async () => {
  const { ws, log } = renewing('fresh');
  ws.canRenew = false;
  ws.last.deliver(expiring);
  await settled();
  const [old, replacement] = ws.connections;
  equal([replacement.request.token, replacement.request.cursor, old.closed], ['fresh', 'c1', false]);
  old.deliver(eventNo(2));
  replacement.deliver(resumedReady('c2'), eventNo(2), eventNo(3));
  equal([old.closed, log], [true, [2, 'resumed', 'live ws', 3]]);
});

test('feed tokens: a token that has expired is replaced, and the feed resumes', async () => {
  const { ws, asked } = renewing('fresh');
  ws.last.end(EXPIRED);
  await settled();
  equal([asked.length, asked[0].reason, ws.last.request.token, ws.last.request.cursor], [1, 'refused', 'fresh', 'c1']);
});

test('feed tokens: new ones that are refused end it', async () => {
  const { feed, ws, clock, asked } = renewing('bad', 'bad too');
  ws.last.end(EXPIRED);
  await settled();
  ws.last.end({ code: 4500, name: 'unauthorized' });
  equal(feed.state.status, 'waiting');
  clock.advance(TIMING.backoffCapMs);
  await settled();
  ws.last.end({ code: 4500, name: 'unauthorized' });
  equal([feed.state.status, feed.state.reason.name, asked.length], ['closed', 'unauthorized', 2]);
});

test('feed tokens: when none can be got it waits and asks again', async () => {
  const { feed, ws, clock, asked } = renewing(new Error('no network'), 'fresh');
  ws.last.end(EXPIRED);
  await settled();
  equal([feed.state.status, feed.state.reason.name], ['waiting', 'token_unavailable']);
  clock.advance(TIMING.backoffCapMs);
  await settled();
  equal([asked.length, ws.last.request.token], [2, 'fresh']);
});

test('feed tokens: an answer that takes too long counts as none', async () => {
  const { feed, ws, clock } = bench({ token: null, getToken: () => new Promise(() => {}) });
  clock.advance(TIMING.tokenDeadlineMs);
  equal([feed.state.reason.name, ws.connections.length], ['token_unavailable', 0]);
});

test('feed tokens: signed out, it ends', async () => {
  const { feed, ws, clock } = renewing(null);
  ws.last.deliver(expiring);
  await settled();
  equal([feed.state.status, feed.state.reason.name, ws.last.closed, clock.timerCount], ['closed', 'signed_out', true, 0]);
});

test('feed tokens: a token that comes after the feed was closed opens nothing', async () => {
  const { getToken } = tokenSource('fresh');
  const { feed, ws } = bench({ token: null, getToken });
  feed.close();
  await settled();
  equal(ws.connections.length, 0);
  ok(feed.state.status === 'closed', 'a closed feed');
});

test('feed tokens: failing before it expires costs nothing yet', async () => {
  const { feed, ws, log } = renewing(new Error('no network'));
  ws.last.deliver(expiring);
  await settled();
  equal([feed.state.status, log, ws.last.renewed], ['live', [], []]);
});
