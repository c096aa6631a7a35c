/**
 * The tabs of one origin that show the same user: one leads, and each can talk to all others.
 *
 * The lead is a Web Lock, so the browser passes it on when its tab closes or crashes. A tab may also take it from one that
 * no longer answers. Knows nothing of what is said.
 *
 * @typedef {object} TabsHandlers
 * @property {() => void} onLead This tab leads from now on.
 * @property {() => void} onDeposed Another one has taken the lead.
 * @property {(message: object) => void} onMessage From another tab.
 */
export class Tabs {
  #name;
  #locks;
  #channel;
  #handlers;
  #claim = null; // this tab's standing request for the lock, or the lock itself

  /**
   * @param {string} name The same in all tabs that belong together.
   * @param {{ locks: LockManager, BroadcastChannel: typeof globalThis.BroadcastChannel }} browser
   * @param {TabsHandlers} handlers
   */
  constructor(name, { locks, BroadcastChannel }, handlers) {
    this.#name = name;
    this.#locks = locks;
    this.#handlers = handlers;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => handlers.onMessage(data);
  }

  say(message) {
    this.#channel.postMessage(message);
  }

  /** Stand in line for the lead. */
  seek() {
    const waiting = new AbortController();
    this.#request({ signal: waiting.signal }, () => waiting.abort());
  }

  /** Take the lead from a tab that no longer answers. */
  take() {
    this.#withdraw();
    this.#request({ steal: true }, () => {});
  }

  leave() {
    this.#withdraw();
    this.#channel.onmessage = null;
    this.#channel.close();
  }

  #withdraw() {
    const claim = this.#claim;
    this.#claim = null;
    claim?.end();
  }

  async #request(options, abort) {
    const claim = { end: abort, leads: false };
    this.#claim = claim;
    try {
      await this.#locks.request(this.#name, options, () => {
        if (this.#claim !== claim) return undefined; // withdrawn meanwhile: gives it back
        return new Promise((release) => {
          claim.end = release;
          claim.leads = true;
          this.#handlers.onLead();
        });
      });
    } catch {
      // AbortError: withdrawn, or taken by another tab.
      if (this.#claim !== claim || !claim.leads) return;
      this.#claim = null;
      this.#handlers.onDeposed();
    }
  }
}
