/**
 * The contract of a transport, and the three that keep it.
 *
 * A transport carries messages of one user from the service to the page. It knows its own wire and nothing of backoff,
 * sequences or the other transports; the feed knows this contract and nothing of wires. Tests run every transport
 * through the same suite (`tests/transports.test.js`).
 *
 * 1. `open` returns at once, never throws, and calls nothing back before it has returned.
 * 2. `onMessage` gets each message as an object, in the order of the wire, `ready` first. Signs of life arrive as
 *    `{ type: 'heartbeat' }`; a wire without them makes its own (long-poll: each answer).
 * 3. `onClose` is called once, when the connection ended or never came about. Refused tokens are code 4500 or 4501
 *    wherever the wire lets one read them; a browser hides the HTTP status of a refused WebSocket, so that is 1006.
 * 4. `close()` ends the connection from this side. Afterwards nothing is called back, not even `onClose`.
 * 5. `send` is best effort and never throws. It carries `{ type: 'ack', cursor }`.
 * 6. `onOpen` is called once at most, when the wire has been opened and before anything came through it; a wire that
 *    cannot tell leaves it out.
 * 7. `renew` makes the connection go on with another token of the same user, and resolves to false where it cannot: then
 *    the client replaces the connection. It never rejects.
 *
 * @typedef {object} OpenRequest
 * @property {string} baseUrl Where the service lives: `https://sms.example/`.
 * @property {string} token JWT.
 * @property {string | null} cursor Resume behind this position; null asks for a snapshot.
 * @property {() => void} [onOpen]
 * @property {(message: object) => void} onMessage
 * @property {(reason: import('./close_codes.js').CloseReason) => void} onClose
 *
 * @typedef {object} Connection
 * @property {(message: object) => void} send
 * @property {(token: string) => Promise<boolean>} renew
 * @property {() => void} close
 *
 * @typedef {object} Transport
 * @property {string} name `ws`, `sse` or `poll`.
 * @property {(request: OpenRequest) => Connection} open
 */

import { longpoll } from './longpoll.js';
import { sse } from './sse.js';
import { websocket } from './websocket.js';

/** Best first: this is the order of the fallback. */
export const TRANSPORTS = Object.freeze({ ws: websocket, sse, poll: longpoll });
