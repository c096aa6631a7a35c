import { TIMING } from '../client/timing.js';
import { CUT, bench, liveBench, online, visible } from './feed_bench.js';
import { equal, ok, test } from './harness.js';
import { eventNo, resumedReady, snapshotReady } from './memory_transport.js';

test('feed: connects, reports ready, then live', () => {
  const { ws, log } = bench();
  equal([ws.last.request.cursor, ws.last.request.token], [null, 't']);
  ws.last.deliver(snapshotReady('c0'));
  equal(log, ['connecting ws', 'snapshot', 'live ws']);
});

test('feed: what cannot connect hands over to the next transport at once', () => {
  const { ws, sse, poll, log } = bench();
  ws.last.end(CUT);
  sse.last.end({ code: 1006, name: 'http_502' });
  poll.last.deliver(snapshotReady('c0'));
  equal(log, ['connecting ws', 'connecting sse', 'connecting poll', 'snapshot', 'live poll']);
});

test('feed: no ready within the deadline counts as cannot connect', () => {
  const { ws, sse, clock } = bench();
  clock.advance(TIMING.readyDeadlineMs - 1);
  equal(sse.connections.length, 0);
  clock.advance(1);
  ok(ws.last.closed, 'the silent attempt closed');
  equal(sse.connections.length, 1);
});

test('feed: when none connects it waits, longer each round, and starts over with the first', () => {
  const { feed, clock, ws, sse, poll } = bench();
  for (const waitMs of [250, 500, 1000]) {
    for (const transport of [ws, sse, poll]) transport.last.end(CUT);
    equal([feed.state.status, feed.state.transport, feed.state.retry_in_ms], ['waiting', 'ws', waitMs]);
    const tries = ws.connections.length;
    clock.advance(waitMs - 1);
    equal(ws.connections.length, tries);
    clock.advance(1);
    equal(ws.connections.length, tries + 1);
  }
  equal(feed.state.attempt, 3);
});

test('feed: a service that is busy or restarting is waited for on the same transport', () => {
  const { feed, ws, sse } = bench();
  ws.last.end({ code: 1013, retryMs: 4_000 });
  equal([feed.state.status, feed.state.transport, feed.state.retry_in_ms], ['waiting', 'ws', 4_250]);
  equal(sse.connections.length, 0);
});

test('feed: no service can ask for an endless wait', () => {
  const { feed, ws } = bench();
  ws.last.end({ code: 1013, retryMs: 86_400_000 });
  equal(feed.state.retry_in_ms, TIMING.retryHintCapMs + 250);
});

test('feed: resumes by the cursor of the last event, on the transport that was live', () => {
  const { ws, clock, log } = liveBench();
  ws.last.deliver(eventNo(1), eventNo(2));
  ws.last.end(CUT);
  clock.advance(250);
  equal(ws.last.request.cursor, 'c2');
  ws.last.deliver(resumedReady('c5'), eventNo(3), eventNo(4));
  equal(log, [1, 2, 'waiting ws', 'connecting ws', 'resumed', 'live ws', 3, 4]);
});

test('feed: cut in the middle of the missed events, it resumes behind the last one applied', () => {
  const { ws, clock } = liveBench();
  ws.last.deliver(eventNo(1));
  ws.last.end(CUT);
  clock.advance(250);
  ws.last.deliver(resumedReady('c9'), eventNo(2));
  ws.last.end(CUT);
  clock.advance(1000);
  equal(ws.last.request.cursor, 'c2');
});

test('feed: without any event it resumes by the cursor of the snapshot', () => {
  const { ws, clock } = liveBench();
  ws.last.end(CUT);
  clock.advance(250);
  equal(ws.last.request.cursor, 'c0');
});

test('feed: the cursor goes along to another transport', () => {
  const { ws, sse, clock } = liveBench();
  ws.last.deliver(eventNo(1));
  ws.last.end(CUT);
  clock.advance(250);
  ws.last.end(CUT);
  equal(sse.last.request.cursor, 'c1');
});

test('feed: events seen before are dropped', () => {
  const { ws, log } = liveBench();
  ws.last.deliver(eventNo(5), eventNo(5), eventNo(4), eventNo(6));
  equal(log, [5, 6]);
});

test('feed: a gap is not shown but fetched', () => {
  const { feed, ws, clock, log } = liveBench();
  ws.last.deliver(eventNo(5), eventNo(7), eventNo(8));
  ok(ws.last.closed, 'the connection with the gap closed');
  equal(feed.state.reason.name, 'gap');
  clock.advance(250);
  equal(ws.last.request.cursor, 'c5');
  ws.last.deliver(resumedReady('c8'), eventNo(6), eventNo(7), eventNo(8));
  equal(log, [5, 'waiting ws', 'connecting ws', 'resumed', 'live ws', 6, 7, 8]);
});

test('feed: a snapshot starts a new count, also a lower one', () => {
  const { ws, clock, log } = liveBench();
  ws.last.deliver(eventNo(500));
  ws.last.end(CUT);
  clock.advance(250);
  ws.last.deliver(snapshotReady('new-epoch'), eventNo(3));
  equal(log.slice(-3), ['snapshot', 'live ws', 3]);
});

test('feed: silence of two heartbeats is death, any message is life', () => {
  const { feed, ws, clock } = liveBench();
  clock.advance(19_999);
  ws.last.deliver({ type: 'heartbeat' });
  clock.advance(19_999);
  ws.last.deliver(eventNo(1));
  clock.advance(19_999);
  equal(feed.state.status, 'live');
  clock.advance(1);
  equal([feed.state.status, feed.state.reason.name], ['waiting', 'silence']);
  ok(ws.last.closed, 'the dead connection closed');
});

test('feed: messages it does not know are signs of life, and told as notices', () => {
  const { feed, ws, log } = liveBench();
  feed.on('notice', ({ type }) => log.push(type));
  ws.last.deliver({ type: 'of.a.later.version' }, eventNo(1));
  equal(log, ['of.a.later.version', 1]);
});

test('feed: a terminal code closes it and is reported', () => {
  const { feed, ws, clock, page } = liveBench();
  ws.last.end({ code: 4501, name: 'token_expired' });
  equal([feed.state.status, feed.state.reason.code], ['closed', 4501]);
  online(page);
  clock.advance(3_600_000);
  equal([ws.connections.length, clock.timerCount], [1, 0]);
});

test('feed: a token refused before ready closes it, without trying the other transports', () => {
  const { feed, ws, sse } = bench();
  ws.last.end({ code: 4500, name: 'unauthorized' });
  equal([feed.state.status, sse.connections.length], ['closed', 0]);
});

test('feed: the backoff starts over only after a stable connection', () => {
  const { feed, ws, clock } = liveBench();
  for (const waitMs of [250, 500, 1000]) {
    ws.last.end(CUT);
    equal(feed.state.retry_in_ms, waitMs);
    clock.advance(waitMs);
    ws.last.deliver(resumedReady('c0'));
  }
  clock.advance(TIMING.stableAfterMs);
  ws.last.end(CUT);
  equal(feed.state.retry_in_ms, 250);
});

test('feed: from a fallback it tries the better transport beside it, and moves over', () => {
  const { feed, clock, ws, sse, log } = bench();
  ws.last.end(CUT);
  sse.last.deliver({ ...snapshotReady('c0'), heartbeat_s: 600 }, eventNo(1));
  log.length = 0;
  clock.advance(TIMING.upgradeAfterMs);
  equal([ws.connections.length, ws.last.request.cursor, feed.state.status], [2, 'c1', 'live']);
  sse.last.deliver(eventNo(2));
  ws.last.deliver(resumedReady('c2'), eventNo(2), eventNo(3));
  ok(sse.last.closed, 'the fallback closed');
  equal(log, [2, 'resumed', 'live ws', 3]);
});

test('feed: a better transport that still fails costs nothing, and is tried again', () => {
  const { feed, clock, ws, sse, poll, log } = bench();
  ws.last.end(CUT);
  sse.last.end(CUT);
  poll.last.deliver({ ...snapshotReady('c0'), heartbeat_s: 600 });
  log.length = 0;
  for (const round of [2, 3]) {
    clock.advance(TIMING.upgradeAfterMs);
    ws.last.end(CUT);
    sse.last.end(CUT);
    equal([ws.connections.length, sse.connections.length], [round, round]);
  }
  poll.last.deliver(eventNo(1));
  equal([feed.state.status, log], ['live', [1]]);
});

test('feed: losing the fallback ends the attempt beside it', () => {
  const { clock, ws, sse } = bench();
  ws.last.end(CUT);
  sse.last.deliver({ ...snapshotReady('c0'), heartbeat_s: 600 });
  clock.advance(TIMING.upgradeAfterMs);
  sse.last.end(CUT);
  ok(ws.last.closed, 'the attempt closed');
});

test('feed: back online it reconnects at once, by its cursor', () => {
  const { feed, ws, page } = liveBench();
  ws.last.deliver(eventNo(1));
  page.dispatchEvent(new Event('offline'));
  equal([feed.state.status, feed.state.reason.name, ws.last.closed], ['waiting', 'offline', true]);
  online(page);
  equal([feed.state.status, ws.connections.length, ws.last.request.cursor], ['connecting', 2, 'c1']);
});

test('feed: offline it does not try, until it is online or somebody looks', () => {
  const { feed, ws, page, clock } = liveBench();
  page.dispatchEvent(new Event('offline'));
  clock.advance(3_600_000);
  equal([ws.connections.length, clock.timerCount, feed.state.retry_in_ms], [1, 0, null]);
  visible(page); // browsers err
  equal([ws.connections.length, feed.state.status], [2, 'connecting']);
});

test('feed: visible after a long sleep it reconnects at once, after a short one it does not', () => {
  const { ws, page, clock } = liveBench();
  clock.sleep(14_000);
  visible(page);
  equal(ws.connections.length, 1);
  clock.sleep(60_000);
  page.document.visibilityState = 'hidden';
  visible(page);
  equal(ws.connections.length, 1);
  page.document.visibilityState = 'visible';
  visible(page);
  equal(ws.connections.length, 2);
});

test('feed: visible while waiting it does not wait any longer', () => {
  const { ws, page } = liveBench();
  ws.last.end(CUT);
  visible(page);
  equal(ws.connections.length, 2);
});

test('feed: a receipt is sent when live, and kept while not', () => {
  const { feed, ws, clock } = liveBench();
  feed.ack('c1');
  equal(ws.last.sent, [{ type: 'ack', cursor: 'c1' }]);
  ws.last.end(CUT);
  feed.ack('c2');
  feed.ack('c3');
  clock.advance(250);
  ws.last.deliver(resumedReady('c3'));
  equal(ws.last.sent, [{ type: 'ack', cursor: 'c3' }]);
});

test('feed: closed it is silent and holds nothing; started again it resumes', () => {
  const { feed, ws, clock, page, log } = liveBench();
  ws.last.deliver(eventNo(1));
  feed.close();
  ws.last.request.onMessage(eventNo(2));
  online(page);
  equal([log, clock.timerCount, ws.last.closed], [[1, 'closed ws'], 0, true]);
  feed.start();
  equal(ws.last.request.cursor, 'c1');
});

test('feed: a handler may close it in the middle', () => {
  const { feed, ws, log } = bench();
  feed.on('ready', () => feed.close());
  ws.last.deliver(snapshotReady('c0'), eventNo(1));
  equal(log, ['connecting ws', 'snapshot', 'closed ws']);
});

test('feed: one pinned transport is retried, never replaced', () => {
  const { feed, ws, clock } = bench({ names: ['sse'] });
  ws.last.end(CUT);
  equal([feed.state.status, feed.state.transport], ['waiting', 'sse']);
  clock.advance(250);
  equal(ws.connections.length, 2);
});

test('feed: opened and silent is buffered on the way, and the next transport has its turn sooner', () => {
  const { feed, ws, sse, poll, clock } = bench();
  ws.last.end(CUT);
  sse.last.request.onOpen();
  clock.advance(TIMING.bufferedAfterMs - 1);
  equal(poll.connections.length, 0);
  clock.advance(1);
  equal([feed.state.transport, sse.last.closed, poll.connections.length], ['poll', true, 1]);
});

test('feed: a transport that says ready and nothing more is left for the next, and not tried again in this network', () => {
  const { feed, ws, sse, page, clock } = bench();
  ws.last.deliver({ ...snapshotReady('c0') });
  clock.advance(20_000);
  equal([ws.last.closed, feed.state.transport], [true, 'sse']);
  sse.last.deliver({ ...resumedReady('c0'), heartbeat_s: 600 });
  clock.advance(2 * TIMING.upgradeAfterMs);
  equal(ws.connections.length, 1);
  online(page);
  sse.last.deliver({ ...resumedReady('c0'), heartbeat_s: 600 });
  clock.advance(TIMING.upgradeAfterMs);
  equal(ws.connections.length, 2);
});

test('feed: a connection that has spoken and then falls silent is opened again, not replaced', () => {
  const { feed, ws, clock } = liveBench();
  ws.last.deliver({ type: 'heartbeat' });
  clock.advance(20_000);
  equal([feed.state.status, feed.state.transport, feed.state.reason.name], ['waiting', 'ws', 'silence']);
});

test('feed: hurried it does not wait; restarted it asks for a snapshot', () => {
  const { feed, ws } = liveBench();
  ws.last.end(CUT);
  feed.hurry();
  equal([ws.connections.length, ws.last.request.cursor], [2, 'c0']);
  feed.restart();
  equal([ws.connections.length, ws.last.request.cursor], [3, null]);
});

test('feed: a random walk of cuts, gaps and duplicates shows every event once and in order', () => {
  let seed = 20_260_101;
  const below = (limit) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  const { clock, ws, sse, poll, log } = bench();
  let head = 0;
  for (let step = 0; step < 3_000; step += 1) {
    const open = [ws, sse, poll].flatMap(({ connections }) => connections).filter(({ closed }) => !closed);
    const connection = open[below(Math.max(1, open.length))];
    const move = below(10);
    if (move === 0) clock.advance(below(60_000));
    else if (move === 1) connection?.end(CUT);
    else if (connection && connection.position === undefined) {
      const { cursor } = connection.request;
      connection.position = cursor === null ? head : Number(cursor.slice(1));
      connection.deliver(cursor === null ? snapshotReady(`c${head}`) : resumedReady(`c${head}`));
    } else if (connection) {
      if (connection.position === head) head += 1;
      if (move === 2) connection.position += 1; // loses one
      if (move === 3) connection.position = Math.max(0, connection.position - 2); // says some again
      for (; connection.position < head; connection.position += 1) connection.deliver(eventNo(connection.position + 1));
    }
  }
  const shown = log.filter((entry) => typeof entry === 'number');
  equal(log.filter((entry) => entry === 'snapshot').length, 1);
  ok(shown.length > 500, `a walk that gets somewhere, got ${shown.length} events`);
  const misplaced = shown.filter((seq, index) => seq !== shown[0] + index);
  equal(misplaced, []);
});
