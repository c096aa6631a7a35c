/**
 * Values as people read them in any language. Pure; strings in, strings out. What depends on it is in `language.js`.
 */

import { t } from './language.js';

/** Country codes of two digits, by ITU-T E.164; those of one are 1 and 7, all others have three. */
const CODES_OF_TWO = /^(2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;

/** @returns {string[]} `6281234567890` as its country's code, then threes and fours: ['+62', '812', '3456', '7890']. */
export function phoneGroups(phone) {
  const codeLength = /^[17]/.test(phone) ? 1 : CODES_OF_TWO.test(phone) ? 2 : 3;
  const groups = [`+${phone.slice(0, codeLength)}`];
  let rest = phone.slice(codeLength);
  while (rest.length > 4) {
    const length = rest.length === 8 ? 4 : 3; // so that none is left of one or two
    groups.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return rest === '' ? groups : [...groups, rest];
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
