/**
 * The connection light: which transport is in use, and what is being done about it when none is.
 */

import { setText } from './dom.js';

const NAMES = { ws: 'WebSocket', sse: 'SSE', poll: 'long-poll' };

/** @param {import('../client/index.d.ts').ClientState} state @returns {string} Pure. */
export function describeConnection({ transport, status, role, retry_in_ms: retryInMs, reason }) {
  const shared = role === 'follower' ? ' of another tab' : '';
  if (status === 'live') return `live · ${NAMES[transport]}${shared}`;
  if (status === 'connecting') return `connecting · ${NAMES[transport]}`;
  if (status === 'closed') return reason ? 'signed out' : 'not connected';
  if (reason?.name === 'offline') return 'offline · waiting for the network';
  const seconds = Math.ceil(retryInMs / 1000);
  return seconds > 1 ? `reconnecting in ${seconds} s` : 'reconnecting';
}

/** Shows the client's states on `element`. @returns {{ show: (state: object) => void, tick: () => void }} */
export function connectionLight(element) {
  let state = null;
  let shownAtMs = 0;
  const tick = () => {
    const waitedMs = Date.now() - shownAtMs;
    setText(element, describeConnection({ ...state, retry_in_ms: Math.max(0, state.retry_in_ms - waitedMs) }));
  };
  return {
    show(newState) {
      state = newState;
      shownAtMs = Date.now();
      element.dataset.transport = state.transport;
      element.dataset.status = state.status;
      element.dataset.role = state.role;
      tick();
    },
    /** Counts a wait down. */
    tick,
  };
}
