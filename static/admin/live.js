/**
 * What happens right now: the readings of all gateways, as they come over the realtime channel every two seconds. Where
 * they do not come (a long-poll, a token that is not the operators' own), the page asks for them.
 */

/** So often they come. */
export const PERIOD_MS = 2_000;
/** Three minutes. */
export const READINGS_MAX = 90;
const LATE_MS = 6_000;

export class Live {
  #readings = [];
  #cameAtMs = -Infinity; // by this browser's clock, which may differ from the service's

  /** @param {object} reading As `GET /api/admin/live` answers, and as the notice `admin.live` says. */
  push(reading) {
    const last = this.#readings.at(-1);
    if (last !== undefined && Date.parse(reading.at) <= Date.parse(last.at)) return;
    this.#cameAtMs = Date.now();
    this.#readings.push(reading);
    if (this.#readings.length > READINGS_MAX) this.#readings.shift();
  }

  /** Of this tab, oldest first: nobody else keeps them. */
  get readings() {
    return this.#readings;
  }

  get newest() {
    return this.#readings.at(-1) ?? null;
  }

  /** Whether the channel has been silent for so long that one has to ask. */
  isLate(nowMs = Date.now()) {
    return nowMs - this.#cameAtMs > LATE_MS;
  }
}

/**
 * A figure between each reading and the one before: null where there is none to compare with, or a gateway came or went.
 * Pure.
 */
export function between(readings, value) {
  return readings.map((each, i) => {
    const before = readings[i - 1];
    if (before === undefined || String(before.gateways) !== String(each.gateways)) return null;
    return value(before, each, (Date.parse(each.at) - Date.parse(before.at)) / 1000);
  });
}
