/**
 * A transport without a wire: the test says what arrives. It keeps the contract of client/transports.js.
 */
export class MemoryTransport {
  /** Every connection ever opened, oldest first. */
  connections = [];
  /** Whether a connection goes on with a new token. */
  canRenew = true;

  constructor(name) {
    this.name = name;
  }

  get last() {
    return this.connections.at(-1);
  }

  open(request) {
    const connection = {
      request,
      sent: [],
      renewed: [],
      closed: false,
      deliver: (...messages) => messages.forEach((message) => connection.closed || request.onMessage(message)),
      end(reason) {
        if (connection.closed) return;
        connection.closed = true;
        request.onClose(reason);
      },
    };
    this.connections.push(connection);
    return {
      send: (message) => connection.sent.push(message),
      renew: async (token) => {
        connection.renewed.push(token);
        return this.canRenew;
      },
      close() {
        connection.closed = true;
      },
    };
  }
}

export function snapshotReady(cursor, snapshot = {}) {
  return { type: 'ready', cursor, resumed: false, heartbeat_s: 10, snapshot };
}

export function resumedReady(cursor) {
  return { type: 'ready', cursor, resumed: true, heartbeat_s: 10 };
}

export function eventNo(seq) {
  return { type: 'balance.changed', seq, cursor: `c${seq}`, data: {} };
}
