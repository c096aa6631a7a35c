/**
 * An incremental parser of `text/event-stream`, after the HTML Living Standard, section 9.2.6.
 *
 * Pure: decoded text in, events out, in pieces of any size. A piece may end anywhere, also between the CR and the LF of
 * one line end. Bounded: an event that outgrows `EVENT_CHARS_MAX` is an error, not memory. It neither connects nor
 * reads JSON.
 */

/** Far above any snapshot, far below what hurts a phone. */
export const EVENT_CHARS_MAX = 4 * 1024 * 1024;

/**
 * @typedef {object} SseEvent
 * @property {string} event `message` where the stream names none.
 * @property {string} data Lines joined with LF.
 * @property {string} id The last id seen, '' if there was none.
 */

export class SseParser {
  /** @type {number | null} The last `retry:` of the stream, in milliseconds. */
  retryMs = null;

  #atStart = true;
  #skipLineFeed = false;
  #line = '';
  #id = '';
  #event = '';
  #data = [];
  #dataChars = 0;

  /**
   * @param {string} text The next piece of the stream.
   * @returns {SseEvent[]} The events that it completed.
   * @throws {RangeError} When an event is longer than EVENT_CHARS_MAX.
   */
  push(text) {
    if (text === '') return [];
    if (this.#atStart) {
      this.#atStart = false;
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    if (this.#skipLineFeed && text !== '') {
      this.#skipLineFeed = false;
      if (text.startsWith('\n')) text = text.slice(1);
    }

    const events = [];
    let start = 0;
    for (const { 0: lineEnd, index } of text.matchAll(/\r\n|\r|\n/g)) {
      const event = this.#endLine(this.#line + text.slice(start, index));
      if (event) events.push(event);
      this.#line = '';
      start = index + lineEnd.length;
    }
    this.#skipLineFeed = text.endsWith('\r');
    this.#line += text.slice(start);
    this.#checkSize(this.#line.length);
    return events;
  }

  #endLine(line) {
    if (line === '') return this.#endEvent();
    const colon = line.indexOf(':');
    if (colon === 0) return null; // a comment
    const field = colon === -1 ? line : line.slice(0, colon);
    let value = colon === -1 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);

    if (field === 'data') {
      this.#data.push(value);
      this.#dataChars += value.length;
      this.#checkSize(0);
    } else if (field === 'event') {
      this.#event = value;
    } else if (field === 'id' && !value.includes('\0')) {
      this.#id = value;
    } else if (field === 'retry' && /^[0-9]+$/.test(value)) {
      this.retryMs = Number(value);
    }
    return null;
  }

  #endEvent() {
    const event = this.#data.length
      ? { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id }
      : null;
    this.#event = '';
    this.#data = [];
    this.#dataChars = 0;
    return event;
  }

  #checkSize(pendingChars) {
    const chars = this.#dataChars + pendingChars;
    if (chars > EVENT_CHARS_MAX) throw new RangeError(`SSE event of ${chars} characters, at most ${EVENT_CHARS_MAX}`);
  }
}
