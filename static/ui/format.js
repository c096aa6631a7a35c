/**
 * Values as people read them. Pure; strings in, strings out.
 */

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
  return remainingMs >= 86_400_000 ? `${Math.floor(totalH / 24)} d ${totalH % 24} h` : clock(remainingMs);
}

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayAndTime = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});

/** @returns {string} The time in the reader's zone, with the day unless it is today's. */
export function localTime(iso, nowMs) {
  const at = new Date(iso);
  return (at.toDateString() === new Date(nowMs).toDateString() ? timeOfDay : dayAndTime).format(at);
}

/** @returns {string} `some_service` as `Some service`, for names the catalog does not know. */
export function titleOf(slug) {
  const words = slug.replaceAll(/[_-]+/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
