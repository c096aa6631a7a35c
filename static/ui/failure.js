/**
 * Where something should be that could not be loaded: why, and a way to try again.
 */

import { h } from './dom.js';
import { humanError } from './errors.js';
import { t } from './language.js';

/** @param {HTMLElement} message @param {import('./api.js').ApiError} error @param {() => void} again */
export function showFailure(message, error, again) {
  const why = error.code === 'NO_ANSWER' ? t('page.not_loaded') : humanError(error);
  message.replaceChildren(why, ' ', h('button', { type: 'button', class: 'link', onclick: again }, t('page.try_again')));
}
