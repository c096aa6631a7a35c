/**
 * Building elements. Texts only ever become text nodes: nothing from the wire is parsed as HTML.
 */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} props `class`, `onclick` and other properties of the element by name; names with a
 *   hyphen, and `role`, are attributes.
 * @param {...(Node | string | null)} children
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'class') element.className = value;
    else if (name.includes('-') || name === 'role') element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @returns {HTMLElement} */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets the text if it differs, so that screen readers and selections are left alone otherwise. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes `parent` hold exactly `children`, in order, moving only what is out of place: focus and animations survive. */
export function arrangeChildren(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

/**
 * Runs `change`, and gives the focus back if that took it away: to the same control if it was only moved, else to
 * what held it (a card, its list, the view), the nearest that is still there.
 */
export function keepingFocus(change) {
  const focused = document.activeElement;
  const holders = [];
  for (let each = focused; each && each !== document.body; each = each.parentElement) holders.push(each);
  change();
  if (holders.length === 0 || (document.activeElement === focused && isShown(focused))) return;
  const heir = holders.find((each) => isShown(each) && (each === focused || each.hasAttribute('tabindex')));
  heir?.focus({ preventScroll: true });
}

function isShown(element) {
  return element.isConnected && element.closest('[hidden]') === null;
}

/**
 * Runs what a button does, one press at a time. The button is not `disabled` meanwhile, for that would take the focus
 * from whoever pressed it by key.
 */
export async function busy(button, work) {
  if (button.getAttribute('aria-busy') === 'true') return;
  button.setAttribute('aria-busy', 'true');
  try {
    await work();
  } finally {
    button.removeAttribute('aria-busy');
  }
}

/** A button that may not be pressed now keeps the focus and can be found, so that why is heard; `isBlocked` tells. */
export function block(button, isBlocked) {
  if (isBlocked) button.setAttribute('aria-disabled', 'true');
  else button.removeAttribute('aria-disabled');
}

/** @param {HTMLElement} button @returns {boolean} */
export function isBlocked(button) {
  return button.getAttribute('aria-disabled') === 'true';
}

/** Plays a CSS animation once more, bound to a class. */
export function replay(element, className) {
  element.classList.remove(className);
  void element.offsetWidth; // makes the browser notice the removal
  element.classList.add(className);
}

/** Scrolls to an element, at once for those who want no motion. */
export function bringIntoView(element, block = 'nearest') {
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  element?.scrollIntoView({ block, behavior: isCalm ? 'auto' : 'smooth' });
}
