/**
 * A table that grows by its button, page after page.
 */

import { h } from '../ui/dom.js';
import { showProblem } from './toast.js';
import { button } from './view.js';

/**
 * @param {(before: string | number | null) => Promise<{ rows: object[], next: string | number | null }>} read
 * @param {(rows: object[]) => Node} draw Of all rows there are so far.
 * @returns {Promise<HTMLElement>} With the first page. Once it has grown it is `data-grown`: not to be drawn anew from the first page.
 */
export async function growing(read, draw) {
  const rows = [];
  const place = h('div', { class: 'stack' });
  const more = async (before) => {
    const page = await read(before);
    rows.push(...page.rows);
    if (before !== null) place.dataset.grown = '';
    place.replaceChildren(draw(rows));
    if (page.next) place.append(button('Older', () => more(page.next).catch((error) => showProblem(error.message))));
  };
  await more(null);
  return place;
}
