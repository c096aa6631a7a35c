import { EMPTY, LINGER_MS, arrange, reduce } from '../ui/store.js';
import { equal, ok, test } from './harness.js';

const T0 = '2026-01-01T10:00:00.000Z';
const T0_MS = Date.parse(T0);
const WALLET = { balance: '36.00', frozen: '5.00', available: '31.00' };

function order(id, rest = {}) {
  return { id, status: 'pending', phone: '62812', code: null, sms: [], created_at: T0, closed_at: null, ...rest };
}

function readyState(...activations) {
  const message = { type: 'ready', server_time: T0, snapshot: { wallet: WALLET, activations, rentals: [], cards: [] } };
  return reduce(EMPTY, { type: 'ready', message, nowMs: T0_MS });
}

const withEvent = (state, type, data) => reduce(state, { type: 'event', event: { type, at: T0, data } });
const smsData = { activation_id: 'a', service: 'x', code: '123456', text: 'Code 123456' };
const sms = { code: '123456', text: 'Code 123456', received_at: T0 };

test('store: a snapshot replaces wallet and orders', () => {
  const before = readyState(order('old'));
  const message = { type: 'ready', snapshot: { wallet: { ...WALLET, balance: '1.00' }, activations: [order('new')] } };
  const after = reduce(before, { type: 'ready', message, nowMs: 0 });
  equal(Object.keys(after.orders), ['new']);
  equal(after.wallet.balance, '1.00');
});

test('store: resuming keeps what is known', () => {
  const before = readyState(order('a'));
  const after = reduce(before, { type: 'ready', message: { type: 'ready', resumed: true }, nowMs: 0 });
  equal(after.orders, before.orders);
  equal(after.wallet, WALLET);
});

test('store: the clock skew is service time minus browser time', () => {
  const message = { type: 'ready', resumed: true, server_time: T0 };
  equal(reduce(EMPTY, { type: 'ready', message, nowMs: T0_MS - 90_000 }).clockSkewMs, 90_000);
});

test('store: balance.changed sets the figures as they came, and tells the operation', () => {
  const data = { balance: '36.00', frozen: '10.00', available: '26.00', operation: 'freeze', amount: '5.00' };
  const { wallet, operation } = withEvent(readyState(), 'balance.changed', { ...data, transaction_id: 't' });
  equal(wallet, { balance: '36.00', frozen: '10.00', available: '26.00' });
  equal(operation, { operation: 'freeze', amount: '5.00' });
});

test('store: an order moves forward with its events', () => {
  let state = withEvent(readyState(), 'activation.created', order('a', { status: 'ordering', phone: null }));
  state = withEvent(state, 'activation.updated', order('a'));
  equal([state.orders.a.status, state.orders.a.phone], ['pending', '62812']);
});

test('store: a late answer does not take an order back', () => {
  const state = readyState(order('a', { status: 'received', code: '123456', sms: [sms] }));
  const late = order('a', { status: 'ordering', phone: null });
  const after = reduce(state, { type: 'orders', orders: [late, order('b')] });
  equal([after.orders.a.status, after.orders.b.status], ['received', 'pending']);
});

test('store: sms.received brings code and text to the order', () => {
  const { orders } = withEvent(readyState(order('a')), 'sms.received', smsData);
  equal([orders.a.code, orders.a.sms], ['123456', [sms]]);
});

test('store: an SMS told twice, by the order and by its own event, is one SMS', () => {
  const updated = order('a', { status: 'received', code: '123456', sms: [sms] });
  const first = withEvent(withEvent(readyState(order('a')), 'activation.updated', updated), 'sms.received', smsData);
  const second = withEvent(withEvent(readyState(order('a')), 'sms.received', smsData), 'activation.updated', updated);
  equal(first.orders.a.sms.length, 1);
  equal(second.orders.a, updated);
});

test('store: an SMS without a code keeps the code of the one before', () => {
  const state = withEvent(readyState(order('a')), 'sms.received', smsData);
  const after = withEvent(state, 'sms.received', { ...smsData, code: null, text: 'Welcome' });
  equal([after.orders.a.code, after.orders.a.sms.length], ['123456', 2]);
});

test('store: an order keeps the SMS it knows when a late replay tells them no more', () => {
  const unknown = { ...sms, code: null, text: null };
  const late = order('a', { status: 'completed', code: null, sms: [unknown], redacted: true });
  const known = withEvent(readyState(order('a')), 'sms.received', smsData);
  const lateSms = { ...smsData, code: null, text: null, redacted: true };
  const again = withEvent(withEvent(known, 'sms.received', lateSms), 'activation.updated', late);
  equal([again.orders.a.status, again.orders.a.code, again.orders.a.sms], ['completed', '123456', [sms]]);
  equal(withEvent(readyState(order('a')), 'activation.updated', late).orders.a.sms, [unknown]);
});

const RENTAL = { ...order('r'), status: 'active', hours: 4, ends_at: '2026-01-01T14:00:00.000Z' };
const rentalSms = { rental_id: 'r', activation_id: null, service: 'x', code: '7', text: 'Code 7' };

test('store: rentals come with the snapshot, change with their events and keep all their SMS', () => {
  const message = { type: 'ready', snapshot: { wallet: WALLET, activations: [], rentals: [RENTAL] } };
  const state = reduce(EMPTY, { type: 'ready', message, nowMs: 0 });
  const first = withEvent(state, 'sms.received', rentalSms);
  const second = withEvent(first, 'sms.received', { ...rentalSms, code: null, text: 'Welcome' });
  equal(second.rentals.r.sms.map(({ text }) => text), ['Code 7', 'Welcome']);
  equal(second.orders, {});
  const ended = withEvent(second, 'rental.updated', { ...second.rentals.r, status: 'expired' });
  equal([ended.rentals.r.status, ended.rentals.r.sms.length], ['expired', 2]);
});

test('store: an answer from before an extension does not shorten a rental', () => {
  const extended = { ...RENTAL, hours: 8, ends_at: '2026-01-01T18:00:00.000Z' };
  const state = withEvent(withEvent(readyState(), 'rental.created', RENTAL), 'rental.updated', extended);
  equal(reduce(state, { type: 'rentals', rentals: [RENTAL] }).rentals.r.hours, 8);
});

test('store: events of other features and of unknown orders change nothing', () => {
  const state = readyState(order('a'));
  ok(withEvent(state, 'card.created', { id: 'c' }) === state, 'the same state');
  ok(withEvent(state, 'sms.received', { ...smsData, activation_id: 'unknown' }) === state, 'the same state');
});

test('store: states are never changed in place', () => {
  const state = readyState(order('a'));
  const copy = JSON.stringify(state);
  withEvent(state, 'sms.received', smsData);
  withEvent(state, 'activation.updated', order('a', { status: 'cancelled' }));
  reduce(state, { type: 'cancel_denied', id: 'a', untilMs: 1 });
  equal(JSON.stringify(state), copy);
});

test('store: live orders come newest first, a closed one with a code lingers, then joins the closed', () => {
  const closed = { status: 'completed', code: '1', closed_at: T0 };
  const { orders } = readyState(
    order('older'),
    order('newer', { created_at: '2026-01-01T10:00:01.000Z' }),
    order('done', { ...closed, created_at: '2026-01-01T09:00:00.000Z' }),
    order('gone', { status: 'cancelled', closed_at: T0 }),
  );
  const ids = (nowMs) => {
    const { live, closed: rest } = arrange(orders, nowMs);
    return [live.map(({ id }) => id), rest.map(({ id }) => id)];
  };
  equal(ids(T0_MS + LINGER_MS - 1), [['newer', 'older', 'done'], ['gone']]);
  equal(ids(T0_MS + LINGER_MS), [['newer', 'older'], ['gone', 'done']]);
});
