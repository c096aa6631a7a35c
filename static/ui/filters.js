/**
 * What a list is narrowed to, as the API takes it. Pure.
 */

/**
 * Days of the reader's zone as moments: `to` counts whole.
 * @param {string} from `2026-01-31`, or ''. @param {string} to As `from`.
 * @returns {{ from?: string, to?: string }}
 */
export function periodOf(from, to) {
  const period = {};
  if (from) period.from = startOfDay(from, 0);
  if (to) period.to = startOfDay(to, 1);
  return period;
}

function startOfDay(day, daysLater) {
  const [year, month, date] = day.split('-').map(Number);
  return new Date(year, month - 1, date + daysLater).toISOString();
}

/** @param {Record<string, string | number | null | undefined | string[]>} wanted @returns {string} Without what is empty. */
export function queryOf(wanted) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(wanted)) {
    for (const each of [value].flat()) if (each !== null && each !== undefined && each !== '') query.append(name, each);
  }
  return query.toString();
}
