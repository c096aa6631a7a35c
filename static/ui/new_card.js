/**
 * A new card: who somebody is, asked once for the provider, and then the name on the card and its first dollars.
 *
 * What is told of oneself is sent and forgotten: the forms are emptied, and nothing is kept in this browser.
 */

import { Attempt } from './attempt.js';
import { amountOf, isInRange, priceOf } from './card_price.js';
import { bringIntoView, busy, byId, setText } from './dom.js';
import { humanError } from './errors.js';
import { pictureOf } from './images.js';
import { money, t } from './language.js';

const IMAGES = ['id_image', 'user_photo'];
const SEPARATORS = /[ .-]/g; // as people group the digits of a phone number

/**
 * @param {import('./api.js').Api} api
 * @param {() => import('./card_price.js').CardOffer} offer
 * @param {(card: object) => void} onCard
 * @param {AbortSignal} signal Ends it.
 * @returns {{ open: () => Promise<void>, close: () => void, show: () => void }}
 */
export function setUpNewCard(api, offer, onCard, signal) {
  const [panel, customerForm, cardForm, message] = ['new-card-panel', 'customer-form', 'card-form', 'new-card-message'].map(byId);
  const cardAttempt = new Attempt();
  let customerAttempt = new Attempt();

  function show() {
    if (!offer().on_sale) return;
    const usd = amountOf(byId('card-usd').value);
    const { usd_min: min, usd_max: max, creation_fee: fee } = offer();
    const isSold = usd !== null && isInRange(offer(), usd);
    setText(byId('card-price'), isSold ? money(priceOf(offer(), usd, true)) : '–');
    setText(byId('card-range'), t('cards.new_range', { min: money(min), max: money(max), fee: money(fee) }));
  }

  /** Where it is seen: the form is longer than a phone's screen, and its button is at the other end. */
  function tell(words) {
    setText(message, words);
    if (words !== '') bringIntoView(message);
  }

  /** The form that comes next: whether the provider knows the user, the service says. */
  async function open() {
    panel.hidden = false;
    setText(message, '');
    customerForm.hidden = cardForm.hidden = true;
    try {
      showStep((await api.customer()).status);
    } catch (error) {
      if (signal.aborted) return;
      if (error.code === 'CUSTOMER_NOT_REGISTERED') showStep(null);
      else setText(message, humanError(error));
    }
  }

  function showStep(status) {
    if (signal.aborted) return;
    customerForm.hidden = status === 'registered' || status === 'submitting';
    cardForm.hidden = status !== 'registered';
    setText(message, status === 'submitting' ? t('cards.being_checked') : status === 'failed' ? t('error.CUSTOMER_REFUSED') : '');
    show();
    panel.querySelector('form:not([hidden]) input')?.focus();
  }

  function close() {
    panel.hidden = true;
    for (const form of [customerForm, cardForm]) form.reset();
    setText(message, '');
  }

  async function sendCustomer() {
    const customer = Object.fromEntries(new FormData(customerForm));
    customer.phone = customer.phone.replace(SEPARATORS, '');
    try {
      for (const name of IMAGES) customer[name] = await pictureOf(customer[name]);
    } catch {
      tell(t('error.INVALID_IMAGE'));
      return;
    }
    try {
      const { status } = await api.createCustomer(customer, customerAttempt.keyFor(customer));
      customerAttempt = new Attempt(); // it knows what was sent
      customerForm.reset();
      showStep(status);
    } catch (error) {
      customerAttempt.settle(error);
      if (!signal.aborted) tell(humanError(error));
    }
  }

  async function sendCard() {
    const usd = amountOf(byId('card-usd').value);
    if (usd === null || !isInRange(offer(), usd)) {
      tell(t('cards.range', { min: money(offer().usd_min), max: money(offer().usd_max) }));
      byId('card-usd').focus();
      return;
    }
    const wanted = { name_on_card: byId('card-name').value.trim(), usd };
    try {
      const card = await api.createCard(wanted, cardAttempt.keyFor(wanted));
      cardAttempt.settle(null);
      if (signal.aborted) return;
      close();
      onCard(card);
    } catch (error) {
      cardAttempt.settle(error);
      if (signal.aborted) return;
      tell(humanError(error));
      if (error.data?.card) onCard(error.data.card);
    }
  }

  for (const [form, button, send] of [[customerForm, 'send-customer', sendCustomer], [cardForm, 'send-card', sendCard]]) {
    form.addEventListener('submit', (submit) => {
      submit.preventDefault();
      setText(message, '');
      busy(byId(button), send);
    }, { signal });
  }
  byId('card-usd').addEventListener('input', show, { signal });
  byId('close-new-card').addEventListener('click', () => {
    close();
    byId('new-card').focus();
  }, { signal });
  close();
  return { open, close, show };
}
