/**
 * A button that copies.
 *
 * The clipboard API exists only on HTTPS and localhost; on a plain-HTTP address the old command is used.
 */

import { announce } from './announcer.js';
import { h, setText } from './dom.js';
import { t } from './language.js';

const CONFIRM_MS = 1_600;

/** @param {() => string} text Read at the click. @param {string} [name] What a screen reader calls it. */
export function copyButton(className, label, text, name = '') {
  const button = h('button', { type: 'button', class: className }, label);
  if (name !== '') button.setAttribute('aria-label', name);
  let timer = 0;
  button.addEventListener('click', async () => {
    const outcome = (await copy(text())) ? t('copy.done') : t('copy.failed');
    setText(button, outcome);
    announce(outcome);
    clearTimeout(timer);
    timer = setTimeout(() => setText(button, label), CONFIRM_MS);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text) {
  const area = h('textarea', { value: text, class: 'visually-hidden', readOnly: true });
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  focused?.focus();
  return isCopied;
}
