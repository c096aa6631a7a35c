/**
 * The operators' page: sign in, then one view at a time by the address's hash, refreshed slowly and at every alert.
 *
 * The token is kept in sessionStorage, under a name of its own. Figures come by asking; that something needs a person
 * comes over the realtime client, as events of the operators' own stream. Two readings of one view never cross: the
 * answer of one that was left is thrown away.
 */

import { connect } from '../client/index.js';
import { connectionLight } from '../ui/connection.js';
import { byId } from '../ui/dom.js';
import { showProblem } from '../ui/toast.js';
import { AdminApi } from './api.js';
import { showFigures } from './figures.js';
import { showLog } from './log.js';
import { showOrder, showOrders } from './orders.js';
import { showTrade } from './trade.js';
import { showUser } from './users.js';
import { showWallets } from './wallets.js';

const KEY = 'onesms.operator';
const VIEWS = {
  orders: { show: showOrders, everyMs: 0 },
  order: { show: showOrder, everyMs: 5_000 },
  user: { show: showUser, everyMs: 0 },
  wallets: { show: showWallets, everyMs: 30_000 },
  trade: { show: showTrade, everyMs: 30_000 },
  figures: { show: showFigures, everyMs: 5_000 },
  alerts: { show: showLog, everyMs: 0 },
};

let endSession = () => {};

function startSession(token) {
  sessionStorage.setItem(KEY, token);
  const ending = new AbortController();
  const { signal } = ending;
  const api = new AdminApi(token, signal);
  const light = connectionLight(byId('connection'));
  const client = connect({ token, share: false });
  let timer = 0;
  let reading = 0;

  async function refresh({ isNew = false } = {}) {
    clearTimeout(timer);
    reading += 1;
    const mine = reading;
    const [name, ...rest] = decodeURIComponent(location.hash.slice(1)).split('/');
    const { show, everyMs } = Object.hasOwn(VIEWS, name) ? VIEWS[name] : VIEWS.orders;
    const view = byId('view');
    showWhere(Object.hasOwn(VIEWS, name) && name !== 'order' && name !== 'user' ? name : 'orders');
    view.setAttribute('aria-busy', 'true');
    try {
      const draw = await show(api, view, rest.join('/'), () => refresh({ isNew: true }));
      if (mine !== reading || signal.aborted) return;
      if (isNew || !isInUse(view)) draw();
      if (isNew) view.focus({ preventScroll: false });
    } catch (error) {
      if (mine !== reading || signal.aborted) return;
      if (error.status === 401 || error.code === 'OPERATORS_ONLY') return leave(error.message);
      if (isNew) view.replaceChildren();
      showProblem(error.message);
    } finally {
      if (mine === reading) view.removeAttribute('aria-busy');
    }
    if (everyMs > 0) timer = setTimeout(() => (document.hidden ? undefined : refresh()), everyMs);
  }

  client.on('event', (event) => {
    if (event.type !== 'admin.alert') return;
    showProblem(`Alert: ${event.data.message ?? event.data.problem ?? event.data.alert}`);
    refresh();
  });
  client.on('state', (state) => {
    light.show(state);
    if (state.status === 'closed' && state.reason) leave('Your session was ended. Please sign in again.');
  });
  addEventListener('hashchange', () => refresh({ isNew: true }), { signal });
  document.addEventListener('visibilitychange', () => document.hidden || refresh(), { signal });
  byId('log-out').addEventListener('click', () => leave(''), { signal });
  endSession = () => {
    endSession = () => {};
    clearTimeout(timer);
    ending.abort();
    client.close();
    byId('question').close();
    byId('view').replaceChildren();
    byId('toasts').replaceChildren();
  };

  light.show(client.state);
  showOnly('desk');
  refresh({ isNew: true });
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

/** A view that somebody is about to use is not drawn anew under their hands. */
function isInUse(view) {
  const { activeElement } = document;
  return byId('question').open
    || (view.contains(activeElement) && activeElement !== view)
    || view.querySelector('details[open]') !== null;
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

const kept = sessionStorage.getItem(KEY);
if (kept) startSession(kept);
else showOnly('signin');
