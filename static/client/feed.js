/**
 * Feed: one user's events, complete and in order, over one connection of whichever transport works.
 *
 * Invariant: between two `ready` messages that carry a snapshot, the events have consecutive `seq`, none missing, none
 * twice. A hole is never told; the feed reconnects from its position instead. It keeps no state of the user and knows
 * nothing of other tabs or of storage: those are the client's (realtime.js).
 *
 *   closed ──start──► connecting ──ready──► live
 *     ▲                │  ▲  └─ cannot connect: next transport, at once. No token: asks for one
 *     │ terminal code  ▼  │ time is up, online, visible
 *     └───────────── waiting ◄── lost, silent, gap, offline
 *
 * Tells handlers: `ready`, `event` and `notice` (heartbeats and all that has no seq) with the message, and `state`, always
 * after the `ready` that caused it.
 */

import { fullJitterMs } from './backoff.js';
import { UNAUTHORIZED, isTerminal, isTokenRefused, isUnreachable } from './close_codes.js';
import { Emitter } from './emitter.js';
import { Ladder } from './ladder.js';
import { Link } from './link.js';
import { listenToPage } from './page_signals.js';
import { judge } from './sequence.js';
import { Timer } from './timing.js';

/** New tokens asked for in a row without a stable connection between; then the service means it. */
const RENEWALS_MAX = 2;
const SIGNED_OUT = { code: UNAUTHORIZED, name: 'signed_out' };
const NO_TOKEN = { code: 0, name: 'token_unavailable' };
const OFFLINE = { code: 0, name: 'offline' };

/**
 * @typedef {object} FeedState
 * @property {string} transport Name of the transport in use or being tried.
 * @property {'connecting' | 'live' | 'waiting' | 'closed'} status
 * @property {number} attempt Failed attempts since the last stable connection.
 * @property {number | null} retry_in_ms Length of the wait; null when offline, until the network is back.
 * @property {import('./close_codes.js').CloseReason | null} reason Why it waits or is closed.
 *
 * @typedef {{ cursor: string | null, seq: number | null }} Position The last event applied, or the snapshot's place,
 *   whose seq is not known. Cursor null: nowhere, a snapshot is wanted.
 */

export class Feed {
  /** @type {Position} */
  position;

  #tokens;
  #baseUrl;
  #surroundings;
  #random;
  #window;
  #ladder;
  #emitter = new Emitter();

  #link = null; // the connection that speaks
  #probe = null; // another one, opened beside it to take its place
  #probeRung = 0;
  #attempt = 0;
  #renewals = 0;
  #unsentAck = null;
  #state;
  #unlisten = null;
  #question = null; // what an awaited token is for; a later move makes it void

  #retryTimer;
  #stableTimer;
  #upgradeTimer;

  /**
   * @param {object} options
   * @param {import('./tokens.js').Tokens} options.tokens
   * @param {string} options.baseUrl
   * @param {import('./transports.js').Transport[]} options.transports Best first.
   * @param {typeof import('./timing.js').TIMING} options.timing
   * @param {typeof import('./timing.js').systemClock} options.clock
   * @param {() => number} options.random In [0, 1).
   * @param {Window} [options.window] Source of online, offline and visibility.
   * @param {Position} [options.position] Where to go on.
   */
  constructor({ tokens, baseUrl, transports, timing, clock, random, window, position = { cursor: null, seq: null } }) {
    this.position = position;
    this.#tokens = tokens;
    this.#baseUrl = baseUrl;
    this.#surroundings = { clock, timing };
    this.#random = random;
    this.#window = window;
    this.#ladder = new Ladder(transports);
    this.#retryTimer = new Timer(clock);
    this.#stableTimer = new Timer(clock);
    this.#upgradeTimer = new Timer(clock);
    const transport = this.#ladder.current.name;
    this.#state = { transport, status: 'closed', attempt: 0, retry_in_ms: null, reason: null };
  }

  /** @returns {FeedState} */
  get state() {
    return this.#state;
  }

  on(type, handler) {
    return this.#emitter.on(type, handler);
  }

  start() {
    if (this.#state.status !== 'closed') return;
    this.#unlisten = listenToPage(this.#window, {
      onOnline: () => this.#onOnline(),
      onOffline: () => this.#wait(null, OFFLINE),
      onVisible: () => this.hurry(),
    });
    this.#connect();
  }

  /** Ends the connection. `start` goes on where it stopped. */
  close() {
    if (this.#state.status !== 'closed') this.#halt(null);
  }

  /** Somebody looks: do not wait any longer, and do not trust a connection that is overdue. */
  hurry() {
    if (this.#state.status === 'waiting' || this.#link?.isStale) this.#connect();
  }

  /** Forgets the position: the next message is a `ready` with a snapshot. */
  restart() {
    this.position = { cursor: null, seq: null };
    if (this.#state.status !== 'closed') this.#connect();
  }

  /** Receipt for the service: the event at this cursor was shown. Without a connection the last one is sent later. */
  ack(cursor) {
    this.#unsentAck = cursor;
    if (this.#state.status === 'live') this.#sendAck();
  }

  // Connections

  #connect() {
    this.#drop();
    if (this.#tokens.current === null) {
      this.#setState('connecting');
      this.#askToken();
      return;
    }
    this.#link = this.#openLink(this.#ladder.rung);
    this.#setState('connecting');
  }

  #openLink(rung) {
    const link = new Link(this.#ladder.at(rung), this.#surroundings, {
      onReady: (ready, message) => this.#onReady(ready, message),
      onEvent: (speaker, message) => this.#onEvent(speaker, message),
      onNotice: (speaker, message) => this.#onNotice(speaker, message),
      onEnd: (ended, reason) => this.#onEnd(ended, reason),
    });
    link.open({ baseUrl: this.#baseUrl, token: this.#tokens.current, cursor: this.position.cursor });
    return link;
  }

  /** Forgets all connections, questions and timers; tells nothing. */
  #drop() {
    for (const timer of [this.#retryTimer, this.#stableTimer, this.#upgradeTimer]) timer.clear();
    this.#question = null;
    this.#link?.close();
    this.#probe?.close();
    this.#link = null;
    this.#probe = null;
  }

  #onReady(link, message) {
    if (link === this.#probe) this.#promoteProbe();
    // A resumed connection replays from our own position, so that stays the truth until each missed event is applied.
    if (!message.resumed) this.position = { cursor: message.cursor, seq: null };
    this.#stableTimer.set(this.#surroundings.timing.stableAfterMs, () => {
      this.#attempt = 0;
      this.#renewals = 0;
    });
    if (!this.#probe) this.#scheduleUpgrade();
    this.#emitter.emit('ready', message);
    if (link !== this.#link) return; // a handler closed us
    this.#setState('live');
    if (link === this.#link) this.#sendAck();
  }

  #onEvent(link, event) {
    if (link !== this.#link) return;
    const verdict = judge(this.position.seq, event.seq);
    if (verdict === 'gap') link.fail('gap');
    if (verdict !== 'accept') return;
    this.position = { cursor: event.cursor, seq: event.seq };
    this.#emitter.emit('event', event);
  }

  #onNotice(link, message) {
    if (link !== this.#link) return;
    if (message.type === 'auth.expiring') this.#renew(link);
    this.#emitter.emit('notice', message);
  }

  #onEnd(link, reason) {
    if (isTokenRefused(reason) && this.#tokens.canRenew && this.#renewals < RENEWALS_MAX) {
      this.#tokens.current = null;
      this.#renewals += 1;
      if (this.#renewals === 1) this.#connect();
      else this.#backOff(reason);
    } else if (isTerminal(reason)) {
      this.#halt(reason);
    } else if (link === this.#probe) {
      this.#probe = null;
      this.#probeFrom(this.#probeRung + 1);
    } else if (this.#cannotCarry(link, reason) && this.#ladder.descend()) {
      this.#connect();
    } else {
      this.#backOff(reason);
    }
  }

  /** Whether another transport may fare better. */
  #cannotCarry(link, reason) {
    if (!link.isReady) return isUnreachable(reason);
    const isMute = link.isMute && reason.name === 'silence';
    if (isMute) this.#ladder.markMute();
    return isMute;
  }

  #backOff(reason) {
    const { timing } = this.#surroundings;
    const askedMs = Math.min(reason.retryMs ?? 0, timing.retryHintCapMs);
    const jitterMs = fullJitterMs(this.#attempt, timing, this.#random);
    this.#attempt += 1;
    this.#wait(askedMs + jitterMs, reason);
  }

  #wait(delayMs, reason) {
    this.#drop();
    if (delayMs !== null) this.#retryTimer.set(delayMs, () => this.#connect());
    this.#setState('waiting', { retry_in_ms: delayMs, reason });
  }

  #halt(reason) {
    this.#drop();
    this.#unlisten?.();
    this.#setState('closed', { reason });
  }

  #onOnline() {
    this.#ladder.forgetMute();
    this.#connect(); // whatever was open belonged to another network
  }

  // Tokens

  #askToken() {
    const question = {};
    this.#question = question;
    const isVoid = () => this.#question !== question;
    this.#retryTimer.set(this.#surroundings.timing.tokenDeadlineMs, () => this.#backOff(NO_TOKEN));
    this.#tokens.renew(this.#renewals ? 'refused' : 'start').then(
      (token) => {
        if (isVoid()) return;
        if (token === null) this.#halt(SIGNED_OUT);
        else this.#connect();
      },
      () => isVoid() || this.#backOff(NO_TOKEN),
    );
  }

  /** Before the token expires. Where that fails, the service says 4501 in time, and a new token is asked for then. */
  async #renew(link) {
    if (!this.#tokens.canRenew) return;
    const token = await this.#tokens.renew('expiring').catch(() => undefined);
    if (token === undefined || link !== this.#link) return;
    if (token === null) {
      this.#halt(SIGNED_OUT);
      return;
    }
    const isRenewed = await link.renew(token);
    if (isRenewed || link !== this.#link || this.#probe) return;
    this.#probeRung = this.#ladder.rung;
    this.#probe = this.#openLink(this.#probeRung);
  }

  // To another connection, without giving up the one that works

  #scheduleUpgrade() {
    if (this.#ladder.rung === 0) return;
    this.#upgradeTimer.set(this.#surroundings.timing.upgradeAfterMs, () => this.#probeFrom(0));
  }

  #probeFrom(from) {
    const rung = this.#ladder.betterFrom(from);
    if (rung === null) {
      this.#scheduleUpgrade();
      return;
    }
    this.#probe?.close();
    this.#probeRung = rung;
    this.#probe = this.#openLink(rung);
  }

  #promoteProbe() {
    this.#link.close();
    this.#link = this.#probe;
    this.#probe = null;
    this.#ladder.rung = this.#probeRung;
    this.#upgradeTimer.clear();
  }

  // Telling

  #sendAck() {
    if (this.#unsentAck === null) return;
    this.#link.send({ type: 'ack', cursor: this.#unsentAck });
    this.#unsentAck = null;
  }

  #setState(status, { retry_in_ms = null, reason = null } = {}) {
    const transport = this.#ladder.current.name;
    this.#state = { transport, status, attempt: this.#attempt, retry_in_ms, reason };
    this.#emitter.emit('state', this.#state);
  }
}
