/**
 * Values as people read them in any language. Pure; strings in, strings out. What depends on it is in `language.js`.
 */

import { t } from './language.js';

/** @returns {string[]} `+6281234567890` in groups of three, the last of four: ['+628', '123', '456', '7890']. */
export function phoneGroups(phone) {
  const tail = phone.slice(-4);
  const head = phone.slice(0, -4);
  const first = head.length % 3 || 3;
  const groups = [head.slice(0, first), ...(head.slice(first).match(/.{3}/g) ?? []), tail].filter(Boolean);
  return [`+${groups[0]}`, ...groups.slice(1)];
}

/** @returns {string} `19:59`, or `1:02:03` from an hour on; `0:00` for the past. Begun seconds count in full. */
export function clock(remainingMs) {
  const totalS = Math.max(0, Math.ceil(remainingMs / 1000));
  const s = String(totalS % 60).padStart(2, '0');
  const min = Math.floor(totalS / 60) % 60;
  const h = Math.floor(totalS / 3600);
  return h > 0 ? `${h}:${String(min).padStart(2, '0')}:${s}` : `${min}:${s}`;
}

/** @returns {string} `6 d 3 h` from a day on, else as `clock`. Begun hours count in full. */
export function longClock(remainingMs) {
  const totalH = Math.ceil(remainingMs / 3_600_000);
  if (remainingMs < 86_400_000) return clock(remainingMs);
  return t('time.days_hours', { days: Math.floor(totalH / 24), hours: totalH % 24 });
}
