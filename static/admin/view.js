/**
 * What the views are made of: tables, lists of facts, links, times, pills. Nothing here asks or knows anything.
 */

import { h } from '../ui/dom.js';

const DASH = '–';
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
  OK: 'good', enabled: 'good', received: 'good', completed: 'good', over: 'good',
  WARNING: 'warn', warned: 'warn', warning: 'warn', pending: 'warn', ordering: 'warn',
  CRITICAL: 'bad', critical: 'bad', error: 'bad', disabled: 'bad', failed: 'bad', open: 'bad',
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

/** @param {[string, Node | string | null][]} facts Those with null are left out. */
export function facts(list) {
  const shown = list.filter(([, value]) => value !== null && value !== undefined);
  return h('dl', { class: 'facts' }, ...shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

/**
 * @param {string} caption @param {string[]} head @param {(Node | string | null)[][]} rows
 * On a narrow page each row becomes a card whose cells say their column; those of nothing are left out there.
 */
export function table(caption, head, rows, empty = 'None.') {
  if (rows.length === 0) return h('p', { class: 'empty-note' }, empty);
  const isNothing = (cell) => cell === null || cell === DASH;
  const cells = (row) => row.map((cell, i) => h('td', {
    'data-label': head[i], class: isNothing(cell) ? 'nothing' : '',
  }, cell ?? DASH));
  return h('div', { class: 'scroll' }, h('table', {},
    h('caption', {}, caption),
    h('thead', {}, h('tr', {}, ...head.map((name) => h('th', { scope: 'col' }, name)))),
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
