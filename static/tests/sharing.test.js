import { RealtimeClient } from '../client/realtime.js';
import { LEADER_HEARTBEATS_MAX, TIMING } from '../client/timing.js';
import { equal, ok, test } from './harness.js';
import { MemoryTabs, settled } from './memory_tabs.js';

const roles = (...tabs) => tabs.map(({ client }) => client.state.role);
const HEARTBEAT_MS = 10_000;

/** Two tabs, the first of which leads. */
async function twoTabs() {
  const browser = new MemoryTabs();
  const first = browser.open();
  await settled();
  const second = browser.open();
  await settled();
  return { browser, first, second };
}

test('sharing: a tab by itself leads', async () => {
  const browser = new MemoryTabs();
  const tab = browser.open();
  await settled();
  browser.publish(2);
  equal([tab.client.state.role, tab.client.state.status, tab.shown], ['leader', 'live', ['from c0', 1, 2]]);
});

test('sharing: a second tab gets a snapshot of its own, then lives on the first one’s connection', async () => {
  const browser = new MemoryTabs();
  const first = browser.open();
  await settled();
  browser.publish(3);
  const second = browser.open();
  await settled();
  equal([roles(first, second), browser.openTransports], [['leader', 'follower'], ['ws']]);
  equal([second.client.state.status, second.client.state.transport], ['live', 'ws']);
  browser.publish(2);
  await settled();
  equal([first.shown, second.shown], [['from c0', 1, 2, 3, 4, 5], ['from c3', 4, 5]]);
});

test('sharing: a tab whose snapshot is ahead of the leader waits for it on a connection of its own', async () => {
  const { browser, first } = await twoTabs();
  browser.head += 2; // committed, and not yet heard by the leader
  const third = browser.open();
  await settled();
  equal([third.shown, browser.openTransports], [['from c2'], ['ws', 'poll']]);
  const [leading] = browser.connections(first);
  leading.deliver({ type: 'x.y', seq: 1, cursor: 'c1', data: {} }, { type: 'x.y', seq: 2, cursor: 'c2', data: {} });
  await settled();
  equal(browser.openTransports, ['ws']);
  browser.publish();
  await settled();
  equal([first.shown, third.shown], [['from c0', 1, 2, 3], ['from c2', 3]]);
});

test('sharing: a leader that closes is succeeded, from where the next tab is', async () => {
  const { browser, first, second } = await twoTabs();
  browser.publish();
  await settled();
  first.client.close();
  browser.publish(2);
  await settled();
  equal([roles(second), second.shown, second.snapshots], [['leader'], ['from c0', 1, 2, 3], 1]);
});

test('sharing: a leader that crashes is succeeded, and the other tabs go on without a connection', async () => {
  const { browser, first, second } = await twoTabs();
  const third = browser.open();
  await settled();
  browser.publish();
  await settled();
  browser.crash(first);
  browser.publish(2);
  await settled();
  browser.publish();
  await settled();
  equal([roles(second, third), browser.openTransports], [['leader', 'follower'], ['ws']]);
  equal([second.shown, third.shown, third.snapshots], [['from c0', 1, 2, 3, 4], ['from c0', 1, 2, 3, 4], 1]);
});

test('sharing: a leader that no longer answers is deposed, and follows when it wakes', async () => {
  const { browser, first, second } = await twoTabs();
  first.isFrozen = true;
  browser.clock.advance(LEADER_HEARTBEATS_MAX * HEARTBEAT_MS + TIMING.leaderAnswerMs);
  await settled();
  equal(roles(second), ['leader']);
  browser.publish();
  browser.thaw(first);
  await settled();
  browser.publish();
  await settled();
  equal([roles(first, second), first.shown, second.shown], [['follower', 'leader'], ['from c0', 1, 2], ['from c0', 1, 2]]);
  equal(browser.openTransports, ['ws']);
});

test('sharing: somebody who looks at a tab does not wait for the leader’s patience', async () => {
  const { browser, first, second } = await twoTabs();
  first.transports[0].last.end({ code: 1013, retryMs: 50_000 });
  await settled();
  equal([second.client.state.status, first.transports[0].connections.length], ['waiting', 1]);
  second.page.document.dispatchEvent(new Event('visibilitychange'));
  await settled();
  equal([second.client.state.status, first.transports[0].connections.length], ['live', 2]);
});

test('sharing: a lost word between tabs is noticed by the next, and fetched', async () => {
  const { browser, first, second } = await twoTabs();
  browser.publish();
  await settled();
  second.isFrozen = true;
  browser.publish();
  await settled();
  second.missed.length = 0; // lost for good
  second.isFrozen = false;
  browser.publish();
  await settled();
  equal([second.shown, browser.openTransports, roles(first)], [['from c0', 1, 2, 3], ['ws'], ['leader']]);
});

test('sharing: receipts of all tabs go over the one connection', async () => {
  const { browser, first, second } = await twoTabs();
  browser.publish();
  await settled();
  second.client.ack('c1');
  await settled();
  equal(first.transports[0].last.sent, [{ type: 'ack', cursor: 'c1' }]);
});

test('sharing: a new history reaches every tab as a snapshot', async () => {
  const { browser, first, second } = await twoTabs();
  browser.publish(3);
  await settled();
  browser.head = 1; // a restored backup
  first.client.askSnapshot();
  second.client.askSnapshot();
  await settled();
  browser.publish();
  await settled();
  equal([first.shown, second.shown, browser.openTransports], [['from c1', 2], ['from c1', 2], ['ws']]);
});

test('sharing: a follower that has lost its state asks for a snapshot alone', async () => {
  const { browser, first, second } = await twoTabs();
  browser.publish(2);
  await settled();
  second.client.askSnapshot();
  await settled();
  browser.publish();
  await settled();
  equal([first.shown, second.shown], [['from c0', 1, 2, 3], ['from c2', 3]]);
  equal(browser.openTransports, ['ws']);
});

test('sharing: a leader whose token is refused for good leaves the lead to the next', async () => {
  const { browser, first, second } = await twoTabs();
  first.transports[0].last.end({ code: 4501, name: 'token_expired' });
  await settled();
  equal([first.client.state.status, first.client.state.reason.name], ['closed', 'token_expired']);
  equal([roles(second), second.client.state.status], [['leader'], 'live']);
});

test('sharing: other users, and tabs that do not want to, have connections of their own', async () => {
  const browser = new MemoryTabs();
  const tabs = [browser.open(), browser.open({ share: false }), browser.open({ locks: undefined, BroadcastChannel: null })];
  await settled();
  equal([roles(...tabs), browser.openTransports], [['leader', 'alone', 'alone'], ['ws', 'ws', 'ws']]);
});

test('sharing: a user who becomes known with the token is shared from then on', async () => {
  const browser = new MemoryTabs();
  const jwt = `e30.${btoa(JSON.stringify({ sub: 'alice' }))}.x`;
  const asNobodyYet = { token: null, user: null, getToken: async () => jwt };
  const first = browser.open(asNobodyYet);
  const second = browser.open(asNobodyYet);
  await settled();
  await settled();
  equal([roles(first, second), browser.openTransports], [['leader', 'follower'], ['ws']]);
});

test('sharing: after a reload it resumes by the kept cursor, or asks for a snapshot, as the application says', async () => {
  const browser = new MemoryTabs();
  const items = new Map();
  const storage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
  const before = browser.open({ storage });
  await settled();
  browser.publish(2);
  browser.crash(before);
  browser.publish();
  const kept = browser.open({ storage, resume: true });
  await settled();
  equal([kept.shown, kept.snapshots], [[3], 0]);
  browser.crash(kept);
  const own = browser.open({ storage, cursor: 'c1' });
  await settled();
  equal([own.shown, own.client.cursor], [[2, 3], 'c3']);
  browser.crash(own);
  const lost = browser.open({ storage });
  await settled();
  equal(lost.shown, ['from c3']);
});

test('sharing: closed it holds no lock, no channel, no timer and no connection; a handler may close it', async () => {
  const { browser, first, second } = await twoTabs();
  second.client.on('event', () => second.client.close());
  browser.publish(2);
  await settled();
  first.client.close();
  await settled();
  equal([first.shown, second.shown], [['from c0', 1, 2], ['from c0', 1]]);
  equal([browser.clock.timerCount, browser.openTransports, first.channels.size, second.channels.size], [0, [], 0, 0]);
});

test('client: what cannot work is refused when it is asked for', () => {
  const good = { token: 't', baseUrl: 'http://h' };
  new RealtimeClient(good);
  for (const fault of [{ transports: ['pigeon'] }, { transports: [] }, { baseUrl: 'nowhere' }, { token: null }]) {
    let error = null;
    try {
      new RealtimeClient({ ...good, ...fault });
    } catch (caught) {
      error = caught;
    }
    ok(error instanceof Error, `an error for ${JSON.stringify(fault)}`);
  }
});

test('sharing: a random walk of tabs that come, close, crash and freeze shows each every event once', async () => {
  let seed = 20_260_101;
  const below = (limit) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  const browser = new MemoryTabs();
  const all = [];
  for (let step = 0; step < 1_500; step += 1) {
    const tab = browser.tabs[below(Math.max(1, browser.tabs.length))];
    const move = below(16);
    if (!tab || (move === 0 && browser.tabs.length < 5)) all.push(browser.open());
    else if (move === 1 && below(2)) browser.crash(tab);
    else if (move === 1) browser.close(tab);
    else if (move === 2) tab.isFrozen = true;
    else if (move === 3) browser.thaw(tab);
    else if (move === 4) browser.clock.advance(below(2 * HEARTBEAT_MS));
    else if (move === 5) browser.connections(tab).forEach((connection) => connection.end({ code: 1006 }));
    else browser.publish(below(4));
    if (below(2)) await settled();
  }
  all.push(browser.open());
  for (const tab of browser.tabs) browser.thaw(tab);
  for (let turn = 0; turn < 20; turn += 1) {
    browser.clock.advance(HEARTBEAT_MS);
    browser.publish();
    await settled();
  }
  const misplaced = all.flatMap(({ shown: [from, ...seqs] }) =>
    seqs.filter((seq, index) => seq !== Number(from.slice('from c'.length)) + 1 + index),
  );
  equal(misplaced, []);
  const shown = all.reduce((sum, tab) => sum + tab.shown.length, 0);
  ok(all.length > 20 && shown > 1_000, `a walk that gets somewhere, got ${all.length} tabs and ${shown} events`);
  equal(browser.tabs.filter((tab) => tab.shown.at(-1) !== browser.head).length, 0);
  equal(browser.openTransports, ['ws']);
});
