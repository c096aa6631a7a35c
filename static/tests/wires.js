/**
 * One service in memory for each transport, at the border where the browser's own classes begin: a WebSocket class or a
 * fetch. Each speaks the wire format of the service and offers the test the same few moves.
 *
 * @typedef {object} Wire
 * @property {(request: object) => object} open Opens the real transport on this wire.
 * @property {(...messages: object[]) => void} say What the service sends; the first `ready` included.
 * @property {() => void} cut Ends the connection without a word.
 * @property {(code: number, name: string) => void} end The service ends the connection with a code.
 * @property {() => void} refuse Must be called before `open`: the service answers that the token is not valid.
 * @property {() => { token: string, cursor: string | null }} asked What the service was asked with, first.
 * @property {() => Promise<string>} acked The cursor of the first receipt.
 * @property {() => Promise<string>} renewed The new token that the service was given.
 */

import { longpoll } from '../client/longpoll.js';
import { sse } from '../client/sse.js';
import { websocket } from '../client/websocket.js';
import { MemoryTransport } from './memory_transport.js';

/** A promise with its resolve. */
function signal() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const json = (body, status = 200) => new Response(JSON.stringify(body), { status });
const unavailable = () => new Response('', { status: 503, headers: { 'Retry-After': '2' } });
const unauthorized = () => json({ success: false, error_code: 'UNAUTHORIZED', message: 'invalid token' }, 401);

export function memoryWire() {
  const transport = new MemoryTransport('memory');
  const acked = signal();
  const renewed = signal();
  let isRefusing = false;
  return {
    open(request) {
      const connection = transport.open(request);
      if (isRefusing) queueMicrotask(() => transport.last.end({ code: 4500, name: 'unauthorized' }));
      const renew = (token) => (renewed.resolve(token), connection.renew(token));
      return { ...connection, renew, send: ({ cursor }) => acked.resolve(cursor) };
    },
    say: (...messages) => transport.last.deliver(...messages),
    cut: () => transport.last.end({ code: 1006 }),
    end: (code, name) => transport.last.end({ code, name }),
    refuse: () => (isRefusing = true),
    asked: () => transport.last.request,
    acked: () => acked.promise,
    renewed: () => renewed.promise,
  };
}

export function websocketWire() {
  const acked = signal();
  const renewed = signal();
  let socket = null;
  let isRefusing = false;

  class WebSocketInMemory {
    readyState = 1;

    constructor(url) {
      this.url = new URL(url);
      socket = this;
      if (isRefusing) queueMicrotask(() => this.onclose({ code: 4500, reason: 'unauthorized' }));
    }

    send(text) {
      const { type, cursor, token } = JSON.parse(text);
      if (type === 'ack') acked.resolve(cursor);
      if (type === 'auth') renewed.resolve(token);
    }

    close() {
      this.readyState = 3;
      queueMicrotask(() => this.onclose({ code: 1005, reason: '' })); // as browsers do
    }
  }

  return {
    open: (request) => websocket.open(request, WebSocketInMemory),
    say: (...messages) => messages.forEach((message) => socket.onmessage({ data: JSON.stringify(message) })),
    cut: () => socket.onclose({ code: 1006, reason: '' }),
    end: (code, name) => socket.onclose({ code, reason: name }),
    refuse: () => (isRefusing = true),
    asked: () => ({
      token: socket.url.searchParams.get('access_token'),
      cursor: socket.url.searchParams.get('cursor'),
    }),
    acked: () => acked.promise,
    renewed: () => renewed.promise,
  };
}

/** What SSE and long-poll have in common: requests with a token, and receipts by POST. */
function httpWire(transport, answer, cursorOf) {
  const acked = signal();
  const renewed = signal();
  let first = null;
  let isRefusing = false;

  async function fetch(url, { method = 'GET', headers, body, signal: abort }) {
    const token = headers.Authorization.replace('Bearer ', '');
    if (method === 'POST' && url.pathname.endsWith('/realtime/auth')) {
      renewed.resolve(JSON.parse(body).token);
      return json({});
    }
    if (method === 'POST') {
      acked.resolve(JSON.parse(body).cursor);
      return json({});
    }
    if (first && token !== first.token) renewed.resolve(token); // each poll carries its own
    first ??= { token, cursor: cursorOf(url, headers) ?? null };
    return isRefusing ? unauthorized() : answer(abort, url);
  }

  return {
    open: (request) => transport.open(request, fetch),
    refuse: () => (isRefusing = true),
    asked: () => first,
    acked: () => acked.promise,
    renewed: () => renewed.promise,
  };
}

export function sseWire() {
  const encoder = new TextEncoder();
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  const write = (text) => writer.write(encoder.encode(text)).catch(() => {}); // the reader may have left
  const answer = (abort) => {
    abort.addEventListener('abort', () => writer.abort(new DOMException('aborted', 'AbortError')).catch(() => {}));
    return new Response(readable, { headers: { 'Content-Type': 'text/event-stream' } });
  };
  return {
    ...httpWire(sse, answer, (url, headers) => headers['Last-Event-ID']),
    say(...messages) {
      const lines = messages.map((message) => {
        const id = message.cursor === undefined ? '' : `id: ${message.cursor}\n`;
        return `${id}event: ${message.type}\ndata: ${JSON.stringify(message)}\n\n`;
      });
      write(lines.join('')); // one piece, so that a batch arrives as one
    },
    cut: () => writer.close().catch(() => {}),
    end(code, name) {
      const data = { type: 'close', code, name, reconnect: code < 4500 };
      write(`retry: 1200\nevent: close\ndata: ${JSON.stringify(data)}\n\n`);
    },
  };
}

export function longpollWire() {
  let held = null; // the request that waits for news
  let unsent = []; // answers that wait for a request

  const answer = (abort) =>
    new Promise((resolve, reject) => {
      abort.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
      if (unsent.length) resolve(unsent.shift()());
      else held = resolve;
    });
  const reply = (make) => {
    if (held === null) unsent.push(make);
    else held(make());
    held = null;
  };

  return {
    ...httpWire(longpoll, answer, (url) => url.searchParams.get('cursor')),
    say(...messages) {
      const events = messages.filter(({ type }) => type !== 'ready' && type !== 'heartbeat');
      const ready = messages.find(({ type }) => type === 'ready');
      const { type, ...position } = ready ?? { cursor: events.at(-1)?.cursor, resumed: true, heartbeat_s: 10 };
      reply(() => json({ ...position, events }));
    },
    cut: () => reply(() => Response.error()),
    // Long-poll has no close codes; the next request is refused, with what HTTP has for it.
    end: (code) => reply(code < 4500 ? unavailable : unauthorized),
  };
}
