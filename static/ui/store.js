/**
 * What the page knows, and how each message changes it.
 *
 * `reduce` is pure: a snapshot replaces wallet and orders, an event changes them, the result is a new object. Orders
 * only move forward (`supersedes`), because the answer to a request may arrive after the event that overtook it.
 * Money stays the decimal string it came as. Cards of the snapshot are not shown here and not kept.
 */

/** Statuses of activations and rentals by age: an order never goes back to a lower rank. */
const RANK = {
  ordering: 0,
  pending: 1,
  active: 1,
  received: 2,
  completed: 3,
  cancelled: 3,
  timeout: 3,
  expired: 3,
  failed: 3,
};
const RANK_CLOSED = 3;

/** A closed order with a code stays among the live ones this long: no button should move while somebody aims at it. */
export const LINGER_MS = 60_000;

export const EMPTY = Object.freeze({
  /** @type {{ balance: string, frozen: string, available: string } | null} */
  wallet: null,
  /** @type {{ operation: string, amount: string } | null} The last operation seen live. */
  operation: null,
  /** @type {Record<string, object>} Activations by id. */
  orders: {},
  /** @type {Record<string, object>} Rentals by id. */
  rentals: {},
  /** @type {Record<string, number>} By order id: a cancel was refused as too early until then, service time. */
  cancelDeniedUntilMs: {},
  /** Service time minus browser time. */
  clockSkewMs: 0,
});

/** Actions: `ready` and `event` from the client, `orders`, `rentals` and `cancel_denied` from answers to requests. */
export function reduce(state, action) {
  switch (action.type) {
    case 'ready':
      return applyReady(state, action.message, action.nowMs);
    case 'event':
      return applyEvent(state, action.event);
    case 'orders':
      return { ...state, orders: mergeOrders(state.orders, action.orders) };
    case 'rentals':
      return { ...state, rentals: mergeOrders(state.rentals, action.rentals) };
    case 'cancel_denied':
      return { ...state, cancelDeniedUntilMs: { ...state.cancelDeniedUntilMs, [action.id]: action.untilMs } };
    default:
      throw new RangeError(`unknown action ${action.type}`);
  }
}

function applyReady(state, { server_time: serverTime, snapshot }, nowMs) {
  const clockSkewMs = serverTime ? Date.parse(serverTime) - nowMs : state.clockSkewMs;
  if (!snapshot) return { ...state, clockSkewMs };
  return {
    ...state,
    clockSkewMs,
    wallet: snapshot.wallet,
    operation: null,
    orders: mergeOrders({}, snapshot.activations),
    rentals: mergeOrders({}, snapshot.rentals ?? []),
  };
}

function applyEvent(state, { type, at, data }) {
  switch (type) {
    case 'balance.changed': {
      const { balance, frozen, available, operation, amount } = data;
      return { ...state, wallet: { balance, frozen, available }, operation: { operation, amount } };
    }
    case 'activation.created':
    case 'activation.updated':
      return { ...state, orders: mergeOrders(state.orders, [data]) };
    case 'rental.created':
    case 'rental.updated':
      return { ...state, rentals: mergeOrders(state.rentals, [data]) };
    case 'sms.received': {
      const kind = data.rental_id ? 'rentals' : 'orders';
      const order = state[kind][data.rental_id ?? data.activation_id];
      if (!order || data.redacted) return state;
      return { ...state, [kind]: { ...state[kind], [order.id]: withSms(order, data, at) } };
    }
    default:
      return state; // events of features that this page does not show
  }
}

function mergeOrders(orders, incoming) {
  const merged = { ...orders };
  for (const order of incoming) {
    const known = merged[order.id];
    if (supersedes(known, order)) merged[order.id] = order.redacted && known ? withKnownSms(order, known) : order;
  }
  return merged;
}

function supersedes(known, incoming) {
  if (!known) return true;
  if (RANK[incoming.status] !== RANK[known.status]) return RANK[incoming.status] > RANK[known.status];
  // A rental that is extended has more hours than before.
  return incoming.sms.length >= known.sms.length && (incoming.hours ?? 0) >= (known.hours ?? 0);
}

/** What is no longer told of an order that closed long ago is still known here, if it was told in time. */
function withKnownSms(order, { code, sms }) {
  return sms.length < order.sms.length ? order : { ...order, code, sms };
}

/** The SMS and the order's update are two events, in either order: the SMS may be there already. */
function withSms(order, { code, text }, at) {
  const isKnown = order.sms.some((sms) => sms.code === code && sms.text === text);
  const sms = isKnown ? order.sms : [...order.sms, { code, text, received_at: at }];
  return { ...order, code: code ?? order.code, sms };
}

export function isClosed(order) {
  return RANK[order.status] === RANK_CLOSED;
}

/** @returns {{ live: object[], closed: object[] }} Newest first. @param {number} nowMs Service time. */
export function arrange(orders, nowMs) {
  const newestFirst = Object.values(orders).sort(
    (a, b) => Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? 1 : -1),
  );
  const isLive = (order) =>
    !isClosed(order) || ((order.code ?? null) !== null && nowMs - Date.parse(order.closed_at) < LINGER_MS);
  return { live: newestFirst.filter(isLive), closed: newestFirst.filter((order) => !isLive(order)) };
}

/** The state with its readers. @param {(state: typeof EMPTY) => void} onChange Called after each action. */
export function createStore(onChange) {
  let state = EMPTY;
  return {
    get state() {
      return state;
    },
    dispatch(action) {
      state = reduce(state, action);
      onChange(state);
    },
    /** @returns {number} Service time, in milliseconds since the epoch. */
    nowMs: () => Date.now() + state.clockSkewMs,
  };
}
