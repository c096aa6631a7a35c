/**
 * The contract of client/transports.js, for every transport, the one of the tests included.
 */

import { isTerminal } from '../client/close_codes.js';
import { retryAfterMs } from '../client/http.js';
import { longpoll } from '../client/longpoll.js';
import { sse } from '../client/sse.js';
import { websocket } from '../client/websocket.js';
import { equal, ok, settled, test } from './harness.js';
import { eventNo, resumedReady, snapshotReady } from './memory_transport.js';
import { longpollWire, memoryWire, sseWire, websocketWire } from './wires.js';

const WIRES = { memory: memoryWire, ws: websocketWire, sse: sseWire, poll: longpollWire };

/** Opens a transport and collects what it calls back; `heard` and `closed` wait for it. */
function listen(wire, { cursor = null } = {}) {
  const messages = [];
  const reasons = [];
  const waiting = new Set();
  const note = () => waiting.forEach((check) => check());
  const until = (condition) =>
    new Promise((resolve) => {
      const check = () => condition() && (waiting.delete(check), resolve());
      waiting.add(check);
      check();
    });
  const connection = wire.open({
    baseUrl: 'http://service.test/',
    token: 'secret',
    cursor,
    onMessage: (message) => (messages.push(message), note()),
    onClose: (reason) => (reasons.push(reason), note()),
  });
  return {
    connection,
    messages,
    reasons,
    heard: (count) => until(() => messages.length >= count),
    closed: () => until(() => reasons.length > 0),
  };
}

for (const [name, makeWire] of Object.entries(WIRES)) {
  test(`${name}: delivers ready first, then events in order`, async () => {
    const wire = makeWire();
    const { messages, heard, connection } = listen(wire);
    wire.say(snapshotReady('c0', { wallet: { balance: '1.00' } }), eventNo(1), eventNo(2));
    wire.say(eventNo(3));
    await heard(4);
    equal(messages.map(({ type, seq }) => seq ?? type), ['ready', 1, 2, 3]);
    equal([messages[0].resumed, messages[0].heartbeat_s, messages[0].snapshot.wallet.balance], [false, 10, '1.00']);
    connection.close();
  });

  test(`${name}: asks with token and cursor`, async () => {
    const wire = makeWire();
    const { heard, connection, messages } = listen(wire, { cursor: 'e1/7 +' });
    wire.say(resumedReady('e1/7 +'));
    await heard(1);
    const { token, cursor } = wire.asked();
    equal([token, cursor, messages[0].resumed], ['secret', 'e1/7 +', true]);
    connection.close();
  });

  test(`${name}: without a cursor asks for none`, async () => {
    const wire = makeWire();
    const { heard, connection } = listen(wire);
    wire.say(snapshotReady('c0'));
    await heard(1);
    equal(wire.asked().cursor, null);
    connection.close();
  });

  test(`${name}: calls nothing back before open has returned`, async () => {
    const wire = makeWire();
    wire.refuse();
    const { reasons, closed } = listen(wire);
    equal(reasons, []);
    await closed();
  });

  test(`${name}: a refused token is terminal`, async () => {
    const wire = makeWire();
    wire.refuse();
    const { reasons, closed } = listen(wire);
    await closed();
    equal([reasons[0].code, reasons[0].name, isTerminal(reasons[0])], [4500, 'unauthorized', true]);
  });

  test(`${name}: a cut is reported once, and is not terminal`, async () => {
    const wire = makeWire();
    const { reasons, heard, closed, connection } = listen(wire);
    wire.say(snapshotReady('c0'));
    await heard(1);
    wire.cut();
    await closed();
    connection.close();
    await settled();
    equal([reasons.length, isTerminal(reasons[0])], [1, false]);
  });

  test(`${name}: an end by the service says whether to come back`, async () => {
    for (const [code, terminal] of [[1012, false], [4501, true]]) {
      const wire = makeWire();
      const { reasons, heard, closed } = listen(wire);
      wire.say(snapshotReady('c0'));
      await heard(1);
      wire.end(code, 'by_the_service');
      await closed();
      equal(isTerminal(reasons[0]), terminal);
    }
  });

  test(`${name}: closed from this side it is silent`, async () => {
    const wire = makeWire();
    const { messages, reasons, heard, connection } = listen(wire);
    wire.say(snapshotReady('c0'));
    await heard(1);
    connection.close();
    wire.say(eventNo(1));
    wire.cut();
    await settled();
    equal([messages.length, reasons.length], [1, 0]);
  });

  test(`${name}: closed in the middle of a batch it delivers no more of it`, async () => {
    const wire = makeWire();
    const { connection, messages, reasons } = listen({
      ...wire,
      open: (request) => {
        const opened = wire.open({
          ...request,
          onMessage(message) {
            request.onMessage(message);
            if (message.seq === 1) opened.close();
          },
        });
        return opened;
      },
    });
    wire.say(snapshotReady('c0'), eventNo(1), eventNo(2));
    await settled();
    await settled();
    equal([messages.map(({ type, seq }) => seq ?? type), reasons.length], [['ready', 1], 0]);
    connection.close();
  });

  test(`${name}: carries the receipt`, async () => {
    const wire = makeWire();
    const { heard, connection } = listen(wire);
    wire.say(snapshotReady('c0'), eventNo(1));
    await heard(2);
    connection.send({ type: 'ack', cursor: 'c1' });
    equal(await wire.acked(), 'c1');
    connection.close();
  });
}

for (const [name, makeWire] of Object.entries(WIRES)) {
  test(`${name}: goes on with a new token`, async () => {
    const wire = makeWire();
    const { heard, connection } = listen(wire);
    wire.say(snapshotReady('c0'));
    await heard(1);
    equal(await connection.renew('fresh'), true);
    wire.say(eventNo(1));
    equal(await wire.renewed(), 'fresh');
    await heard(2);
    connection.close();
  });
}

function refusedBy(open, fetch) {
  return new Promise((resolve) => {
    open({ baseUrl: 'http://service.test/', token: 't', cursor: null, onMessage() {}, onClose: resolve }, fetch);
  });
}

for (const { name, open } of [sse, longpoll]) {
  test(`${name}: reads an HTTP refusal`, async () => {
    const answering = (status, body, headers) => async () => new Response(JSON.stringify(body), { status, headers });
    const expired = await refusedBy(open, answering(401, { error_code: 'TOKEN_EXPIRED' }));
    equal(expired, { code: 4501, name: 'token_expired' });
    const revoked = await refusedBy(open, answering(401, { error_code: 'TOKEN_REVOKED' }));
    equal(revoked, { code: 4503, name: 'token_revoked' });
    const busy = await refusedBy(open, answering(503, {}, { 'Retry-After': '3' }));
    equal(busy, { code: 1013, name: 'http_503', retryMs: 3_000 });
    const proxy = await refusedBy(open, answering(403, {}));
    equal(proxy, { code: 1006, name: 'http_403' });
  });

  test(`${name}: a network without an answer is a cut`, async () => {
    const reason = await refusedBy(open, () => Promise.reject(new TypeError('failed to fetch')));
    equal(reason, { code: 1006, name: 'TypeError' });
  });
}

test('sse: tells that it is open before anything has come through', async () => {
  const silent = new Response(new TransformStream().readable);
  const opened = await new Promise((resolve) => {
    const request = { baseUrl: 'http://service.test/', token: 't', cursor: null };
    const unexpected = (what) => () => resolve(what);
    const handlers = { onOpen: () => resolve('opened'), onMessage: unexpected('message'), onClose: unexpected('closed') };
    sse.open({ ...request, ...handlers }, async () => silent);
  });
  equal(opened, 'opened');
});

test('sse: a service that knows no renewal, or cannot be asked, says so', async () => {
  const stream = () => new Response(new TransformStream().readable);
  for (const answer of [async () => new Response('', { status: 404 }), () => Promise.reject(new TypeError('cut'))]) {
    const fetch = (url, { method }) => (method === 'POST' ? answer() : Promise.resolve(stream()));
    const request = { baseUrl: 'http://service.test/', token: 't', cursor: null, onMessage() {}, onClose() {} };
    const connection = sse.open(request, fetch);
    equal(await connection.renew('fresh'), false);
    connection.close();
  }
});

test('http: Retry-After is seconds or a date, and nothing else', () => {
  const nowMs = Date.parse('2026-01-01T10:00:00Z');
  const values = ['3', ' 3 ', 'Thu, 01 Jan 2026 10:00:05 GMT', 'Thu, 01 Jan 2026 09:00:00 GMT', '-3', 'soon', '', null];
  equal(values.map((value) => retryAfterMs(value, nowMs)), [3_000, 3_000, 5_000, 0, 0, 0, 0, 0]);
});

test('sse: the wait that the service asked for comes with the end', async () => {
  const wire = sseWire();
  const { reasons, closed } = listen(wire);
  wire.say(snapshotReady('c0'));
  wire.end(1012, 'restarting');
  await closed();
  equal(reasons[0], { code: 1012, name: 'restarting', reconnect: true, retryMs: 1200 });
});

test('poll: the first request does not wait, the next ones carry the new cursor', async () => {
  const asked = [];
  const fetch = (url, { signal }) =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
      asked.push([url.searchParams.get('wait'), url.searchParams.get('cursor')]);
      const answer = { cursor: `c${asked.length}`, resumed: true, heartbeat_s: 40, events: [eventNo(asked.length)] };
      if (asked.length < 3) resolve(new Response(JSON.stringify(answer)));
      else stop();
    });
  let stop;
  await new Promise((resolve) => {
    stop = resolve;
    longpoll.open({ baseUrl: 'http://service.test/', token: 't', cursor: 'c0', onMessage() {}, onClose() {} }, fetch);
  });
  equal(asked, [['0', 'c0'], ['25', 'c1'], ['25', 'c2']]);
});

test('poll: a service that does not hold requests is not asked in a loop', async () => {
  const answer = { cursor: 'c0', resumed: true, heartbeat_s: 10, events: [] };
  const reason = await refusedBy(longpoll.open, async () => new Response(JSON.stringify(answer)));
  equal(reason, { code: 1013, name: 'not_held' });
});

test('poll: the time of the service comes from the answer, or else from its header', async () => {
  for (const [answer, expected] of [[{}, '2026-01-01T10:00:00.000Z'], [{ server_time: 'T' }, 'T']]) {
    const body = { cursor: 'c0', resumed: true, heartbeat_s: 10, events: [], ...answer };
    const headers = { Date: 'Thu, 01 Jan 2026 10:00:00 GMT' };
    const ready = await new Promise((resolve) => {
      const request = { baseUrl: 'http://service.test/', token: 't', cursor: null, onMessage: resolve, onClose() {} };
      longpoll.open(request, async () => new Response(JSON.stringify(body), { headers }));
    });
    equal(ready.server_time, expected);
  }
});

test('ws: malformed JSON ends the connection, and is not terminal', () => {
  let socket = null;
  class WebSocketInMemory {
    constructor() {
      socket = this;
    }
    close() {}
  }
  const reasons = [];
  const request = { baseUrl: 'https://service.test/', token: 't', cursor: null, onMessage() {} };
  websocket.open({ ...request, onClose: (reason) => reasons.push(reason) }, WebSocketInMemory);
  socket.onmessage({ data: '{' });
  equal(reasons, [{ code: 1006, name: 'malformed_message' }]);
});

test('ws: a browser that refuses to open one reports it like any failure', async () => {
  class Forbidden {
    constructor() {
      throw new DOMException('insecure', 'SecurityError');
    }
  }
  const reason = await new Promise((resolve) => {
    websocket.open({ baseUrl: 'http://h/', token: 't', cursor: null, onMessage() {}, onClose: resolve }, Forbidden);
  });
  ok(!isTerminal(reason) && reason.name === 'SecurityError', 'the name of the failure, not terminal');
});
