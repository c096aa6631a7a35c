/**
 * What to do with an event, judged by its number alone.
 *
 * Pure. A user's events are numbered 1, 2, 3, ... without holes, so the client can prove that it missed nothing.
 */

/**
 * @param {number | null} lastSeq The last event applied; null right after a snapshot, whose position is an opaque
 *   cursor: the first event behind it sets the count.
 * @param {number} seq The number of the event at hand.
 * @returns {'accept' | 'duplicate' | 'gap'}
 */
export function judge(lastSeq, seq) {
  if (lastSeq === null || seq === lastSeq + 1) return 'accept';
  return seq <= lastSeq ? 'duplicate' : 'gap';
}
