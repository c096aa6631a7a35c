/**
 * The client's public names. `index.d.ts` has their types; a test compares the two.
 */

import { RealtimeClient } from './realtime.js';

export { fullJitterMs } from './backoff.js';
export { TIMING } from './timing.js';
export { TRANSPORTS } from './transports.js';
export { RealtimeClient };

/** A client that has been started. @param {ConstructorParameters<typeof RealtimeClient>[0]} options */
export function connect(options) {
  const client = new RealtimeClient(options);
  client.start();
  return client;
}
