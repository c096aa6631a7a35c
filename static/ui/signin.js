/**
 * The way in: a demo user by name and credit, or a token where the service offers no demo.
 */

import { Api } from './api.js';
import { byId } from './dom.js';
import { humanError } from './errors.js';

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
    const button = byId('demo-start');
    button.disabled = true;
    say('');
    try {
      const answer = await new Api(null).createDemoSession(name, byId('demo-credit').value.trim());
      onSession({ token: answer.token, name });
    } catch (error) {
      if (error.status === 404) {
        byId('use-demo').hidden = true;
        show(token);
        say('This service runs without demo users. Sign in with the token you were given.');
      } else {
        say(humanError(error));
      }
    } finally {
      button.disabled = false;
    }
  });

  token.addEventListener('submit', (submit) => {
    submit.preventDefault();
    onSession({ token: byId('token').value.trim(), name: '' });
    byId('token').value = '';
  });
}

/** @param {string} text Why somebody has to sign in, or why it did not work; '' for nothing. */
export function say(text) {
  byId('signin-message').textContent = text;
}
