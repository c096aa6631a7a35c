import { Tokens, subjectOf } from '../client/tokens.js';
import { equal, ok, test } from './harness.js';

test('tokens: those who ask while a question is under way share its answer', async () => {
  let asked = 0;
  const tokens = new Tokens({ token: 'old', getToken: async () => `new ${(asked += 1)}` });
  equal(await Promise.all([tokens.renew('expiring'), tokens.renew('refused')]), ['new 1', 'new 1']);
  equal([await tokens.renew('refused'), tokens.current], ['new 2', 'new 2']);
});

test('tokens: a failure leaves the old one, nothing means signed out', async () => {
  const answers = [() => { throw new Error('no network'); }, () => undefined];
  const tokens = new Tokens({ token: 'old', getToken: () => answers.shift()() });
  equal([await tokens.renew('expiring').catch(({ message }) => message), tokens.current], ['no network', 'old']);
  equal([await tokens.renew('expiring'), tokens.current], [null, null]);
});

test('tokens: neither a token nor a way to get one is refused at once', () => {
  let error = null;
  try {
    new Tokens({});
  } catch (caught) {
    error = caught;
  }
  ok(error instanceof TypeError, 'a TypeError');
});

test('tokens: the user is read from a JWT, and from nothing else', () => {
  const encode = (claims) => btoa(JSON.stringify(claims)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  equal(subjectOf(`e30.${encode({ sub: '0a1b', name: '>>>???' })}.x`), '0a1b');
  equal(['', 'opaque', `e30.${encode({ sub: 7 })}.x`, 'a.%.c'].map(subjectOf), [null, null, null, null]);
});
