import { ApiError } from '../ui/api.js';
import { Attempt } from '../ui/attempt.js';
import { describeOffer } from '../ui/buy.js';
import { describeConnection } from '../ui/connection.js';
import { countdown } from '../ui/countdown.js';
import { humanError, rentalError } from '../ui/errors.js';
import { periodOf, queryOf } from '../ui/filters.js';
import { clock, longClock, phoneGroups } from '../ui/format.js';
import { describeHours, times } from '../ui/hours.js';
import { chooseLanguage, money, percent, setLanguage, t } from '../ui/language.js';
import { findOffers, obstacleOf } from '../ui/offers.js';
import { describeAnother, describeChain } from '../ui/order_card.js';
import { CANCEL_MS, cancelLeftMs, describeExtension, isExtending } from '../ui/rental_card.js';
import { describeRefusedToken } from '../ui/signin.js';
import { EN } from '../ui/texts_en.js';
import { FR } from '../ui/texts_fr.js';
import { Titles, titleOf } from '../ui/titles.js';
import { signedAmount } from '../ui/wallet.js';
import { equal, ok, test } from './harness.js';

setLanguage('en');

/** Runs a body in French. */
function inFrench(body) {
  setLanguage('fr');
  try {
    body();
  } finally {
    setLanguage('en');
  }
}

test('language: what was chosen, else the first of the reader\'s that is known, in the reader\'s own form', () => {
  const code = (...list) => chooseLanguage(...list).code;
  equal([code('fr', ['en-US']), code(null, ['fr-CA', 'en']), code(null, ['de', 'en']), code(null, ['de'])], ['fr', 'fr', 'en', 'en']);
  equal([code('xx', ['fr']), code('constructor', [])], ['fr', 'en']);
  equal(chooseLanguage('en', ['fr', 'en-GB']).locale, 'en-GB');
  equal(chooseLanguage('fr', ['en-US']).locale, 'fr');
});

test('language: both tables have the same keys, the same places in each text, and every plural form', () => {
  equal(Object.keys(FR).sort(), Object.keys(EN).sort());
  const placesOf = (text) => [...JSON.stringify(text).matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
  for (const key of Object.keys(EN)) {
    ok(typeof EN[key] === typeof FR[key], `${key} to be of one kind`);
    const forms = typeof EN[key] === 'object' ? ['one', 'other'] : [null];
    for (const form of forms) {
      const [en, fr] = form === null ? [EN[key], FR[key]] : [EN[key][form], FR[key][form]];
      ok(en && fr, `${key} ${form} in both`);
      equal([key, placesOf(en)], [key, placesOf(fr)]);
    }
  }
});

test('language: plurals, money and shares as its readers write them', () => {
  equal([t('hours.days', { count: 0 }), t('hours.days', { count: 1 })], ['0 days', '1 day']);
  equal([money('1234567.5'), percent(0.961)], ['1,234,567.50', '96%']);
  equal(money('9007199254740993.01').replaceAll(',', ''), '9007199254740993.01');
  inFrench(() => {
    equal([t('hours.days', { count: 0 }), t('hours.days', { count: 2 })], ['0 jour', '2 jours']);
    equal([money('1234.50'), percent(0.961)].map((text) => text.replaceAll(/\s/g, '_')), ['1_234,50', '96_%']);
  });
});

test('language: a text that does not exist is a fault', () => {
  let fault = null;
  try {
    t('no.such.text');
  } catch (error) {
    fault = error;
  }
  ok(fault instanceof RangeError, 'a RangeError');
});

test('titles: known ones in the reader\'s language, others as the service calls them', () => {
  const titles = new Titles();
  titles.set({ services: [{ service: 'other', title: 'Anything' }], countries: [{ country: 'germany', title: 'Germany' }] });
  equal([titles.country('germany'), titles.service('other'), titles.country('new_land')], ['Germany', 'Anything', 'New land']);
  inFrench(() => equal([titles.country('germany'), titles.service('other')], ['Allemagne', 'Anything']));
});

const OFFERS = [
  { service: 'whatsapp', country: 'brazil', price: '10.00', stock: 0, success: null },
  { service: 'telegram', country: 'germany', price: '9.50', stock: null, success: 0.4 },
  { service: 'telegram', country: 'brazil', price: '11.00', stock: 7, success: 0.9 },
];

/** Names of what is found, by words, order and whether it has to be in stock. */
function found(words, by = 'service', stockedOnly = false) {
  const titles = new Titles();
  titles.set({ countries: [{ country: 'brazil', title: 'Brazil' }] });
  const offers = findOffers(OFFERS, { words, by, stockedOnly }, titles, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return offers.map(({ service, country }) => `${service} ${country}`);
}

test('offers: every word is found somewhere in the names, in any language and without accents', () => {
  equal(found('tele  BRA'), ['telegram brazil']);
  equal(found(''), ['telegram brazil', 'telegram germany', 'whatsapp brazil']);
  equal(found('nothing'), []);
  inFrench(() => equal(found('bresil whats'), ['whatsapp brazil']));
});

test('offers: in order of numbers, not of letters; what is unknown comes last', () => {
  equal(found('', 'price'), ['telegram germany', 'whatsapp brazil', 'telegram brazil']);
  equal(found('', 'success'), ['telegram brazil', 'telegram germany', 'whatsapp brazil']);
  equal(found('', 'stock'), ['telegram brazil', 'whatsapp brazil', 'telegram germany']);
  equal(found('', 'price', true), ['telegram brazil']);
});

test('filters: days are the reader\'s, the last one whole; what is empty is not sent', () => {
  equal(periodOf('', ''), {});
  const { from, to } = periodOf('2026-03-01', '2026-03-01');
  equal([Date.parse(from), Date.parse(to)], [new Date(2026, 2, 1).getTime(), new Date(2026, 2, 2).getTime()]);
  equal(queryOf({ limit: 20, before: null, status: ['a', 'b'], service: '' }), 'limit=20&status=a&status=b');
});

test('format: a phone number is grouped after its country\'s code, and nothing of it lost', () => {
  equal(phoneGroups('6281234567890'), ['+62', '812', '3456', '7890']);
  equal(phoneGroups('491607118756'), ['+49', '160', '711', '8756']);
  equal(phoneGroups('79161234567'), ['+7', '916', '123', '4567']);
  equal(phoneGroups('380501234567'), ['+380', '501', '234', '567']);
  for (const phone of ['1', '44', '21', '999', '49160', '1234', '12345', '447700900123', '6281234567890']) {
    equal(phoneGroups(phone).join(''), `+${phone}`);
  }
});

test('format: remaining time counts begun seconds and never goes below zero', () => {
  equal([1_200_000, 59_001, 1, 0, -5_000, 3_723_000].map(clock), ['20:00', '1:00', '0:01', '0:00', '0:00', '1:02:03']);
});

test('format: names the catalog does not know are still readable', () => {
  equal(titleOf('united_kingdom'), 'United kingdom');
});

test('format: long times are told in days and hours', () => {
  equal([3_600_000, 86_400_000, 180_000_000, 86_399_000].map(longClock), ['1:00:00', '1 d 0 h', '2 d 2 h', '23:59:59']);
});

test('buying: what is known of an offer, and nothing of what is not', () => {
  const described = OFFERS.map(describeOffer);
  equal(described, ['0 in stock', '40% success', '7 in stock · 90% success']);
  equal(describeOffer({ stock: null, success: null }), '');
});

test('buying: what is sold out, withdrawn or too dear is not to be had, and what is not known is no reason', () => {
  const [soldOut, unknown, stocked] = OFFERS;
  const of = (offer, available) => obstacleOf(offer, available);
  equal([of(soldOut, '99.00'), of(undefined, '99.00')], ['buy.sold_out', 'buy.off']);
  equal([of(unknown, null), of(unknown, '9.50'), of(unknown, '9.49')], ['', '', 'buy.no_funds']);
  equal([of(stocked, '100.00'), of(stocked, '9.00')], ['', 'buy.no_funds']); // as numbers, not letters
});

test('wallet: what is taken and what comes have their sign, corrections their own', () => {
  const taken = ['freeze', 'commit'].map((type) => signedAmount(type, '5.00'));
  const come = ['refund', 'deposit'].map((type) => signedAmount(type, '5.00'));
  equal([...taken, ...come], ['−5.00', '−5.00', '+5.00', '+5.00']);
  equal([signedAmount('adjust', '-1234.50'), signedAmount('correct', '0.10')], ['−1,234.50', '+0.10']);
});

test('rentals: hours in words, and their price to the cent', () => {
  equal([2, 24, 72, 168, 336, 1344].map(describeHours), ['2 hours', '1 day', '3 days', '7 days', '2 weeks', '8 weeks']);
  equal([times('0.25', 1344), times('1.50', 2), times('0.01', 4)], ['336.00', '3.00', '0.04']);
  equal(times('9999999999.99', 1344), '13439999999986.56');
});

test('rentals: can be cancelled for 20 minutes, and not when they have ended', () => {
  const rental = { status: 'active', created_at: '2026-01-01T10:00:00Z' };
  const startMs = Date.parse(rental.created_at);
  equal([0, 1_000, CANCEL_MS].map((ms) => cancelLeftMs(rental, startMs + ms)), [CANCEL_MS, CANCEL_MS - 1_000, 0]);
  equal(cancelLeftMs({ ...rental, status: 'cancelled' }, startMs), 0);
});

test('rentals: what became of an extension', () => {
  const extension = { hours: 24, price: '6.00', status: 'requested', error_code: null };
  equal(describeExtension({ extension: null }), '');
  equal(describeExtension({ extension }), 'Extending by 1 day for 6.00 …');
  const decided = { ...extension, status: 'extended' };
  equal([null, extension, decided].map((each) => isExtending({ status: 'active', extension: each })), [false, true, false]);
  ok(!isExtending({ status: 'expired', extension }), 'nothing is waited for once it has ended');
  const refused = { ...extension, status: 'refused', error_code: 'EXTENSION_REFUSED' };
  ok(describeExtension({ extension: refused }).startsWith('Not extended, and nothing was charged'), 'it says so');
});

test('attempt: one key for a press without an answer, a new one after an answer', () => {
  const attempt = new Attempt();
  const key = attempt.keyFor({ service: 'x' });
  attempt.settle({ isTransient: true });
  equal(attempt.keyFor({ service: 'x' }), key);
  ok(attempt.keyFor({ service: 'y' }) !== key, 'another key for another choice');
  const second = attempt.keyFor({ service: 'x' });
  attempt.settle({ isTransient: false });
  ok(attempt.keyFor({ service: 'x' }) !== second, 'another key after an answer');
});

test('attempt: while an earlier try is at work the outcome is unknown, so the key stays', () => {
  const attempt = new Attempt();
  const key = attempt.keyFor({ service: 'x' });
  attempt.settle(new ApiError({ status: 409, code: 'KEY_IN_USE' }));
  equal(attempt.keyFor({ service: 'x' }), key);
  attempt.settle(new ApiError({ status: 409, code: 'NO_NUMBERS' }));
  ok(attempt.keyFor({ service: 'x' }) !== key, 'another key after a refusal');
});

test('countdown: falls from the whole to nothing', () => {
  const at = (iso) => countdown('2026-01-01T10:00:00Z', '2026-01-01T10:20:00Z', Date.parse(iso));
  equal(at('2026-01-01T10:00:00Z'), { remainingMs: 1_200_000, share: 1, isShort: false });
  equal(at('2026-01-01T10:19:30Z'), { remainingMs: 30_000, share: 0.025, isShort: true });
  equal(at('2026-01-01T11:00:00Z'), { remainingMs: 0, share: 0, isShort: true });
});

test('errors: a known code speaks to people, an unknown one lets the service speak', () => {
  const early = humanError({ code: 'EARLY_CANCEL_DENIED', data: { retry_after_s: 95 } });
  equal(early, 'Too early to cancel. Possible in 1:35.');
  equal(humanError({ code: 'SOMETHING_NEW', message: 'A new thing.' }), 'A new thing.');
  equal(humanError({ code: 'toString' }), 'The service refused: toString.');
  inFrench(() => ok(humanError({ code: 'NO_NUMBERS', message: 'none' }).startsWith('Pas de numéros'), 'French by the code'));
});

test('errors: a rental refused for its price says whose price, a number for one SMS its own', () => {
  const refusal = { code: 'PRICE_TOO_LOW' };
  ok(rentalError(refusal).startsWith('The price offered does not cover rentals'), 'the price of rentals');
  equal(humanError(refusal), 'No number could be had for this price. Nothing was charged; try another country.');
  equal(rentalError({ code: 'NO_NUMBERS' }), humanError({ code: 'NO_NUMBERS' }));
  const failed = (kind) => ({ code: 'ORDER_FAILED', data: { [kind]: { error_code: 'PRICE_TOO_LOW' } } });
  equal(rentalError(failed('rental')), rentalError(refusal)); // the refused request names the order's own reason
  equal(humanError(failed('activation')), humanError(refusal));
  const unknown = { code: 'ORDER_FAILED', data: { rental: { error_code: 'SOMETHING_NEW' } } };
  equal(rentalError(unknown), humanError({ code: 'ORDER_FAILED' }));
});

test('sign-in: a token that was pasted wrong is not called a session that has ended', () => {
  equal(describeRefusedToken({ code: 'TOKEN_INVALID' }), 'This token is not valid here. Check that you have pasted all of it.');
  equal(describeRefusedToken({ code: 'NO_ANSWER' }), humanError({ code: 'NO_ANSWER' }));
});

test('connection light: says which transport is live and what is being waited for', () => {
  const live = { transport: 'sse', status: 'live', retry_in_ms: null, reason: null };
  const at = (state) => describeConnection({ ...live, ...state });
  equal(at({}), 'live · SSE');
  equal(at({ role: 'leader' }), 'live · SSE');
  equal(at({ role: 'follower' }), 'live · SSE of another tab');
  equal(at({ status: 'waiting', retry_in_ms: 3_200 }), 'reconnecting in 4 s');
  const offline = { status: 'waiting', retry_in_ms: 30_000, reason: { name: 'offline' } };
  equal(at(offline), 'offline · waiting for the network');
});

test('orders: how far one more SMS is', () => {
  const told = ['requested', 'waiting', null, undefined].map((another) => describeAnother({ another_sms: another }));
  equal(told, ['asking for another SMS', 'waiting for another SMS', '', '']);
});

test('orders: what followed one is told before what it follows, and why nothing did', () => {
  const alone = { retry_of: null, retried_by: null, retry_refused: null };
  equal(describeChain(alone), { text: '' });
  equal(describeChain({}), { text: '' }); // an event from before there were retries
  equal(describeChain({ ...alone, retry_of: 'a' }), { text: 'Another try of', id: 'a' });
  equal(describeChain({ ...alone, retry_of: 'a', retried_by: 'c' }), { text: 'Tried again as', id: 'c' });
  equal(describeChain({ ...alone, retry_of: 'a', retry_refused: 'INSUFFICIENT_FUNDS' }).text, 'Not tried again: not enough available.');
  equal(describeChain({ ...alone, retry_refused: 'CANCEL_REQUESTED' }), { text: '' }); // its user knows
});
