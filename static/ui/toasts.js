/**
 * Short messages over the page: where they stand, how many there are, how they go. What they say is their makers'.
 *
 * They never cover a control: they take the first corner in which there is none, and look again when the page moves.
 * Where each corner has one, as on a phone, they stand below the page, which is that much shorter: what is at its end
 * can be scrolled clear of them. A message that is shown elsewhere in view too is then left out.
 *
 * One about the same thing takes the place of the one before. Escape takes the newest away; a focus that was in it goes
 * back to where it came from. Nothing here is read out: `announcer.js` does that, once.
 */

import { byId, h } from './dom.js';

const TOASTS_MAX = 3;
const CORNERS = ['bottom-end', 'bottom-start', 'top-end', 'top-start'];
const DOCK = 'dock';
const CONTROLS = 'a[href], button, input, select, textarea, summary';

/** @type {WeakMap<Element, { isElsewhere: () => boolean }>} */
const facts = new WeakMap();
let cameFrom = null;

/**
 * @param {{ class: string, about?: string, closeLabel: string, stayMs?: number, isElsewhere?: () => boolean }} how
 *   about: what it is about, '' for nothing that could be said again. stayMs: it then goes by itself, but not while
 *   somebody points at it or is in it. isElsewhere: whether what it says can be read on the page, as it stands now.
 * @param {...Node} children What it says.
 */
export function showToast({ class: name, about = '', closeLabel, stayMs = Infinity, isElsewhere = () => false }, ...children) {
  const region = byId('toasts');
  const close = h('button', { type: 'button', class: 'toast-close', 'aria-label': closeLabel }, '×');
  const toast = h('div', { class: `toast ${name}` }, ...children, close);
  const dismiss = () => remove(toast);
  close.addEventListener('click', dismiss);
  toast.dataset.about = about;
  facts.set(toast, { isElsewhere });
  if (about !== '') for (const each of [...region.children]) if (each.dataset.about === about) remove(each);
  region.prepend(toast);
  while (region.children.length > TOASTS_MAX) remove(region.lastElementChild);
  place();
  if (stayMs !== Infinity) {
    const leave = () => (toast.matches(':hover, :focus-within') ? setTimeout(leave, stayMs / 4) : dismiss());
    setTimeout(leave, stayMs);
  }
}

export function clearToasts() {
  byId('toasts').replaceChildren();
  place();
}

/** Once a page. */
export function setUpToasts() {
  const region = byId('toasts');
  document.addEventListener('keydown', (press) => {
    if (press.key !== 'Escape' || press.defaultPrevented || document.querySelector('dialog[open]') !== null) return;
    if (region.firstElementChild !== null) remove(region.firstElementChild);
  });
  region.addEventListener('focusin', ({ relatedTarget }) => {
    if (!region.contains(relatedTarget)) cameFrom = relatedTarget;
  });
  let isAsked = false;
  const placeSoon = () => {
    if (isAsked || region.firstElementChild === null) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      place();
    });
  };
  addEventListener('scroll', placeSoon, { passive: true, capture: true });
  addEventListener('resize', placeSoon);
  const changes = { subtree: true, childList: true, attributeFilter: ['hidden', 'open'] };
  for (const main of document.querySelectorAll('main')) new MutationObserver(placeSoon).observe(main, changes);
}

function remove(toast) {
  const hadFocus = toast.contains(document.activeElement);
  toast.remove();
  place();
  if (!hadFocus) return;
  const next = byId('toasts').querySelector('.toast-close') ?? cameFrom;
  const main = [...document.querySelectorAll('main')].find((each) => each.checkVisibility());
  (next?.isConnected ? next : main)?.focus({ preventScroll: true });
}

/** Keeps the place there is as long as it is free. */
function place() {
  const region = byId('toasts');
  const root = document.documentElement.style;
  if (region.firstElementChild === null) {
    root.setProperty('--dock', '0px');
    delete region.dataset.place;
    return;
  }
  const bar = [...document.querySelectorAll('.bar-top')].find((each) => each.checkVisibility());
  root.setProperty('--bar-end', `${bar?.getBoundingClientRect().bottom ?? 0}px`);
  const controls = controlsInSight(region);
  const isFree = (corner) => {
    region.dataset.place = corner;
    const box = region.getBoundingClientRect();
    return box.top >= 0 && !controls.some((control) => meets(box, control));
  };
  const { place: former } = region.dataset;
  const isDocked = former === DOCK; // and stays so: a message that hops about is worse than one that is low
  if (!isDocked && [former, ...CORNERS].some((corner) => corner && isFree(corner))) return;
  region.dataset.place = DOCK;
  for (const each of [...region.children]) if (canGo(each)) each.remove();
  if (region.firstElementChild === null) delete region.dataset.place;
  const box = region.getBoundingClientRect();
  root.setProperty('--dock', `${box.height}px`);
  const { activeElement: focused } = document;
  const isBelow = !region.contains(focused) && meets(focused.getBoundingClientRect(), box);
  if (isBelow && focused.matches(':focus-visible')) focused.scrollIntoView({ block: 'nearest' });
}

function canGo(toast) {
  return facts.get(toast).isElsewhere() && !toast.matches(':focus-within, :hover');
}

/** Whether all of an element is before the reader's eyes, clear of the top bar and of messages. */
export function isInSight(element) {
  if (!element?.checkVisibility() || document.hidden) return false;
  const { top, bottom, height } = element.getBoundingClientRect();
  const style = getComputedStyle(document.documentElement);
  const [barEnd, dock] = ['--bar-end', '--dock'].map((name) => Number.parseFloat(style.getPropertyValue(name)) || 0);
  return height > 0 && top >= barEnd && bottom <= innerHeight - dock;
}

function controlsInSight(region) {
  return [...document.querySelectorAll(CONTROLS)]
    .filter((each) => !region.contains(each) && each.checkVisibility())
    .map((each) => each.getBoundingClientRect());
}

/** @param {DOMRect} a @param {DOMRect} b @returns {boolean} Pure. */
export function meets(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
