/**
 * The connection light: over which transport the page is live, or what is being done about it.
 */

import { setText } from '../ui/dom.js';

const NAMES = { ws: 'WebSocket', sse: 'SSE', poll: 'long-poll' };

/** @param {import('../client/index.d.ts').ClientState} state @returns {string} Pure. */
export function describeConnection({ transport, status, reason }) {
  if (status === 'live') return `live · ${NAMES[transport]}`;
  if (status === 'connecting') return `connecting · ${NAMES[transport]}`;
  if (status === 'closed') return reason ? 'signed out' : 'not connected';
  return reason?.name === 'offline' ? 'offline' : 'reconnecting';
}

/** Shows the client's states on `element`. */
export function connectionLight(element) {
  return {
    show(state) {
      element.dataset.transport = state.transport;
      element.dataset.status = state.status;
      setText(element, describeConnection(state));
    },
  };
}
