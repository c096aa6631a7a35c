/**
 * RealtimeClient: one user's events in each tab, complete and in order, over one connection for all tabs of the origin.
 *
 * Invariant: as the feed's, and in every tab: between two `ready` messages with a snapshot no event is missing, doubled or
 * out of order. A tab lives either on a feed of its own or on what the leading tab tells, and on the latter only while it is
 * proven that nothing lies between. The client keeps no state of the user: that is the application's.
 *
 *   start ──► asks for a leader ──┬─ none: LEADER, a feed over the best transport; tells all it hears
 *                                 └─ one: FOLLOWER, a feed of its own (long-poll) until it has caught up, then none
 *   the leader closes, crashes or falls silent: another tab leads, from its own position
 *
 * Without Web Locks, BroadcastChannel or a known user each tab is ALONE with its feed.
 */

import { Emitter } from './emitter.js';
import { Feed } from './feed.js';
import { isCovered } from './joining.js';
import { listenToPage } from './page_signals.js';
import { Positions, tabStorage } from './positions.js';
import { judge } from './sequence.js';
import { Tabs } from './tabs.js';
import { LEADER_HEARTBEATS_MAX, TIMING, Timer, systemClock } from './timing.js';
import { Tokens, subjectOf } from './tokens.js';
import { TRANSPORTS } from './transports.js';

/** Until the service has said how often it beats. */
const HEARTBEAT_MS = 25_000;
const NOWHERE = Object.freeze({ cursor: null, seq: null });

export class RealtimeClient {
  #options;
  #tokens;
  #transports;
  #emitter = new Emitter();
  #positions = null;
  #position = NOWHERE;
  #state;

  #feed = null;
  #feedIsWhole = false; // over all transports, not only to catch up
  #heartbeatMs = HEARTBEAT_MS;

  #role = 'alone';
  #tabs = null;
  #leader = null; // its last word: { cursor, seq, history, state }
  #isJoined = false;
  #history = null; // names the events that this tab's seq counts, if a leader has named them
  #watchTimer;
  #unlisten = null;

  /** @param {import('./index.d.ts').ClientOptions} options */
  constructor(options) {
    const { token, getToken, transports = Object.keys(TRANSPORTS), timing = {} } = options;
    this.#options = {
      baseUrl: globalThis.location?.origin,
      share: true,
      resume: false,
      storage: tabStorage(),
      clock: systemClock,
      random: Math.random,
      window: globalThis.window,
      locks: globalThis.navigator?.locks,
      BroadcastChannel: globalThis.BroadcastChannel,
      ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
      timing: { ...TIMING, ...timing },
    };
    new URL(this.#options.baseUrl); // throws here rather than in each attempt
    this.#tokens = new Tokens({ token, getToken });
    this.#transports = transports.map((transport) => resolve(transport));
    if (this.#transports.length === 0) throw new RangeError('expected at least one transport, got none');
    this.#watchTimer = new Timer(this.#options.clock);
    this.#state = this.#describe({ status: 'closed' });
  }

  /** @returns {import('./index.d.ts').ClientState} */
  get state() {
    return this.#state;
  }

  /** @returns {string | null} The place of the last event applied, to be kept with the application's own state. */
  get cursor() {
    return this.#position.cursor;
  }

  /** @returns {() => void} Ends it. */
  on(type, handler) {
    return this.#emitter.on(type, handler);
  }

  start() {
    if (this.#state.status !== 'closed') return;
    const { resume, cursor, storage } = this.#options;
    this.#positions = new Positions(storage, this.#user ?? '');
    if (this.#position.cursor === null) {
      if (typeof cursor === 'string') this.#position = { cursor, seq: null };
      else if (resume) this.#position = this.#positions.load();
    }
    const isShared = this.#share();
    this.#setState(this.#describe({ status: 'connecting' }));
    if (!isShared) this.#openFeed(this.#transports);
  }

  /** Ends it, and leaves the lead to another tab. `start` goes on where it stopped. */
  close() {
    if (this.#state.status !== 'closed') this.#end(null);
  }

  /** Receipt for the service: the event at this cursor was shown to the user. */
  ack(cursor) {
    if (this.#feed) this.#feed.ack(cursor);
    else this.#tabs?.say({ type: 'ack', cursor });
  }

  /** The application has lost its state: the next `ready` brings a snapshot. */
  askSnapshot() {
    this.#position = NOWHERE;
    this.#positions?.forget();
    if (this.#state.status === 'closed') return;
    if (this.#feed) this.#feed.restart();
    else if (this.#leader) this.#judgeLeader();
  }

  // The feed of this tab, if it has one

  #openFeed(transports) {
    this.#closeFeed();
    const { baseUrl, timing, clock, random, window } = this.#options;
    const position = this.#position;
    const feed = new Feed({ tokens: this.#tokens, baseUrl, transports, timing, clock, random, window, position });
    const handle = (type, handler) => feed.on(type, (detail) => feed === this.#feed && handler(detail));
    handle('ready', (message) => this.#onReady(message));
    handle('event', (event) => this.#onFeedEvent(event));
    handle('notice', (message) => this.#onNotice(message));
    handle('state', (state) => this.#onFeedState(state));
    this.#feed = feed;
    this.#feedIsWhole = transports === this.#transports;
    feed.start();
  }

  #closeFeed() {
    const feed = this.#feed;
    this.#feed = null;
    feed?.close();
  }

  #onReady(message) {
    this.#heartbeatMs = message.heartbeat_s * 1000;
    if (!message.resumed) {
      this.#moveTo({ cursor: message.cursor, seq: null });
      this.#history = this.#role === 'leader' ? newHistory() : null;
    }
    this.#emitter.emit('ready', message);
    if (this.#state.status === 'closed') return; // by a handler
    if (this.#role === 'leader') this.#sayLead();
    else if (this.#tabs) this.#judgeLeader();
    else this.#share(); // the user may have become known with the token
  }

  #onFeedEvent(event) {
    if (judge(this.#position.seq, event.seq) !== 'accept') return; // the leader has told it before
    const after = this.#position.cursor;
    this.#apply(event);
    if (this.#role === 'leader') this.#tabs?.say({ type: 'event', event, after, history: this.#history });
    else this.#judgeLeader();
  }

  #onNotice(message) {
    this.#emitter.emit(message.type, message);
    if (this.#role === 'leader') this.#sayLead();
  }

  #onFeedState(state) {
    if (state.status === 'closed') this.#end(state.reason);
    else this.#setState(this.#describe(state));
    if (this.#role === 'leader') this.#sayLead();
  }

  #apply(event) {
    this.#emitter.emit(event.type, event);
    this.#emitter.emit('event', event);
    this.#moveTo({ cursor: event.cursor, seq: event.seq }); // after the handlers: rather an event again than never
  }

  #moveTo(position) {
    this.#position = position;
    this.#positions?.save(position);
  }

  // Among the tabs

  /** @returns {boolean} False: this tab has nobody to share with, or does not know as whom. */
  #share() {
    const { share, locks, BroadcastChannel, baseUrl, window } = this.#options;
    const user = this.#user;
    if (!share || !locks || !BroadcastChannel || user === null) return false;
    this.#role = 'follower';
    this.#tabs = new Tabs(`onesms.${baseUrl}.${user}`, { locks, BroadcastChannel }, {
      onLead: () => this.#onLead(),
      onDeposed: () => this.#onDeposed(),
      onMessage: (message) => this.#onTabMessage(message),
    });
    this.#unlisten = listenToPage(window, {
      onVisible: () => this.#role === 'follower' && this.#askLeader({ hurry: true }),
    });
    this.#follow();
    return true;
  }

  #follow() {
    this.#role = 'follower';
    this.#leader = null;
    this.#isJoined = false;
    this.#tabs.seek();
    this.#askLeader();
  }

  /** Whoever leads has to answer, or is led no more. */
  #askLeader({ hurry = false } = {}) {
    this.#tabs.say({ type: 'hello', hurry });
    this.#watchTimer.set(this.#options.timing.leaderAnswerMs, () => {
      this.#tabs.take();
      this.#watchLeader();
    });
  }

  #watchLeader() {
    this.#watchTimer.set(LEADER_HEARTBEATS_MAX * this.#heartbeatMs, () => this.#askLeader());
  }

  #onLead() {
    this.#role = 'leader';
    this.#watchTimer.clear();
    if (!this.#isJoined) this.#history = newHistory();
    this.#isJoined = false;
    if (this.#feed && this.#feedIsWhole) this.#onFeedState(this.#feed.state);
    else this.#openFeed(this.#transports);
  }

  #onDeposed() {
    this.#closeFeed();
    this.#follow();
  }

  #sayLead() {
    const { state } = this;
    const heartbeatMs = this.#heartbeatMs;
    this.#tabs?.say({ type: 'lead', ...this.#position, history: this.#history, state, heartbeatMs });
  }

  #onTabMessage(message) {
    if (this.#role === 'leader') {
      if (message.type === 'ack') this.#feed?.ack(message.cursor);
      if (message.type !== 'hello') return;
      if (message.hurry) this.#feed?.hurry();
      this.#sayLead();
      return;
    }
    if (message.type === 'lead') {
      this.#heartbeatMs = message.heartbeatMs;
      this.#leader = message;
    } else if (message.type === 'event') {
      const { event, after, history } = message;
      this.#leader = { ...this.#leader, cursor: event.cursor, seq: event.seq, history };
      if (after !== null && after === this.#position.cursor) this.#apply(event);
    } else {
      return;
    }
    if (this.#tabs === null) return; // closed by a handler
    this.#watchLeader();
    this.#judgeLeader();
  }

  /** Live on the leader's words, or on a feed of our own. */
  #judgeLeader() {
    if (this.#leader === null || this.#role !== 'follower') return; // nobody has answered yet, or closed by a handler
    const isSameHistory = this.#leader.history === this.#history || this.#feed?.state.status === 'live';
    this.#isJoined = isCovered(this.#position, this.#leader, isSameHistory);
    if (this.#isJoined) {
      this.#closeFeed();
      this.#history = this.#leader.history;
      if (this.#leader.state) this.#setState(this.#describe(this.#leader.state));
    } else if (!this.#feed) {
      const longpoll = this.#transports.filter(({ name }) => name === 'poll');
      this.#openFeed(longpoll.length ? longpoll : this.#transports);
    }
  }

  // Telling

  get #user() {
    return this.#options.user ?? subjectOf(this.#tokens.current ?? '');
  }

  #end(reason) {
    this.#closeFeed();
    this.#watchTimer.clear();
    this.#unlisten?.();
    this.#tabs?.leave();
    this.#tabs = null;
    this.#leader = null;
    this.#isJoined = false;
    this.#role = 'alone';
    this.#setState(this.#describe({ status: 'closed', reason }));
  }

  #describe({ transport = this.#transports[0].name, status, attempt = 0, retry_in_ms = null, reason = null }) {
    return { transport, status, role: this.#role, attempt, retry_in_ms, reason };
  }

  #setState(state) {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#emitter.emit('state', state);
  }
}

function newHistory() {
  return Math.random().toString(36).slice(2);
}

function resolve(transport) {
  const resolved = typeof transport === 'string' ? TRANSPORTS[transport] : transport;
  if (!resolved) throw new RangeError(`unknown transport ${transport}, expected one of ${Object.keys(TRANSPORTS)}`);
  return resolved;
}
