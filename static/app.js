/**
 * The user's page: sign in, then wire the realtime client, the store and the parts of the page together.
 *
 * Everything a session starts hangs on one AbortController, so logging out ends all of it. The address may pin the
 * transport: `?transport=ws`, `sse` or `poll`; a tab with a pinned one shares its connection with no other.
 */

import { TRANSPORTS, connect } from './client/index.js';
import { Api } from './ui/api.js';
import { setUpBuy } from './ui/buy.js';
import { connectionLight } from './ui/connection.js';
import { everySecond } from './ui/countdown.js';
import { byId } from './ui/dom.js';
import { humanError } from './ui/errors.js';
import { setUpHistory } from './ui/history.js';
import { Orders } from './ui/orders.js';
import { setUpRent } from './ui/rent.js';
import { Rentals } from './ui/rentals.js';
import { forgetSession, loadSession, saveSession } from './ui/session.js';
import { say, setUpSignIn } from './ui/signin.js';
import { createStore } from './ui/store.js';
import { showProblem, showSms } from './ui/toast.js';
import { showWallet } from './ui/wallet.js';

const TITLE = document.title;

let endSession = () => {};

function startSession({ token, name }) {
  saveSession({ token, name });
  const ending = new AbortController();
  const { signal } = ending;
  const api = new Api(token, signal);
  const store = createStore(() => showState());
  const orders = new Orders(api, store, signal);
  const rentals = new Rentals(api, store, orders.titles, signal);
  const light = connectionLight(byId('connection'));
  const reloadHistory = setUpHistory(api, store.nowMs, signal);
  const client = connect({ token, ...pinnedTransport() });
  let isCatalogMissing = false;

  function showState() {
    showWallet(store.state);
    orders.show();
    rentals.show();
  }

  client.on('ready', (message) => {
    store.dispatch({ type: 'ready', message, nowMs: Date.now() });
    reloadHistory();
    if (isCatalogMissing) loadCatalog();
  });
  client.on('event', (event) => {
    store.dispatch({ type: 'event', event });
    if (event.type === 'balance.changed') reloadHistory();
    if (event.type === 'sms.received') announceSms(event);
  });
  client.on('state', (state) => {
    light.show(state);
    if (state.status === 'closed' && state.reason) leave(describeEnd(state.reason));
  });

  function announceSms({ cursor, data }) {
    showSms({ ...data, service: orders.serviceTitle(data.service) });
    if (document.hidden) document.title = `● New SMS · ${TITLE}`;
    // The browser paints no hidden tab, so this receipt waits until somebody can see the code.
    requestAnimationFrame(() => client.ack(cursor));
  }

  async function loadCatalog() {
    isCatalogMissing = false;
    try {
      const catalog = await api.services();
      if (signal.aborted) return;
      orders.setCatalog(catalog);
      rentals.setCatalog(catalog);
      showState();
      setUpBuy(api, catalog, showPurchase, signal);
      setUpRent(api, catalog, showRental, signal);
    } catch (error) {
      if (signal.aborted) return;
      isCatalogMissing = true; // tried again when the connection is back
      showProblem(humanError(error));
    }
  }

  function showPurchase(order) {
    if (signal.aborted) return;
    store.dispatch({ type: 'orders', orders: [order] });
    orders.reveal(order.id);
  }

  function showRental(rental) {
    if (signal.aborted) return;
    store.dispatch({ type: 'rentals', rentals: [rental] });
    rentals.reveal(rental.id);
  }

  const stopTicking = everySecond(() => {
    orders.show();
    rentals.show();
    light.tick();
  });
  endSession = () => {
    endSession = () => {};
    ending.abort();
    stopTicking();
    client.close();
    byId('toasts').replaceChildren();
  };

  byId('user-name').textContent = name;
  showView('desk');
  showState();
  light.show(client.state);
  loadCatalog();
}

function leave(why) {
  endSession();
  forgetSession();
  showView('signin');
  say(why);
}

function describeEnd({ code, name }) {
  const message = `Your session was ended by the service (${name || code}). Please sign in again.`;
  return humanError({ code: (name ?? '').toUpperCase(), message });
}

function showView(id) {
  for (const view of ['signin', 'desk']) byId(view).hidden = view !== id;
  document.body.dataset.view = id;
}

function pinnedTransport() {
  const pinned = new URLSearchParams(location.search).get('transport');
  return pinned !== null && Object.hasOwn(TRANSPORTS, pinned) ? { transports: [pinned], share: false } : {};
}

byId('log-out').addEventListener('click', () => leave(''));
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) document.title = TITLE;
});
setUpSignIn(startSession);

const session = loadSession();
if (session) startSession(session);
else showView('signin');
