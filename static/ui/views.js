/**
 * The views of the page, one shown at a time, named by the address's hash: so they can be linked to and gone back to.
 * `#order-…` names an order among the numbers.
 */

import { byId, bringIntoView } from './dom.js';

const FIRST = 'numbers';

/** @param {string} hash @returns {string | null} The view it names; null: it names something within one. */
function viewOf(hash) {
  const name = hash.slice(1) || FIRST;
  return byId('desk').querySelector(`:scope .view[data-view="${CSS.escape(name)}"]`) ? name : null;
}

/**
 * @param {(view: string) => void} onShow Called with each view that is shown.
 * @param {AbortSignal} signal Ends it.
 */
export function setUpViews(onShow, signal) {
  const follow = () => {
    const view = viewOf(location.hash);
    const target = view === null ? byId(location.hash.slice(1)) : null;
    const shown = view ?? target?.closest('.view')?.dataset.view ?? document.body.dataset.pane ?? FIRST;
    const hasChanged = shown !== document.body.dataset.pane;
    if (view !== null && hasChanged) scrollTo(0, 0);
    document.body.dataset.pane = shown;
    for (const each of byId('desk').querySelectorAll('.view')) each.hidden = each.dataset.view !== shown;
    for (const link of byId('views').children) {
      if (link.hash === `#${shown}`) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    if (view !== null || hasChanged) onShow(shown); // and not for a place within the view that is shown already
    if (target) bringIntoView(target);
  };
  addEventListener('hashchange', follow, { signal });
  follow();
}

/** Shows a view at once. @param {string} name */
export function showPane(name) {
  if (document.body.dataset.pane === name) return;
  history.pushState(null, '', `#${name}`);
  dispatchEvent(new HashChangeEvent('hashchange'));
}
