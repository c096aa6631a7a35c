/**
 * What the views are made of: tables, lists of facts, links, times, pills. Nothing here asks or knows anything.
 */

import { h } from '../ui/dom.js';

const DASH = '–';
const LONG = 30;
const NUMBER = /^[−+-]?(\d{1,7}|\d+\.\d+)( [a-z%]{1,2})?$/; // longer ones without decimals name something
const TIME = new Intl.DateTimeFormat(undefined, {
  day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false,
});

/** @returns {HTMLElement} A moment in the reader's zone, the exact one as its title; a dash for none. */
export function when(iso) {
  if (!iso) return h('span', {}, DASH);
  return h('time', { dateTime: iso, title: iso }, TIME.format(new Date(iso)));
}

/** @returns {HTMLElement} A word with a colour by what it means; the word stays the message. */
export function pill(word) {
  const tone = TONES[word] ?? 'plain';
  return h('span', { class: `pill ${tone}` }, word);
}

const TONES = {
  OK: 'good', enabled: 'good', active: 'good', agrees: 'good', corrected: 'good', applied: 'good', received: 'good', completed: 'good', over: 'good',
  WARNING: 'warn', warned: 'warn', warning: 'warn', pending: 'warn', ordering: 'warn', pending_activation: 'warn', inactive: 'warn', 'under way': 'warn',
  CRITICAL: 'bad', critical: 'bad', error: 'bad', disabled: 'bad', failed: 'bad', open: 'bad', blocked: 'bad', differs: 'bad',
};

export function link(href, text, className = '') {
  return h('a', { href, class: className }, text);
}

export function userLink(id, text = id.slice(0, 8)) {
  return link(`#user/${id}`, text, 'id');
}

export function orderLink(id) {
  return link(`#order/${id}`, id.slice(0, 8), 'id');
}

/** @param {[string, Node | string | null][]} list Those with null are left out. @param {string} [className] */
export function facts(list, className = '') {
  const shown = list.filter(([, value]) => value !== null && value !== undefined);
  const isLong = (value) => typeof value === 'string' && value.length > LONG;
  return h('dl', { class: `facts ${className}` }, ...shown.map(([name, value]) =>
    h('div', { class: isLong(value) ? 'wide' : '' }, h('dt', {}, name), h('dd', { dir: 'auto' }, value))));
}

/**
 * @param {string} caption @param {string[]} head @param {(Node | string | null)[][]} rows
 * A column of numbers stands on the right. On a narrow page each row becomes a card whose cells say their column; those of nothing are left out there.
 */
export function table(caption, head, rows, empty = 'None.') {
  if (rows.length === 0) return h('p', { class: 'empty-note' }, empty);
  const isNothing = (cell) => cell === null || cell === DASH;
  const isNumbers = (i) => rows.some((row) => !isNothing(row[i]))
    && rows.every((row) => isNothing(row[i]) || (typeof row[i] === 'string' && NUMBER.test(row[i])));
  const sides = head.map((_, i) => (isNumbers(i) ? 'number' : ''));
  const cells = (row) => row.map((cell, i) => h('td', {
    'data-label': head[i], class: `${sides[i]} ${isNothing(cell) ? 'nothing' : ''}`, dir: 'auto',
  }, cell ?? DASH));
  return h('div', { class: 'scroll' }, h('table', {},
    h('caption', {}, caption),
    h('thead', {}, h('tr', {}, ...head.map((name, i) => h('th', { scope: 'col', class: sides[i] }, name)))),
    h('tbody', {}, ...rows.map((row) => h('tr', {}, ...cells(row))))));
}

export function button(text, onclick, className = 'button small') {
  return h('button', { type: 'button', class: className, onclick }, text);
}

export function section(title, ...children) {
  return h('section', { class: 'panel stack' }, h('h2', {}, title), ...children);
}

/** @returns {string} A share as `42 %`, or a dash. */
export function percent(share) {
  return share === null ? DASH : `${Math.round(share * 100)} %`;
}

export function seconds(value) {
  return value === null ? DASH : `${value} s`;
}
