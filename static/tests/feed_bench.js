/**
 * A feed on transports in memory, with a clock and a page of its own, and what it has told.
 */

import { Feed } from '../client/feed.js';
import { TIMING } from '../client/timing.js';
import { Tokens } from '../client/tokens.js';
import { ManualClock } from './manual_clock.js';
import { MemoryTransport, snapshotReady } from './memory_transport.js';

export const CUT = { code: 1006, name: 'cut' };

/** Connecting; the jitter is at half. */
export function bench({ names = ['ws', 'sse', 'poll'], token = 't', getToken = null } = {}) {
  const clock = new ManualClock();
  const page = Object.assign(new EventTarget(), { document: new EventTarget() });
  page.document.visibilityState = 'visible';
  const transports = names.map((name) => new MemoryTransport(name));
  const random = () => 0.5;
  const tokens = new Tokens({ token, getToken });
  const baseUrl = 'http://h';
  const feed = new Feed({ tokens, baseUrl, transports, timing: TIMING, clock, random, window: page });
  const log = [];
  feed.on('ready', ({ resumed }) => log.push(resumed ? 'resumed' : 'snapshot'));
  feed.on('event', ({ seq }) => log.push(seq));
  feed.on('state', ({ status, transport }) => log.push(`${status} ${transport}`));
  const [ws, sse, poll] = transports;
  feed.start();
  return { feed, clock, page, ws, sse, poll, log };
}

/** Live on the first transport, its log empty. */
export function liveBench(options) {
  const made = bench(options);
  made.ws.last.deliver(snapshotReady('c0'));
  made.log.length = 0;
  return made;
}

export const online = (page) => page.dispatchEvent(new Event('online'));
export const visible = (page) => page.document.dispatchEvent(new Event('visibilitychange'));
