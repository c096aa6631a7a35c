/**
 * What the cards of orders and of rentals have in common: the head, the number, a message.
 */

import { announce } from './announcer.js';
import { copyButton } from './clipboard.js';
import { h } from './dom.js';
import { phoneGroups } from './format.js';
import { localTime, money, t } from './language.js';
import { hueOf } from './titles.js';

/**
 * @param {HTMLElement} card Is named by its head.
 * @param {{ id: string, service: string, country: string, price: string, created_at: string }} order
 * @param {HTMLElement} status
 */
export function cardHead(card, order, titles, status, nowMs) {
  const service = titles.service(order.service);
  const badge = h('span', { class: 'badge', 'aria-hidden': 'true' }, service.charAt(0));
  badge.style.setProperty('--hue', hueOf(order.service));
  const made = h('time', { dateTime: order.created_at }, localTime(order.created_at, nowMs));
  const words = t('order.meta', { country: titles.country(order.country), price: money(order.price) });
  const meta = h('p', { class: 'meta' }, h('span', {}, words), made, copyIdButton(order.id));
  card.setAttribute('aria-label', `${service}, ${titles.country(order.country)}`);
  return h('header', {}, badge, h('h3', {}, service), status, meta);
}

/** @param {string} phone Digits. @param {HTMLElement} copy The button beside it. */
export function showPhone(element, copy, phone) {
  if (element.textContent === `+${phone}`) return;
  element.replaceChildren(...phoneGroups(phone).map((group) => h('span', {}, group)));
  copy.setAttribute('aria-label', t('order.copy_number', { phone: `+${phone}` }));
}

/** @param {{ code: string | null, text: string | null, received_at: string }} sms @param {boolean} [offersCode] */
export function messageRow({ code, text, received_at: at }, nowMs, offersCode = false) {
  const words = h('span', { dir: 'auto' }, text || code || t('order.gone'));
  const time = h('time', { dateTime: at }, localTime(at, nowMs));
  const copy = offersCode && code ? copyButton('button small copy-code', t('order.copy_this', { code }), () => code) : null;
  return h('li', {}, words, copy, time);
}

/** Orders have no other name: the first letters tell those on a page apart, and support is told the whole. */
export function copyIdButton(id) {
  const button = copyButton('link copy-id', id.slice(0, 8), () => id);
  const name = t('order.copy_id', { id });
  button.title = name;
  button.setAttribute('aria-label', name);
  return button;
}

/** Told when an order ends without a message, which would tell it better. @param {{ service: string, country: string }} order */
export function announceEnd({ service, country }, titles, status) {
  announce(t('announce.status', { service: titles.service(service), country: titles.country(country), status }));
}
