/**
 * The one way to do something that cannot be undone: a dialog says what will happen, asks for the reason where one is
 * kept, and stays open with the refusal if it was refused. What was begun is sent once: the button rests until there is an answer.
 */

import { byId, h } from '../ui/dom.js';

/**
 * @param {{ title: string, text: string, yes: string, fields?: { name: string, label: string, pattern?: string,
 *   value?: string, title?: string }[], wantsReason?: boolean, act: (reason: string, values: Record<string, string>) => Promise<unknown> }} question
 * @returns {Promise<boolean>} Whether it was done.
 */
export function ask({ title, text, yes, fields = [], wantsReason = true, act }) {
  const dialog = byId('question');
  const form = byId('question-form');
  const accept = byId('question-yes');
  const reason = byId('question-reason');
  const message = byId('question-message');
  const inputs = fields.map(({ label, ...rest }) => {
    const input = h('input', { required: true, autocomplete: 'off', ...rest });
    return { input, row: h('label', {}, label, input) };
  });
  byId('question-title').textContent = title;
  byId('question-text').textContent = text;
  byId('question-fields').replaceChildren(...inputs.map(({ row }) => row));
  accept.textContent = yes;
  accept.disabled = false;
  reason.value = '';
  reason.required = wantsReason;
  reason.parentElement.hidden = !wantsReason;
  message.textContent = '';

  return new Promise((resolve) => {
    let isDone = false;
    const ending = new AbortController();
    const { signal } = ending;
    form.addEventListener('submit', async (submit) => {
      submit.preventDefault();
      accept.disabled = true;
      message.textContent = '';
      try {
        const values = Object.fromEntries(inputs.map(({ input }) => [input.name, input.value.trim()]));
        await act(reason.value.trim(), values);
        isDone = true;
        dialog.close();
      } catch (error) {
        message.textContent = error.message;
      } finally {
        accept.disabled = false;
      }
    }, { signal });
    byId('question-no').addEventListener('click', () => dialog.close(), { signal });
    dialog.addEventListener('close', () => {
      ending.abort();
      resolve(isDone);
    }, { signal });
    dialog.showModal();
    (inputs[0]?.input ?? (wantsReason ? reason : byId('question-no'))).focus();
  });
}
