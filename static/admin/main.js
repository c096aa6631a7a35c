/**
 * The operators' page: sign in, then one view at a time by the address's hash.
 *
 * Live by our own realtime client: alerts are events of the operators' stream, what happens right now is a notice every
 * two seconds. When it says that something has happened anywhere, the view is asked for again, at most every `leastMs`;
 * without the channel that is done by the clock. Two readings of one view never cross: the answer of one that was left
 * is thrown away. The token is kept in sessionStorage, under a name of its own.
 */

import { connect } from '../client/index.js';
import { byId, h, setText } from '../ui/dom.js';
import { clearToasts, setUpToasts } from '../ui/toasts.js';
import { AdminApi } from './api.js';
import { showCard, showCards } from './cards.js';
import { showFigures } from './figures.js';
import { connectionLight } from './light.js';
import { Live } from './live.js';
import { showLog } from './log.js';
import { showOrder, showOrders } from './orders.js';
import { showNote, showProblem } from './toast.js';
import { showTrade } from './trade.js';
import { showUser } from './users.js';
import { button, link, section } from './view.js';
import { showWallets } from './wallets.js';

const KEY = 'onesms.operator';
const VIEWS = {
  orders: { show: showOrders, leastMs: 4_000 },
  order: { show: showOrder, leastMs: 2_000 },
  user: { show: showUser, leastMs: 4_000 },
  wallets: { show: showWallets, leastMs: 6_000 },
  cards: { show: showCards, leastMs: 6_000 },
  card: { show: showCard, leastMs: 4_000 },
  trade: { show: showTrade, leastMs: 15_000 },
  figures: { show: showFigures, leastMs: 30_000 },
  alerts: { show: showLog, leastMs: 6_000 },
};
/** Views that have no link of their own above. */
const PARENTS = { order: 'orders', user: 'orders', card: 'cards' };
const CLOCK_MS = 2_000;
const COUNTED_MAX = 100;
const REST_MS = 30_000; // what passes by itself (an order that becomes overdue) is no event

let endSession = () => {};

function startSession(token) {
  sessionStorage.setItem(KEY, token);
  const ending = new AbortController();
  const { signal } = ending;
  const api = new AdminApi(token, signal);
  const light = connectionLight(byId('connection'));
  const client = connect({ token, share: false });
  const live = new Live();
  let reading = 0;
  let shownAtMs = 0;
  let shownEvent = 0;
  let shownCounts = '';
  let leastMs = 0;
  let isBusy = false;
  let onLive = () => {};

  /** isNew: drawn whatever is going on in it. isLeft: it is another view than before. */
  async function refresh({ isNew = false, isLeft = false } = {}) {
    reading += 1;
    const mine = reading;
    isBusy = true;
    const [name, ...rest] = decodeURIComponent(location.hash.slice(1)).split('/');
    const { show, leastMs: least } = Object.hasOwn(VIEWS, name) ? VIEWS[name] : VIEWS.orders;
    leastMs = least;
    shownEvent = live.newest?.newest_event ?? 0;
    shownCounts = countsOf(live.newest);
    if (isLeft) onLive = () => {};
    const view = byId('view');
    showWhere(Object.hasOwn(PARENTS, name) ? PARENTS[name] : Object.hasOwn(VIEWS, name) ? name : 'orders');
    view.setAttribute('aria-busy', 'true');
    try {
      const shown = await show({ api, view, word: rest.join('/'), live, refresh: () => refresh({ isNew: true }) });
      if (mine !== reading || signal.aborted) return;
      if (isNew || !isInUse(view)) {
        shown.draw();
        onLive = shown.onLive ?? (() => {});
      }
      if (isLeft) {
        view.focus({ preventScroll: true });
        scrollTo(0, 0);
      }
    } catch (error) {
      if (mine !== reading || signal.aborted) return;
      if (error.status === 401 || error.code === 'OPERATORS_ONLY') return leave(error.message);
      if (isNew) view.replaceChildren(failure(error, () => refresh({ isNew: true })));
      else showProblem(error.message);
    } finally {
      if (mine === reading) {
        view.removeAttribute('aria-busy');
        shownAtMs = Date.now();
        isBusy = false;
      }
    }
  }

  /** Asks for the view again if something has happened since, and not more often than the view bears. */
  function follow() {
    if (document.hidden || isBusy) return;
    const passedMs = Date.now() - shownAtMs;
    const hasHappened = live.isLate() || live.newest.newest_event !== shownEvent || countsOf(live.newest) !== shownCounts;
    if (passedMs > REST_MS || (hasHappened && passedMs > leastMs)) refresh();
  }

  function learn(reading) {
    live.push(reading);
    showCounts(reading);
    onLive();
    follow();
  }

  /** Where the channel brings no readings. */
  async function askForReading() {
    if (document.hidden || !live.isLate()) return;
    try {
      learn(await api.get('live'));
    } catch {
      follow(); // whatever is wrong, the view says so
    }
  }

  const clock = setInterval(askForReading, CLOCK_MS);
  client.on('admin.live', learn);
  client.on('event', (event) => {
    if (event.type !== 'admin.alert') return;
    const { alert, message, about, problem } = event.data;
    const what = [message ?? problem ?? alert, about].filter(Boolean).join(': ');
    if (alert === 'over') showNote(`Over: ${what}`, what);
    else showProblem(`Alert: ${what}`, what);
    refresh();
  });
  client.on('state', (state) => {
    light.show(state);
    if (state.status === 'closed' && state.reason) leave('Your session was ended. Please sign in again.');
  });
  addEventListener('hashchange', () => refresh({ isNew: true, isLeft: true }), { signal });
  document.addEventListener('visibilitychange', () => document.hidden || refresh(), { signal });
  byId('log-out').addEventListener('click', () => leave(''), { signal });
  endSession = () => {
    endSession = () => {};
    clearInterval(clock);
    ending.abort();
    client.close();
    byId('question').close();
    byId('view').replaceChildren();
    clearToasts();
  };

  light.show(client.state);
  showOnly('desk');
  refresh({ isNew: true, isLeft: true });
}

/** What stands beside the names of views: when it changes, what is in them does. */
function countsOf(reading) {
  return reading === null ? '' : `${reading.orders_stuck} ${reading.alerts_open}`;
}

function showWhere(name) {
  for (const each of byId('views').children) {
    if (each.hash === `#${name}`) {
      each.setAttribute('aria-current', 'page');
      each.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else {
      each.removeAttribute('aria-current');
    }
  }
}

/** How many orders are stuck and alerts open, beside the names of their views. */
function showCounts({ orders_stuck: stuck, alerts_open: alerts }) {
  for (const [id, count, what] of [['stuck-count', stuck, 'stuck'], ['alerts-count', alerts, 'open']]) {
    const badge = byId(id);
    badge.hidden = count === 0;
    setText(badge, `${count >= COUNTED_MAX ? `${COUNTED_MAX}+` : count} ${what}`);
  }
}

/** A view that somebody is about to use, or has opened something in, is not drawn anew under their hands. */
function isInUse(view) {
  const { activeElement } = document;
  return byId('question').open
    || (view.contains(activeElement) && activeElement !== view)
    || view.querySelector('details[open], [data-grown]') !== null;
}

function failure(error, again) {
  const isMissing = error.status === 404;
  return section(isMissing ? 'Not found' : 'This could not be shown', h('p', { role: 'alert' }, error.message),
    h('div', { class: 'row' }, isMissing ? null : button('Try again', again, 'button'), link('#orders', '← Orders')));
}

function leave(why) {
  endSession();
  sessionStorage.removeItem(KEY);
  showOnly('signin');
  byId('signin-message').textContent = why;
}

function showOnly(id) {
  for (const view of ['signin', 'desk']) byId(view).hidden = view !== id;
}

byId('token-form').addEventListener('submit', async (submit) => {
  submit.preventDefault();
  const pasted = byId('token').value.trim();
  byId('signin-message').textContent = '';
  try {
    await new AdminApi(pasted).get('alerts', { limit: 1 }); // any read tells whether it is an operator's
    byId('token').value = '';
    startSession(pasted);
  } catch (error) {
    byId('signin-message').textContent = error.message;
  }
});

byId('demo-operator').addEventListener('click', async () => {
  try {
    startSession((await new AdminApi(null).becomeDemoOperator()).token);
  } catch (error) {
    byId('signin-message').textContent = error.status === 404
      ? 'This is not a demo: sign in with an operator’s token.' : error.message;
  }
});

setUpToasts();

const kept = sessionStorage.getItem(KEY);
if (kept) startSession(kept);
else showOnly('signin');
