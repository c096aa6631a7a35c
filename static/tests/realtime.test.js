import { RealtimeClient } from '../client/realtime.js';
import { TIMING } from '../client/timing.js';
import { equal, ok, test } from './harness.js';
import { ManualClock } from './manual_clock.js';
import { MemoryTransport, eventNo, resumedReady, snapshotReady } from './memory_transport.js';

const CUT = { code: 1006, name: 'cut' };

/** A client on transports in memory, with a clock of its own and the jitter at half. */
function bench({ names = ['ws', 'sse', 'poll'] } = {}) {
  const clock = new ManualClock();
  const page = Object.assign(new EventTarget(), { document: new EventTarget() });
  page.document.visibilityState = 'visible';
  const transports = names.map((name) => new MemoryTransport(name));
  const random = () => 0.5;
  const client = new RealtimeClient({ token: 't', baseUrl: 'http://h', transports, clock, random, window: page });
  const log = [];
  client.addEventListener('ready', ({ detail }) => log.push(detail.resumed ? 'resumed' : 'snapshot'));
  client.addEventListener('event', ({ detail }) => log.push(detail.seq));
  client.addEventListener('state', ({ detail }) => log.push(`${detail.status} ${detail.transport}`));
  const [ws, sse, poll] = transports;
  client.start();
  return { client, clock, page, ws, sse, poll, log };
}

function liveBench(options) {
  const made = bench(options);
  made.ws.last.deliver(snapshotReady('c0'));
  made.log.length = 0;
  return made;
}

const online = (page) => page.dispatchEvent(new Event('online'));
const visible = (page) => page.document.dispatchEvent(new Event('visibilitychange'));

test('client: connects, reports ready, then live', () => {
  const { ws, log } = bench();
  equal([ws.last.request.cursor, ws.last.request.token], [null, 't']);
  ws.last.deliver(snapshotReady('c0'));
  equal(log, ['connecting ws', 'snapshot', 'live ws']);
});

test('client: what cannot connect hands over to the next transport at once', () => {
  const { ws, sse, poll, log } = bench();
  ws.last.end(CUT);
  sse.last.end({ code: 1006, name: 'http_502' });
  poll.last.deliver(snapshotReady('c0'));
  equal(log, ['connecting ws', 'connecting sse', 'connecting poll', 'snapshot', 'live poll']);
});

test('client: no ready within the deadline counts as cannot connect', () => {
  const { ws, sse, clock } = bench();
  clock.advance(TIMING.readyDeadlineMs - 1);
  equal(sse.connections.length, 0);
  clock.advance(1);
  ok(ws.last.closed, 'the silent attempt closed');
  equal(sse.connections.length, 1);
});

test('client: when none connects it waits, longer each round, and starts over with the first', () => {
  const { client, clock, ws, sse, poll } = bench();
  for (const waitMs of [250, 500, 1000]) {
    for (const transport of [ws, sse, poll]) transport.last.end(CUT);
    equal([client.state.status, client.state.transport, client.state.retry_in_ms], ['waiting', 'ws', waitMs]);
    const tries = ws.connections.length;
    clock.advance(waitMs - 1);
    equal(ws.connections.length, tries);
    clock.advance(1);
    equal(ws.connections.length, tries + 1);
  }
  equal(client.state.attempt, 3);
});

test('client: a service that is busy or restarting is waited for on the same transport', () => {
  const { client, ws, sse } = bench();
  ws.last.end({ code: 1013, retryMs: 4_000 });
  equal([client.state.status, client.state.transport, client.state.retry_in_ms], ['waiting', 'ws', 4_250]);
  equal(sse.connections.length, 0);
});

test('client: no service can ask for an endless wait', () => {
  const { client, ws } = bench();
  ws.last.end({ code: 1013, retryMs: 86_400_000 });
  equal(client.state.retry_in_ms, TIMING.retryHintCapMs + 250);
});

test('client: resumes by the cursor of the last event, on the transport that was live', () => {
  const { ws, clock, log } = liveBench();
  ws.last.deliver(eventNo(1), eventNo(2));
  ws.last.end(CUT);
  clock.advance(250);
  equal(ws.last.request.cursor, 'c2');
  ws.last.deliver(resumedReady('c5'), eventNo(3), eventNo(4));
  equal(log, [1, 2, 'waiting ws', 'connecting ws', 'resumed', 'live ws', 3, 4]);
});

test('client: cut in the middle of the missed events, it resumes behind the last one applied', () => {
  const { ws, clock } = liveBench();
  ws.last.deliver(eventNo(1));
  ws.last.end(CUT);
  clock.advance(250);
  ws.last.deliver(resumedReady('c9'), eventNo(2));
  ws.last.end(CUT);
  clock.advance(1000);
  equal(ws.last.request.cursor, 'c2');
});

test('client: without any event it resumes by the cursor of the snapshot', () => {
  const { ws, clock } = liveBench();
  ws.last.end(CUT);
  clock.advance(250);
  equal(ws.last.request.cursor, 'c0');
});

test('client: the cursor goes along to another transport', () => {
  const { ws, sse, clock } = liveBench();
  ws.last.deliver(eventNo(1));
  ws.last.end(CUT);
  clock.advance(250);
  ws.last.end(CUT);
  equal(sse.last.request.cursor, 'c1');
});

test('client: events seen before are dropped', () => {
  const { ws, log } = liveBench();
  ws.last.deliver(eventNo(5), eventNo(5), eventNo(4), eventNo(6));
  equal(log, [5, 6]);
});

test('client: a gap is not shown but fetched', () => {
  const { client, ws, clock, log } = liveBench();
  ws.last.deliver(eventNo(5), eventNo(7), eventNo(8));
  ok(ws.last.closed, 'the connection with the gap closed');
  equal(client.state.reason.name, 'gap');
  clock.advance(250);
  equal(ws.last.request.cursor, 'c5');
  ws.last.deliver(resumedReady('c8'), eventNo(6), eventNo(7), eventNo(8));
  equal(log, [5, 'waiting ws', 'connecting ws', 'resumed', 'live ws', 6, 7, 8]);
});

test('client: a snapshot starts a new count, also a lower one', () => {
  const { ws, clock, log } = liveBench();
  ws.last.deliver(eventNo(500));
  ws.last.end(CUT);
  clock.advance(250);
  ws.last.deliver(snapshotReady('new-epoch'), eventNo(3));
  equal(log.slice(-3), ['snapshot', 'live ws', 3]);
});

test('client: silence of two heartbeats is death, any message is life', () => {
  const { client, ws, clock } = liveBench();
  clock.advance(19_999);
  ws.last.deliver({ type: 'heartbeat' });
  clock.advance(19_999);
  ws.last.deliver(eventNo(1));
  clock.advance(19_999);
  equal(client.state.status, 'live');
  clock.advance(1);
  equal([client.state.status, client.state.reason.name], ['waiting', 'silence']);
  ok(ws.last.closed, 'the dead connection closed');
});

test('client: messages it does not know are signs of life and nothing else', () => {
  const { ws, log } = liveBench();
  ws.last.deliver({ type: 'notice', text: 'of a later version' }, eventNo(1));
  equal(log, [1]);
});

test('client: a terminal code stops it and is reported', () => {
  const { client, ws, clock, page } = liveBench();
  ws.last.end({ code: 4501, name: 'token_expired' });
  equal([client.state.status, client.state.reason.code], ['stopped', 4501]);
  online(page);
  clock.advance(3_600_000);
  equal([ws.connections.length, clock.timerCount], [1, 0]);
});

test('client: a token refused before ready stops it, without trying the other transports', () => {
  const { client, ws, sse } = bench();
  ws.last.end({ code: 4500, name: 'unauthorized' });
  equal([client.state.status, sse.connections.length], ['stopped', 0]);
});

test('client: the backoff starts over only after a stable connection', () => {
  const { client, ws, clock } = liveBench();
  for (const waitMs of [250, 500, 1000]) {
    ws.last.end(CUT);
    equal(client.state.retry_in_ms, waitMs);
    clock.advance(waitMs);
    ws.last.deliver(resumedReady('c0'));
  }
  clock.advance(TIMING.stableAfterMs);
  ws.last.end(CUT);
  equal(client.state.retry_in_ms, 250);
});

test('client: from a fallback it tries the better transport beside it, and moves over', () => {
  const { client, clock, ws, sse, log } = bench();
  ws.last.end(CUT);
  sse.last.deliver({ ...snapshotReady('c0'), heartbeat_s: 600 }, eventNo(1));
  log.length = 0;
  clock.advance(TIMING.upgradeAfterMs);
  equal([ws.connections.length, ws.last.request.cursor, client.state.status], [2, 'c1', 'live']);
  sse.last.deliver(eventNo(2));
  ws.last.deliver(resumedReady('c2'), eventNo(2), eventNo(3));
  ok(sse.last.closed, 'the fallback closed');
  equal(log, [2, 'resumed', 'live ws', 3]);
});

test('client: a better transport that still fails costs nothing, and is tried again', () => {
  const { client, clock, ws, sse, poll, log } = bench();
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
  equal([client.state.status, log], ['live', [1]]);
});

test('client: losing the fallback ends the attempt beside it', () => {
  const { clock, ws, sse } = bench();
  ws.last.end(CUT);
  sse.last.deliver({ ...snapshotReady('c0'), heartbeat_s: 600 });
  clock.advance(TIMING.upgradeAfterMs);
  sse.last.end(CUT);
  ok(ws.last.closed, 'the attempt closed');
});

test('client: back online it reconnects at once, by its cursor', () => {
  const { client, ws, page } = liveBench();
  ws.last.deliver(eventNo(1));
  page.dispatchEvent(new Event('offline'));
  equal([client.state.status, client.state.reason.name, ws.last.closed], ['waiting', 'offline', true]);
  online(page);
  equal([client.state.status, ws.connections.length, ws.last.request.cursor], ['connecting', 2, 'c1']);
});

test('client: told offline by a browser that errs, it tries again all the same', () => {
  const { ws, page, clock } = liveBench();
  page.dispatchEvent(new Event('offline'));
  clock.advance(TIMING.offlineRetryMs);
  equal(ws.connections.length, 2);
});

test('client: visible after a long sleep it reconnects at once, after a short one it does not', () => {
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

test('client: visible while waiting it does not wait any longer', () => {
  const { ws, page } = liveBench();
  ws.last.end(CUT);
  visible(page);
  equal(ws.connections.length, 2);
});

test('client: a receipt is sent when live, and kept while not', () => {
  const { client, ws, clock } = liveBench();
  client.ack('c1');
  equal(ws.last.sent, [{ type: 'ack', cursor: 'c1' }]);
  ws.last.end(CUT);
  client.ack('c2');
  client.ack('c3');
  clock.advance(250);
  ws.last.deliver(resumedReady('c3'));
  equal(ws.last.sent, [{ type: 'ack', cursor: 'c3' }]);
});

test('client: stopped it is silent and holds nothing; started again it resumes', () => {
  const { client, ws, clock, page, log } = liveBench();
  ws.last.deliver(eventNo(1));
  client.stop();
  ws.last.request.onMessage(eventNo(2));
  online(page);
  equal([log, clock.timerCount, ws.last.closed], [[1, 'stopped ws'], 0, true]);
  client.start();
  equal(ws.last.request.cursor, 'c1');
});

test('client: a listener may stop it in the middle', () => {
  const { client, ws, log } = bench();
  client.addEventListener('ready', () => client.stop());
  ws.last.deliver(snapshotReady('c0'), eventNo(1));
  equal(log, ['connecting ws', 'snapshot', 'stopped ws']);
});

test('client: one pinned transport is retried, never replaced', () => {
  const { client, ws, clock } = bench({ names: ['sse'] });
  ws.last.end(CUT);
  equal([client.state.status, client.state.transport], ['waiting', 'sse']);
  clock.advance(250);
  equal(ws.connections.length, 2);
});

test('client: an unknown transport is refused when it is asked for', () => {
  let error = null;
  try {
    new RealtimeClient({ token: 't', baseUrl: 'http://h', transports: ['pigeon'] });
  } catch (caught) {
    error = caught;
  }
  ok(error instanceof RangeError, 'a RangeError');
});

test('client: a random walk of cuts, gaps and duplicates shows every event once and in order', () => {
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
