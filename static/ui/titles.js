/**
 * What services and countries are called: by the catalogue, in the page's language where it is known in it, and
 * readable even if the catalogue does not know them any more.
 */

import { translated } from './language.js';

export class Titles {
  #services = new Map();
  #countries = new Map();

  /**
   * What was known stays known: of something that is sold no longer there are orders.
   * @param {{ services?: object[], rentals?: object[], countries?: object[] }} catalogue
   */
  set({ services = [], rentals = [], countries = [] }) {
    for (const { service, title } of [...rentals, ...services]) this.#services.set(service, title);
    for (const { country, title } of countries) this.#countries.set(country, title);
  }

  /** @param {string} slug @returns {string} */
  service(slug) {
    return translated('service', slug, this.#services.get(slug) ?? titleOf(slug));
  }

  /** @param {string} slug @returns {string} */
  country(slug) {
    return translated('country', slug, this.#countries.get(slug) ?? titleOf(slug));
  }
}

/** @returns {string} `some_service` as `Some service`. */
export function titleOf(slug) {
  const words = slug.replaceAll(/[_-]+/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** @returns {number} A colour angle that stays with the name. */
export function hueOf(slug) {
  let hash = 0;
  for (const char of slug) hash = (hash * 31 + char.codePointAt(0)) % 360;
  return hash;
}
