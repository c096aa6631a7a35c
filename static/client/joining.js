/**
 * Whether a tab may live on what the leading tab tells, and needs no connection of its own.
 *
 * Pure. A cursor is opaque: two can be the same or not, which is all that is used of them. Seqs can be compared within one
 * history only; after a restored backup they may begin anew.
 */

/**
 * @param {import('./feed.js').Position} own What this tab has applied.
 * @param {import('./feed.js').Position} leader What the leader has told. All it will tell comes right after this.
 * @param {boolean} isSameHistory Both seqs are known to count the same events.
 * @returns {boolean} True: all that this tab lacks is still to be told.
 */
export function isCovered(own, leader, isSameHistory) {
  if (own.cursor === null) return false;
  if (own.cursor === leader.cursor) return true;
  return isSameHistory && own.seq !== null && leader.seq !== null && leader.seq <= own.seq;
}
