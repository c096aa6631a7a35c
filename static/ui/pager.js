/**
 * Pages of a list that is read by the place where the page before ended (`next` is the following page's `before`).
 *
 * It remembers where the pages up to this one begin, so going back is the same pages again. While a page is on its way
 * the one before stays; an answer that was overtaken by another request is not shown.
 */

import { busy, setText } from './dom.js';
import { showFailure } from './failure.js';
import { t } from './language.js';

export class Pager {
  #read;
  #show;
  #parts;
  #signal;
  #befores = [null];
  #next = null;
  #asked = 0;

  /**
   * @param {(before: string | number | null) => Promise<{ items: object[], next: string | number | null }>} read
   * @param {(items: object[]) => void} show
   * @param {{ nav: HTMLElement, newer: HTMLElement, older: HTMLElement, place: HTMLElement, message: HTMLElement,
   *   list: HTMLElement }} parts
   * @param {AbortSignal} signal Ends it.
   */
  constructor(read, show, parts, signal) {
    this.#read = read;
    this.#show = show;
    this.#parts = parts;
    this.#signal = signal;
    parts.nav.hidden = true;
    setText(parts.message, '');
    const turn = (button, befores) => busy(button, () => this.#load(befores()));
    parts.newer.addEventListener('click', () => turn(parts.newer, () => this.#befores.slice(0, -1)), { signal });
    parts.older.addEventListener('click', () => turn(parts.older, () => [...this.#befores, this.#next]), { signal });
  }

  /** From the newest on. */
  restart() {
    return this.#load([null]);
  }

  /** The same page once more. */
  reload() {
    return this.#load(this.#befores);
  }

  async #load(befores) {
    const asked = (this.#asked += 1);
    const { nav, newer, older, place, message, list } = this.#parts;
    list.setAttribute('aria-busy', 'true');
    try {
      const { items, next } = await this.#read(befores.at(-1));
      if (this.#signal.aborted || asked !== this.#asked) return;
      this.#befores = befores;
      this.#next = next;
      setText(message, '');
      this.#show(items);
      nav.hidden = befores.length === 1 && next === null;
      const focused = document.activeElement;
      newer.disabled = befores.length === 1;
      older.disabled = next === null;
      if (focused.disabled && nav.contains(focused)) (newer.disabled ? older : newer).focus();
      setText(place, t('pager.page', { page: befores.length }));
    } catch (error) {
      if (!this.#signal.aborted && asked === this.#asked) showFailure(message, error, () => this.#load(befores));
    } finally {
      if (asked === this.#asked) list.removeAttribute('aria-busy');
    }
  }
}
