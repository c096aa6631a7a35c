/**
 * RealtimeClient: one user's events, complete and in order, over whichever transport works.
 *
 * Invariant: between two `ready` events that carry a snapshot, the `event`s have consecutive `seq`, none missing, none
 * twice. A hole is never shown; the client reconnects from its cursor instead. The client keeps no state of the user:
 * a snapshot replaces what the page knows, an event changes it, and both are the page's to apply.
 *
 *   stopped ──start──► connecting ──ready──► live
 *      ▲                │  ▲  └─ cannot connect: next transport, at once
 *      │ terminal code  ▼  │ time is up, online, visible
 *      └───────────── waiting ◄── lost, silent, gap
 *
 * Emits CustomEvents: `ready` (detail: the message), `event` (detail: the message), and `state` (detail: `{ transport,
 * status, attempt, retry_in_ms, reason }`), the state always after the `ready` that caused it.
 */

import { fullJitterMs } from './backoff.js';
import { isTerminal, isUnreachable } from './close_codes.js';
import { Ladder } from './ladder.js';
import { Link } from './link.js';
import { judge } from './sequence.js';
import { TIMING, Timer, systemClock } from './timing.js';
import { TRANSPORTS } from './transports.js';

/**
 * @typedef {object} ClientState
 * @property {string} transport Name of the transport in use or being tried.
 * @property {'connecting' | 'live' | 'waiting' | 'stopped'} status
 * @property {number} attempt Failed attempts since the last stable connection.
 * @property {number | null} retry_in_ms Length of the wait, while waiting.
 * @property {import('./close_codes.js').CloseReason | null} reason Why it waits or stopped.
 */

export class RealtimeClient extends EventTarget {
  #request;
  #surroundings;
  #random;
  #window;
  #ladder;

  #link = null; // the connection that speaks
  #probe = null; // a better transport, tried beside it
  #probeRung = 0;
  #cursor = null;
  #lastSeq = null;
  #attempt = 0;
  #unsentAck = null;
  #state;

  #retryTimer;
  #stableTimer;
  #upgradeTimer;

  /**
   * @param {object} options
   * @param {string} options.token JWT of the user. For another token make another client.
   * @param {string} [options.baseUrl] Default: the origin of the page.
   * @param {(string | import('./transports.js').Transport)[]} [options.transports] Names or objects, best first.
   * @param {Partial<typeof TIMING>} [options.timing]
   * @param {typeof systemClock} [options.clock]
   * @param {() => number} [options.random] In [0, 1).
   * @param {Window} [options.window] Source of online, offline and visibility; may be absent (Node).
   */
  constructor({
    token,
    baseUrl = globalThis.location?.origin,
    transports = Object.keys(TRANSPORTS),
    timing = {},
    clock = systemClock,
    random = Math.random,
    window = globalThis.window,
  }) {
    super();
    this.#request = { baseUrl, token };
    this.#surroundings = { clock, timing: { ...TIMING, ...timing } };
    this.#random = random;
    this.#window = window;
    this.#ladder = new Ladder(transports.map((transport) => resolve(transport)));
    this.#retryTimer = new Timer(clock);
    this.#stableTimer = new Timer(clock);
    this.#upgradeTimer = new Timer(clock);
    const transport = this.#ladder.current.name;
    this.#state = { transport, status: 'stopped', attempt: 0, retry_in_ms: null, reason: null };
  }

  /** @returns {ClientState} */
  get state() {
    return this.#state;
  }

  start() {
    if (this.#state.status !== 'stopped') return;
    this.#listen('addEventListener');
    this.#connect();
  }

  /** Ends the connection. `start` resumes where it stopped. */
  stop() {
    if (this.#state.status !== 'stopped') this.#halt(null);
  }

  /** Receipt for the service: the event at this cursor was shown to the user. Without a connection it is sent later. */
  ack(cursor) {
    this.#unsentAck = cursor;
    if (this.#state.status === 'live') this.#sendAck();
  }

  // Connections

  #connect() {
    this.#drop();
    this.#link = this.#newLink(this.#ladder.current);
    this.#link.open({ ...this.#request, cursor: this.#cursor });
    this.#setState('connecting');
  }

  #newLink(transport) {
    return new Link(transport, this.#surroundings, {
      onReady: (link, message) => this.#onReady(link, message),
      onEvent: (link, message) => this.#onEvent(link, message),
      onEnd: (link, reason) => this.#onEnd(link, reason),
    });
  }

  /** Forgets all connections and timers; reports nothing. */
  #drop() {
    for (const timer of [this.#retryTimer, this.#stableTimer, this.#upgradeTimer]) timer.clear();
    this.#link?.close();
    this.#probe?.close();
    this.#link = null;
    this.#probe = null;
  }

  #onReady(link, message) {
    if (link === this.#probe) this.#promoteProbe();
    // A resumed connection replays from our own cursor, so that stays the truth until each missed event is applied.
    if (!message.resumed) {
      this.#cursor = message.cursor;
      this.#lastSeq = null;
    }
    this.#stableTimer.set(this.#surroundings.timing.stableAfterMs, () => {
      this.#attempt = 0;
    });
    if (!this.#probe) this.#scheduleUpgrade();
    this.#emit('ready', message);
    if (link !== this.#link) return; // a listener stopped us
    this.#setState('live');
    this.#sendAck();
  }

  #onEvent(link, event) {
    if (link !== this.#link) return;
    const verdict = judge(this.#lastSeq, event.seq);
    if (verdict === 'gap') link.fail('gap');
    if (verdict !== 'accept') return;
    this.#lastSeq = event.seq;
    this.#cursor = event.cursor;
    this.#emit('event', event);
  }

  #onEnd(link, reason) {
    if (isTerminal(reason)) {
      this.#halt(reason);
    } else if (link === this.#probe) {
      this.#probe = null;
      this.#probeFrom(this.#probeRung + 1);
    } else if (!link.isReady && isUnreachable(reason) && this.#ladder.descend()) {
      this.#connect();
    } else {
      const { timing } = this.#surroundings;
      const askedMs = Math.min(reason.retryMs ?? 0, timing.retryHintCapMs);
      const jitterMs = fullJitterMs(this.#attempt, timing, this.#random);
      this.#attempt += 1;
      this.#wait(askedMs + jitterMs, reason);
    }
  }

  #wait(delayMs, reason) {
    this.#drop();
    this.#retryTimer.set(delayMs, () => this.#connect());
    this.#setState('waiting', { retry_in_ms: delayMs, reason });
  }

  #halt(reason) {
    this.#drop();
    this.#listen('removeEventListener');
    this.#setState('stopped', { reason });
  }

  // Back to a better transport, without giving up the one that works

  #scheduleUpgrade() {
    if (this.#ladder.rung === 0) return;
    this.#upgradeTimer.set(this.#surroundings.timing.upgradeAfterMs, () => this.#probeFrom(0));
  }

  #probeFrom(rung) {
    if (rung >= this.#ladder.rung) {
      this.#scheduleUpgrade();
      return;
    }
    this.#probeRung = rung;
    this.#probe = this.#newLink(this.#ladder.at(rung));
    this.#probe.open({ ...this.#request, cursor: this.#cursor });
  }

  #promoteProbe() {
    this.#link.close();
    this.#link = this.#probe;
    this.#probe = null;
    this.#ladder.rung = this.#probeRung;
    this.#upgradeTimer.clear();
  }

  // The page's surroundings

  #listen(method) {
    this.#window?.[method]('online', this.#onOnline);
    this.#window?.[method]('offline', this.#onOffline);
    this.#window?.document?.[method]('visibilitychange', this.#onVisibility);
  }

  #onOnline = () => this.#connect(); // whatever was open belonged to another network

  #onOffline = () => this.#wait(this.#surroundings.timing.offlineRetryMs, { code: 0, name: 'offline' });

  #onVisibility = () => {
    if (this.#window.document.visibilityState !== 'visible') return;
    if (this.#state.status === 'waiting' || this.#link?.isStale) this.#connect();
  };

  // Telling

  #sendAck() {
    if (this.#unsentAck === null) return;
    this.#link.send({ type: 'ack', cursor: this.#unsentAck });
    this.#unsentAck = null;
  }

  #setState(status, { retry_in_ms = null, reason = null } = {}) {
    const transport = this.#ladder.current.name;
    this.#state = { transport, status, attempt: this.#attempt, retry_in_ms, reason };
    this.#emit('state', this.#state);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function resolve(transport) {
  const resolved = typeof transport === 'string' ? TRANSPORTS[transport] : transport;
  if (!resolved) throw new RangeError(`unknown transport ${transport}, expected one of ${Object.keys(TRANSPORTS)}`);
  return resolved;
}
