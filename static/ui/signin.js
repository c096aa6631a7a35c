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

  token.addEventListener('submit', async (submit) => {
    submit.preventDefault();
    const pasted = byId('token').value.trim();
    const button = byId('token-start');
    button.disabled = true;
    say('');
    try {
      await new Api(pasted).operations(); // any read tells whether it is good
      byId('token').value = '';
      onSession({ token: pasted, name: '' });
    } catch (error) {
      say(describeRefusedToken(error));
    } finally {
      button.disabled = false;
    }
  });
}

/** @param {{ code: string | null, message?: string }} error @returns {string} Pure. */
export function describeRefusedToken(error) {
  if (error.code === 'TOKEN_INVALID') return 'This token is not valid here. Check that you have pasted all of it.';
  if (error.code === 'TOKEN_EXPIRED') return 'This token has expired. Get a new one.';
  return humanError(error);
}

/** @param {string} text Why somebody has to sign in, or why it did not work; '' for nothing. */
export function say(text) {
  byId('signin-message').textContent = text;
}
