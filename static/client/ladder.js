/**
 * Which transport to try: a position on the list of transports, best first.
 *
 * Pure. A transport that cannot connect hands over to the next one at once. Below the last one the whole list starts
 * over, after a wait: if none of them works, it is the network, and the best one deserves the next chance. One that
 * connects and then says nothing (something on the way holds it back) is not worth another try in this network.
 */
export class Ladder {
  rung = 0;
  #transports;
  #mute = new Set();

  /** @param {import('./transports.js').Transport[]} transports At least one. */
  constructor(transports) {
    if (transports.length === 0) throw new RangeError('expected at least one transport, got none');
    this.#transports = transports;
  }

  get current() {
    return this.at(this.rung);
  }

  at(rung) {
    return this.#transports[rung];
  }

  /** The current transport could not connect. @returns {boolean} True: try the next one now. False: wait first. */
  descend() {
    this.rung = (this.rung + 1) % this.#transports.length;
    return this.rung !== 0;
  }

  /** The current transport connects and stays silent. */
  markMute() {
    this.#mute.add(this.current);
  }

  /** Another network: what was held back there may pass here. */
  forgetMute() {
    this.#mute.clear();
  }

  /** @returns {number | null} The first rung from `from` on that is above the current one and worth a try. */
  betterFrom(from) {
    for (let rung = from; rung < this.rung; rung += 1) if (!this.#mute.has(this.at(rung))) return rung;
    return null;
  }
}
