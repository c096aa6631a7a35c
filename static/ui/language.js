/**
 * The page's language: its texts by key, and numbers, money and dates as its readers write them.
 *
 * The choice made on the page is kept in this browser; without one the browser's own list decides. Both tables have
 * the same keys (a test compares them), so a text is never missing in one language only. A text may hold `{names}`;
 * one that depends on a number is an object by plural category, chosen by its `count`.
 */

import { EN } from './texts_en.js';
import { FR } from './texts_fr.js';

export const LANGUAGES = { en: 'English', fr: 'Français' };
const TABLES = { en: EN, fr: FR };
const DEFAULT = 'en';
const KEY = 'onesms.language';

let current = null;

/**
 * @param {string | null} kept What was chosen on the page, if anything.
 * @param {readonly string[]} preferred The browser's list, best first.
 * @returns {{ code: string, locale: string }} Pure. `locale` is the reader's own form of the language: `en-GB` for `en`.
 */
export function chooseLanguage(kept, preferred) {
  const languageOf = (locale) => locale.toLowerCase().split('-')[0];
  const known = preferred.map(languageOf).find((each) => Object.hasOwn(TABLES, each));
  const code = Object.hasOwn(TABLES, kept ?? '') ? kept : known ?? DEFAULT;
  return { code, locale: preferred.find((locale) => languageOf(locale) === code) ?? code };
}

/** @param {string | null} [kept] Keeps it too, if it is given. */
export function setLanguage(kept = readKept()) {
  const { code, locale } = chooseLanguage(kept, globalThis.navigator?.languages ?? []);
  const number = (options) => new Intl.NumberFormat(locale, options);
  const date = (options) => new Intl.DateTimeFormat(locale, options);
  const time = { hour: '2-digit', minute: '2-digit' };
  current = {
    code,
    plural: new Intl.PluralRules(locale),
    collator: new Intl.Collator(locale),
    count: number(),
    money: number({ minimumFractionDigits: 2, maximumFractionDigits: 2 }),
    share: number({ style: 'percent' }),
    timeOfDay: date(time),
    dayAndTime: date({ day: 'numeric', month: 'short', ...time }),
    full: date({ dateStyle: 'medium', timeStyle: 'short' }),
  };
  try {
    if (kept !== null) localStorage.setItem(KEY, code);
  } catch {
    // it then holds until the page is left
  }
}

function readKept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** @returns {string} The language's code. */
export function language() {
  return current.code;
}

export function has(key) {
  return Object.hasOwn(EN, key);
}

/** @param {string} key @param {Record<string, string | number>} [values] Numbers are written as the language does. */
export function t(key, values = {}) {
  let text = TABLES[current.code][key];
  if (text === undefined) throw new RangeError(`no text ${key}`);
  if (typeof text === 'object') text = text[current.plural.select(values.count)] ?? text.other;
  return text.replaceAll(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === 'number' ? count(value) : String(value);
  });
}

/** A title of the service's own catalogue, translated as long as it is the one that a service begins with. */
export function translated(kind, slug, title) {
  const key = `${kind}.${slug}`;
  return has(key) && EN[key] === title ? t(key) : title;
}

/** Texts of the elements that name one: `data-text`, and for attributes `data-label`, `data-hint`, `data-example`. */
export function translate(root) {
  const attributes = { label: 'aria-label', hint: 'title', example: 'placeholder' };
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = t(element.dataset.text);
  for (const [name, attribute] of Object.entries(attributes)) {
    for (const element of root.querySelectorAll(`[data-${name}]`)) {
      element.setAttribute(attribute, t(element.dataset[name]));
    }
  }
}

/** @param {string} decimal As on the wire, `1234.50`. @returns {string} `1,234.50` */
export function money(decimal) {
  return current.money.format(decimal);
}

/** @param {number} number @returns {string} */
export function count(number) {
  return current.count.format(number);
}

/** @param {number} share 0 to 1. @returns {string} `96%` */
export function percent(share) {
  return current.share.format(share);
}

/** @returns {string} The time in the reader's zone, with the day unless it is today's. */
export function localTime(iso, nowMs) {
  const at = new Date(iso);
  return (at.toDateString() === new Date(nowMs).toDateString() ? current.timeOfDay : current.dayAndTime).format(at);
}

/** @returns {string} Day and time in the reader's zone, with the year unless it is this one. */
export function dayAndTime(iso, nowMs = Date.now()) {
  const at = new Date(iso);
  return (at.getFullYear() === new Date(nowMs).getFullYear() ? current.dayAndTime : current.full).format(at);
}

/** Orders texts as the language does. */
export function compare(a, b) {
  return current.collator.compare(a, b);
}

setLanguage();
