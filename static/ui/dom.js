/**
 * Building elements. Texts only ever become text nodes: nothing from the wire is parsed as HTML.
 */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} props `class`, `onclick` and other properties of the element by name; names with a
 *   hyphen are attributes.
 * @param {...(Node | string | null)} children
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'class') element.className = value;
    else if (name.includes('-')) element.setAttribute(name, value);
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

/** Plays a CSS animation once more, bound to a class. */
export function replay(element, className) {
  element.classList.remove(className);
  void element.offsetWidth; // makes the browser notice the removal
  element.classList.add(className);
}
