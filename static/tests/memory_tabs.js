/**
 * A browser's locks and channels in memory, tab by tab, and a service that numbers its events: what sharing needs around it.
 *
 * Messages and grants arrive later, in order, as in a browser. A tab can crash (gone without a word, its locks free) or
 * freeze (keeps its locks, says and hears nothing, until it thaws).
 */

import { RealtimeClient } from '../client/realtime.js';
import { ManualClock } from './manual_clock.js';
import { MemoryTransport, eventNo, resumedReady, snapshotReady } from './memory_transport.js';

const never = new Promise(() => {});
const aborted = () => new DOMException('aborted', 'AbortError');

/** Web Locks, exclusive ones: https://w3c.github.io/web-locks/ */
class MemoryLocks {
  #held = null;
  #queue = [];

  request(tab, { signal, steal }, callback) {
    return new Promise((resolve, reject) => {
      const request = { tab, callback, resolve, reject };
      signal?.addEventListener('abort', () => {
        const isWaiting = this.#queue.includes(request);
        this.#queue = this.#queue.filter((other) => other !== request);
        if (isWaiting) reject(aborted());
      });
      if (steal) {
        this.#held?.reject(aborted());
        this.#held = null;
        this.#queue.unshift(request);
      } else {
        this.#queue.push(request);
      }
      queueMicrotask(() => this.#grant());
    });
  }

  crash(tab) {
    this.#queue = this.#queue.filter((request) => request.tab !== tab);
    if (this.#held?.tab === tab) this.#held = null;
    queueMicrotask(() => this.#grant());
  }

  #grant() {
    if (this.#held || this.#queue.length === 0) return;
    const request = this.#queue.shift();
    this.#held = request;
    Promise.resolve(request.callback()).then(() => {
      if (this.#held !== request) return; // taken
      this.#held = null;
      request.resolve();
      this.#grant();
    });
  }
}

/** Long enough for all that tabs in memory do next: they wait for nothing but one another. */
export async function settled() {
  for (let turn = 0; turn < 200; turn += 1) await null;
}

export class MemoryTabs {
  clock = new ManualClock();
  head = 0;
  tabs = [];
  #locks = new MemoryLocks();

  /** A started client in a tab of its own. */
  open({ transports: names = ['ws', 'poll'], ...options } = {}) {
    const tab = { shown: [], snapshots: 0, isFrozen: false, isGone: false, channels: new Set(), missed: [] };
    tab.transports = names.map((name) => this.#transport(name));
    tab.page = Object.assign(new EventTarget(), { document: new EventTarget() });
    tab.page.document.visibilityState = 'visible';
    tab.client = new RealtimeClient({
      token: 't',
      user: 'alice',
      baseUrl: 'http://h',
      transports: tab.transports,
      clock: this.#clockOf(tab),
      random: () => 0.5,
      window: tab.page,
      storage: null,
      locks: { request: (_, lock, callback) => (tab.isGone ? never : this.#locks.request(tab, lock, callback)) },
      BroadcastChannel: this.#channelClass(tab),
      ...options,
    });
    tab.client.on('ready', ({ cursor, resumed }) => {
      if (resumed) return;
      tab.snapshots += 1;
      tab.shown = [`from ${cursor}`];
    });
    tab.client.on('event', ({ seq }) => tab.shown.push(seq));
    this.tabs.push(tab);
    tab.client.start();
    return tab;
  }

  /** Commits so many events, and tells them on every connection. */
  publish(count = 1) {
    for (let n = 0; n < count; n += 1) {
      this.head += 1;
      const event = eventNo(this.head);
      for (const tab of this.tabs) for (const connection of this.connections(tab)) connection.deliver(event);
    }
  }

  /** @returns {object[]} The tab's open connections that have said `ready`. */
  connections(tab) {
    return tab.transports.flatMap(({ connections }) => connections).filter(({ closed, isReady }) => !closed && isReady);
  }

  /** @returns {string[]} The transports of all open connections. */
  get openTransports() {
    return this.tabs.flatMap((tab) =>
      tab.transports.flatMap(({ name, connections }) => connections.filter(({ closed }) => !closed).map(() => name)),
    );
  }

  crash(tab) {
    tab.isGone = true;
    tab.isFrozen = true;
    for (const { connections } of tab.transports) for (const connection of connections) connection.closed = true;
    this.tabs = this.tabs.filter((other) => other !== tab);
    this.#locks.crash(tab);
  }

  close(tab) {
    tab.client.close();
    this.tabs = this.tabs.filter((other) => other !== tab);
  }

  thaw(tab) {
    tab.isFrozen = false;
    for (const deliver of tab.missed.splice(0)) deliver();
  }

  /** The one clock, whose timers wait while the tab is frozen. */
  #clockOf(tab) {
    const { clock } = this;
    return {
      now: clock.now,
      setTimeout(callback, delayMs) {
        const timer = { isCleared: false };
        const run = () => timer.isCleared || callback();
        timer.id = clock.setTimeout(() => (tab.isFrozen ? tab.missed.push(run) : run()), delayMs);
        return timer;
      },
      clearTimeout(timer) {
        timer.isCleared = true;
        clock.clearTimeout(timer.id);
      },
    };
  }

  #transport(name) {
    const transport = new MemoryTransport(name);
    const { open } = transport;
    transport.open = (request) => {
      const opened = open.call(transport, request);
      const connection = transport.last;
      queueMicrotask(() => this.#greet(connection));
      return opened;
    };
    return transport;
  }

  #greet(connection) {
    if (connection.closed) return;
    const { cursor } = connection.request;
    connection.isReady = true;
    if (cursor === null) {
      connection.deliver(snapshotReady(`c${this.head}`));
      return;
    }
    connection.deliver(resumedReady(`c${this.head}`));
    for (let seq = Number(cursor.slice(1)) + 1; seq <= this.head; seq += 1) connection.deliver(eventNo(seq));
  }

  #channelClass(tab) {
    const browser = this;
    return class {
      onmessage = null;

      constructor() {
        tab.channels.add(this);
      }

      postMessage(message) {
        if (tab.isFrozen) return;
        const data = structuredClone(message); // as browsers do, and refuse what cannot be
        for (const other of browser.tabs) {
          if (other === tab) continue;
          const deliver = () => other.channels.forEach((channel) => channel.onmessage?.({ data }));
          queueMicrotask(() => (other.isFrozen ? other.missed.push(deliver) : deliver()));
        }
      }

      close() {
        tab.channels.delete(this);
      }
    };
  }
}
