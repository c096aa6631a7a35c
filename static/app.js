/**
 * The user's page: sign in, then wire the realtime client, the store and the parts of the page together.
 *
 * Everything a session starts hangs on one AbortController, so logging out ends all of it. The address may pin the
 * transport: `?transport=ws`, `sse` or `poll`; a tab with a pinned one shares its connection with no other.
 */

import { TRANSPORTS, connect } from './client/index.js';
import { announce } from './ui/announcer.js';
import { Api } from './ui/api.js';
import { setUpBuy } from './ui/buy.js';
import { setUpCatalogue } from './ui/catalogue.js';
import { setUpCards } from './ui/cards.js';
import { connectionLight } from './ui/connection.js';
import { everySecond } from './ui/countdown.js';
import { byId, h, setText } from './ui/dom.js';
import { humanError } from './ui/errors.js';
import { showFailure } from './ui/failure.js';
import { LANGUAGES, has, language, setLanguage, t, translate } from './ui/language.js';
import { setUpOperations } from './ui/operations.js';
import { Orders } from './ui/orders.js';
import { setUpPast } from './ui/past.js';
import { buyer } from './ui/purchase.js';
import { setUpRent } from './ui/rent.js';
import { Rentals } from './ui/rentals.js';
import { forgetSession, loadSession, saveSession } from './ui/session.js';
import { say, setUpSignIn, showCredit } from './ui/signin.js';
import { Stall } from './ui/stall.js';
import { createStore } from './ui/store.js';
import { Titles } from './ui/titles.js';
import { showSms } from './ui/toast.js';
import { clearToasts, setUpToasts } from './ui/toasts.js';
import { setUpViews, showPane } from './ui/views.js';
import { showWallet } from './ui/wallet.js';

const TITLE = document.title;

let endSession = () => {};
/** What has to be shown anew in another language, while somebody is signed in. */
let showAnew = () => {};

function startSession({ token, name }) {
  saveSession({ token, name });
  const ending = new AbortController();
  const { signal } = ending;
  const api = new Api(token, signal);
  const titles = new Titles();
  const stall = new Stall(api, titles, signal);
  const store = createStore(() => showState());
  const orders = new Orders(api, store, titles, signal);
  const rentals = new Rentals(api, store, stall, titles, signal);
  const available = () => store.state.wallet?.available ?? null;
  const buy = buyer(api, stall, titles, showPurchase, signal);
  const buyForm = setUpBuy(stall, titles, buy, available, signal);
  const rentForm = setUpRent(api, stall, titles, showRental, available, signal);
  const catalogue = setUpCatalogue(stall, titles, buy, available, signal);
  const past = setUpPast(api, stall, titles, store.nowMs, signal);
  const operations = setUpOperations(api, signal);
  const cards = setUpCards(api, store.nowMs, signal);
  const light = connectionLight(byId('connection'));
  const client = connect({ token, ...pinnedTransport() });
  let isStallMissing = false;
  let shownAvailable = null;

  function showState() {
    showWallet(store.state);
    orders.show();
    rentals.show();
    if (available() === shownAvailable) return;
    shownAvailable = available();
    for (const each of [buyForm, rentForm, catalogue]) each.show();
  }

  client.on('ready', (message) => {
    store.dispatch({ type: 'ready', message, nowMs: Date.now() });
    operations.reload();
    if (isStallMissing) loadStall();
  });
  client.on('event', (event) => {
    store.dispatch({ type: 'event', event });
    if (event.type === 'balance.changed') operations.reload();
    if (event.type === 'sms.received') tellSms(event);
    if (event.type.startsWith('card.')) cards.take(event);
  });
  client.on('state', (state) => {
    light.show(state);
    if (state.status === 'closed' && state.reason) leave(describeEnd(state.reason));
  });

  function tellSms({ cursor, data }) {
    const card = document.querySelector(`.live-orders [data-id="${data.rental_id ?? data.activation_id}"]`);
    showSms({ ...data, service: titles.service(data.service) }, card);
    if (document.hidden) document.title = t('page.new_sms', { title: TITLE });
    // The browser paints no hidden tab, so this receipt waits until somebody can see the code.
    requestAnimationFrame(() => client.ack(cursor));
  }

  async function loadStall() {
    isStallMissing = false;
    const messages = ['buy-message', 'offer-message'].map(byId);
    for (const message of messages) setText(message, '');
    try {
      await stall.load();
      if (!signal.aborted) rebuild();
    } catch (error) {
      if (signal.aborted) return;
      isStallMissing = true; // tried again when the connection is back, too
      catalogue.show();
      for (const message of messages) showFailure(message, error, loadStall);
    }
  }

  /** Titles or language have changed. */
  function rebuild() {
    orders.rebuild();
    rentals.rebuild();
    showState();
    buyForm.rebuild();
    rentForm.rebuild();
    catalogue.rebuild();
    past.rebuild();
    operations.rebuild();
    cards.rebuild();
    light.tick();
  }

  function showPurchase(order) {
    if (signal.aborted) return;
    store.dispatch({ type: 'orders', orders: [order] });
    announceOrder(order);
    const isElsewhere = document.body.dataset.pane !== 'numbers';
    showPane('numbers');
    orders.reveal(order.id, isElsewhere);
  }

  function showRental(rental) {
    if (signal.aborted) return;
    store.dispatch({ type: 'rentals', rentals: [rental] });
    announceOrder(rental);
    showPane('numbers');
    rentals.reveal(rental.id);
  }

  function announceOrder({ service, country }) {
    announce(t('announce.bought', { service: titles.service(service), country: titles.country(country) }));
  }

  function showPaneOf(view) {
    if (view === 'catalogue') stall.reload();
    if (view === 'orders') past.open();
    if (view === 'wallet') operations.open();
    if (view === 'cards') cards.open();
  }

  const stopTicking = everySecond(() => {
    orders.show();
    rentals.show();
    light.tick();
    if (document.body.dataset.pane === 'catalogue') stall.keepFresh();
  });
  endSession = () => {
    endSession = () => {};
    showAnew = () => {};
    ending.abort();
    stopTicking();
    client.close();
    clearToasts();
  };
  showAnew = rebuild;

  stall.onChange(() => {
    buyForm.rebuild();
    rentForm.rebuild();
    catalogue.show();
  });
  byId('user-name').textContent = name;
  showSide('desk');
  showState();
  setUpViews(showPaneOf, signal);
  light.show(client.state);
  loadStall();
  cards.start();
}

function leave(why) {
  endSession();
  forgetSession();
  showSide('signin');
  say(why);
}

function describeEnd({ code, name }) {
  const known = (name ?? '').toUpperCase();
  return has(`error.${known}`) ? humanError({ code: known }) : t('signin.ended', { reason: name || code });
}

/** The two sides of signing in. */
function showSide(id) {
  for (const side of ['signin', 'desk']) byId(side).hidden = side !== id;
  document.body.dataset.side = id;
}

function pinnedTransport() {
  const pinned = new URLSearchParams(location.search).get('transport');
  return pinned !== null && Object.hasOwn(TRANSPORTS, pinned) ? { transports: [pinned], share: false } : {};
}

function setUpLanguage() {
  const select = byId('language');
  select.replaceChildren(...Object.entries(LANGUAGES).map(([code, name]) => h('option', { value: code, lang: code }, name)));
  const show = () => {
    select.value = language();
    document.documentElement.lang = language();
    translate(document);
    showCredit();
    showAnew();
  };
  select.addEventListener('change', () => {
    setLanguage(select.value);
    for (const message of document.querySelectorAll('.message')) message.textContent = ''; // in the former language
    show();
  });
  show();
}

byId('log-out').addEventListener('click', () => leave(''));
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) document.title = TITLE;
});
setUpLanguage();
setUpToasts();
setUpSignIn(startSession);

const session = loadSession();
if (session) startSession(session);
else showSide('signin');
