/**
 * The way in: a demo user by name and credit, or a token where the service offers no demo.
 */

import { Api } from './api.js';
import { busy, byId, setText } from './dom.js';
import { humanError } from './errors.js';
import { money, t } from './language.js';

/** @param {(session: { token: string, name: string }) => void} onSession */
export function setUpSignIn(onSession) {
  const demo = byId('demo-form');
  const token = byId('token-form');

  const show = (form) => {
    demo.hidden = form !== demo;
    token.hidden = form !== token;
    say('');
    form.querySelector('input, textarea').focus();
  };
  byId('use-token').addEventListener('click', () => show(token));
  byId('use-demo').addEventListener('click', () => show(demo));

  demo.addEventListener('submit', async (submit) => {
    submit.preventDefault();
    const name = byId('demo-name').value.trim();
    say('');
    await busy(byId('demo-start'), async () => {
      try {
        const credit = byId('demo-credit').value.trim().replace(',', '.'); // as some languages write it
        const answer = await new Api(null).createDemoSession(name, credit);
        onSession({ token: answer.token, name });
      } catch (error) {
        if (error.status === 404) {
          byId('use-demo').hidden = true;
          show(token);
          say(t('signin.no_demo'));
        } else {
          say(humanError(error));
        }
      }
    });
  });

  token.addEventListener('submit', async (submit) => {
    submit.preventDefault();
    const pasted = byId('token').value.trim();
    say('');
    await busy(byId('token-start'), async () => {
      try {
        await new Api(pasted).operations({ limit: 1 }); // any read tells whether it is good
        byId('token').value = '';
        onSession({ token: pasted, name: '' });
      } catch (error) {
        say(describeRefusedToken(error));
      }
    });
  });
}

/** The credit as the language writes an amount, without the groups that nobody types. */
export function showCredit() {
  const field = byId('demo-credit');
  field.value = field.value.replace(/[.,]/, money('0.00').at(1));
}

/** @param {{ code: string | null, message?: string }} error @returns {string} Pure. */
export function describeRefusedToken(error) {
  if (error.code === 'TOKEN_INVALID') return t('signin.token_invalid');
  if (error.code === 'TOKEN_EXPIRED') return t('signin.token_expired');
  return humanError(error);
}

/** @param {string} text Why somebody has to sign in, or why it did not work; '' for nothing. */
export function say(text) {
  setText(byId('signin-message'), text);
}
