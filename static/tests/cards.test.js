import { amountOf, isInRange, priceOf } from '../ui/card_price.js';
import { setLanguage } from '../ui/language.js';
import { cardStatus, describeFunding, isFunding } from '../ui/virtual_card.js';
import { equal, test } from './harness.js';

setLanguage('en');

const OFFER = {
  on_sale: true, creation_fee: '2.00', usd_price: '1.100000', funding_fee_percent: '2.00', usd_min: '1.00', usd_max: '1000.00',
};
const FUNDING = { id: '1', kind: 'funding', usd: '20.00', price: '22.44', status: 'pending', error_code: null };

test('cards: an amount as people type it, and nothing else', () => {
  equal(['20', ' 20,5 ', '0020.50', '20.505', '-1', '1e3', ''].map(amountOf), ['20.00', '20.50', '20.50', null, null, null, null]);
  equal(['0.99', '1.00', '1000.00', '1000.01'].map((usd) => isInRange(OFFER, usd)), [false, true, true, false]);
});

test('cards: the price is the service\'s, to the cent, however large', () => {
  equal([priceOf(OFFER, '20.00', false), priceOf(OFFER, '20.00', true)], ['22.44', '24.44']);
  equal(priceOf({ ...OFFER, usd_price: '1.333333', funding_fee_percent: '0.00' }, '1.50', false), '2.00');
  equal(priceOf({ ...OFFER, usd_price: '0.012345', funding_fee_percent: '1.50' }, '1.00', false), '0.01');
  equal(priceOf({ ...OFFER, usd_price: '650.250000', funding_fee_percent: '2.50' }, '1000000.01', false), '666506256.67');
});

test('cards: what is asked for is shown until it is done', () => {
  equal(cardStatus({ status: 'active', wanted_action: null }), 'Active');
  equal(cardStatus({ status: 'active', wanted_action: 'block' }), 'Blocking');
  equal(cardStatus({ status: 'pending_activation', wanted_action: null }), 'Being made');
});

test('cards: what became of the newest dollars', () => {
  const describe = (change, status = 'active') => describeFunding({ status, funding: { ...FUNDING, ...change } });
  equal(describeFunding({ status: 'active', funding: null }), '');
  equal(describe({}), 'Adding 20.00 USD for 22.44 …');
  equal(describe({ kind: 'creation', status: 'ordering' }), 'Being made, with 20.00 USD for 22.44 …');
  equal(describe({ status: 'completed' }), '20.00 USD were added for 22.44.');
  equal(describe({ kind: 'creation', status: 'completed' }), '');
  equal(describe({ status: 'failed' }), 'No money was added, and nothing was charged for it.');
  equal(describe({ kind: 'creation', status: 'failed' }, 'failed'), ''); // its card's error says it
  equal([FUNDING, null].map((funding) => isFunding({ funding })), [true, false]);
});
