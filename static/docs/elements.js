/** What the document writes in its texts, as elements: text is always text. */

import { h } from '../ui/dom.js';

export function code(text) {
  return h('code', {}, text);
}

/** Paragraphs and lists as the document writes them: a blank line between, `- ` before an item, `code` in backticks. */
export function prose(text) {
  const blocks = text.split(/\n{2,}/).filter(Boolean).map((block) => {
    if (!block.startsWith('- ')) return h('p', {}, ...inline(block));
    const items = block.split(/\n(?=- )/).map((item) => h('li', {}, ...inline(item.slice(2))));
    return h('ul', {}, ...items);
  });
  return h('div', { class: 'prose' }, ...blocks);
}

function inline(text) {
  return text.split('`').map((part, number) => (number % 2 ? code(part) : part));
}
