/**
 * The connection light: which transport is in use, and what is being done about it when none is.
 */

import { announce } from './announcer.js';
import { setText } from './dom.js';
import { t } from './language.js';

/** @param {import('../client/index.d.ts').ClientState} state @returns {string} Pure. */
export function describeConnection({ transport, status, role, retry_in_ms: retryInMs, reason }) {
  if (status === 'live') return t(role === 'follower' ? 'connection.shared' : 'connection.live', { transport: nameOf(transport) });
  if (status === 'connecting') return t('connection.connecting', { transport: nameOf(transport) });
  if (status === 'closed') return t(reason ? 'connection.signed_out' : 'connection.none');
  if (reason?.name === 'offline') return t('connection.offline');
  const seconds = Math.ceil(retryInMs / 1000);
  return seconds > 1 ? t('connection.waiting', { seconds }) : t('connection.reconnecting');
}

function nameOf(transport) {
  return t(`connection.${transport}`);
}

/** Shows the client's states on `element`. @returns {{ show: (state: object) => void, tick: () => void }} */
export function connectionLight(element) {
  let state = null;
  let shownAtMs = 0;
  let announced = null; // the transport last told; null: that there is none
  const tick = () => {
    const waitedMs = Date.now() - shownAtMs;
    setText(element, describeConnection({ ...state, retry_in_ms: Math.max(0, state.retry_in_ms - waitedMs) }));
  };
  /** Once live, once lost: not each attempt between. */
  const tell = ({ status, transport }) => {
    if (status === 'live' && transport !== announced) {
      announced = transport;
      announce(t('connection.announced', { transport: nameOf(transport) }));
    } else if (status === 'waiting' && announced !== null) {
      announced = null;
      announce(t('connection.lost'));
    }
  };
  return {
    show(newState) {
      state = newState;
      shownAtMs = Date.now();
      element.dataset.transport = state.transport;
      element.dataset.status = state.status;
      element.dataset.role = state.role;
      tick();
      tell(state);
    },
    /** Counts a wait down. */
    tick,
  };
}
