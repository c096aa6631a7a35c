/**
 * One connection under watch: one attempt with one transport, from opening to its only end.
 *
 * It ends the connection when `ready` does not come in time and when it falls silent, and reports exactly one end,
 * whoever caused it. Opened without a word means that something on the way buffers: `buffered`. It does not judge
 * sequences and never reconnects; that is the feed's.
 */

import { ABNORMAL } from './close_codes.js';
import { SILENT_HEARTBEATS_MAX, STALE_HEARTBEATS, Timer } from './timing.js';

export class Link {
  /** True once `ready` has come. */
  isReady = false;
  /** True while nothing has come after `ready`. */
  isMute = true;

  #transport;
  #clock;
  #timing;
  #handlers;
  #timer;
  #connection = null;
  #ended = false;
  #heartbeatMs = 0;
  #heardAtMs = 0;

  /**
   * @param {import('./transports.js').Transport} transport
   * @param {{ clock: object, timing: typeof import('./timing.js').TIMING }} surroundings
   * @param {{ onReady: (link: Link, message: object) => void, onEvent: (link: Link, message: object) => void,
   *   onNotice: (link: Link, message: object) => void,
   *   onEnd: (link: Link, reason: import('./close_codes.js').CloseReason) => void }} handlers
   */
  constructor(transport, { clock, timing }, handlers) {
    this.#transport = transport;
    this.#clock = clock;
    this.#timing = timing;
    this.#handlers = handlers;
    this.#timer = new Timer(clock);
  }

  /** @param {{ baseUrl: string, token: string, cursor: string | null }} request */
  open(request) {
    this.#timer.set(this.#timing.readyDeadlineMs, () => this.fail('ready_deadline'));
    this.#connection = this.#transport.open({
      ...request,
      onOpen: () => this.#open(),
      onMessage: (message) => this.#hear(message),
      onClose: (reason) => this.#end(reason),
    });
  }

  send(message) {
    if (!this.#ended) this.#connection.send(message);
  }

  /** Goes on with another token. @returns {Promise<boolean>} False: this connection cannot. */
  async renew(token) {
    return !this.#ended && this.#connection.renew(token);
  }

  /** Ends it without a report. */
  close() {
    this.#ended = true;
    this.#timer.clear();
    this.#connection?.close();
  }

  /** Ends it with a report: this side no longer trusts it. */
  fail(name) {
    this.#end({ code: ABNORMAL, name });
  }

  /** True when more than a heartbeat is overdue, as after the sleep of the machine, which stops timers too. */
  get isStale() {
    return this.isReady && this.#clock.now() - this.#heardAtMs > STALE_HEARTBEATS * this.#heartbeatMs;
  }

  #open() {
    if (this.#ended || this.isReady) return;
    this.#timer.set(this.#timing.bufferedAfterMs, () => this.fail('buffered'));
  }

  #hear(message) {
    if (this.#ended) return;
    if (this.isReady) this.isMute = false;
    if (message.type === 'ready') {
      this.isReady = true;
      this.#heartbeatMs = message.heartbeat_s * 1000;
    } else if (!this.isReady) {
      this.fail('message_before_ready');
      return;
    }
    this.#heardAtMs = this.#clock.now();
    this.#timer.set(SILENT_HEARTBEATS_MAX * this.#heartbeatMs, () => this.fail('silence'));

    if (message.type === 'ready') this.#handlers.onReady(this, message);
    else if (Number.isInteger(message.seq)) this.#handlers.onEvent(this, message);
    else this.#handlers.onNotice(this, message); // a heartbeat, a notice, or news of a later version of the service
  }

  #end(reason) {
    if (this.#ended) return;
    this.close();
    this.#handlers.onEnd(this, reason);
  }
}
