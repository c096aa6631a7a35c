/** Types of the client of a OneSMS gateway. Money is decimal strings, times are UTC in ISO 8601 with milliseconds. */

// What the service tells of

export interface Wallet {
  balance: string;
  frozen: string;
  /** balance − frozen */
  available: string;
}

export interface Sms {
  code: string | null;
  text: string | null;
  received_at: string;
}

/** Replayed long after its order has closed, an event may say so, and hold no code or text of an SMS any more. */
export interface Redactable {
  redacted?: true;
}

export interface Activation extends Redactable {
  id: string;
  service: string;
  country: string;
  phone: string | null;
  status: 'ordering' | 'pending' | 'received' | 'completed' | 'cancelled' | 'timeout' | 'failed';
  price: string;
  /** Of the last SMS. */
  code: string | null;
  sms: Sms[];
  cancel_requested: boolean;
  cancel_allowed_at: string | null;
  /** After the first SMS: one more is wanted, or the provider waits for it. */
  another_sms: 'requested' | 'waiting' | null;
  finish_requested: boolean;
  error_code: string | null;
  /** In which countries it is tried again if no SMS comes, its own first. */
  retry_on_timeout: { countries: string[] } | null;
  /** The first order of its chain, if it is not the first itself. */
  retry_of: string | null;
  /** The order that followed when this one ended, or why none did. */
  retried_by: string | null;
  retry_refused: string | null;
  created_at: string;
  /** Until then an SMS is waited for; the number may live longer. */
  waits_until: string | null;
  expires_at: string | null;
  closed_at: string | null;
  /** Of the HTTP request it came from, as its answer named it. */
  request_id: string | null;
}

export interface Rental extends Redactable {
  id: string;
  service: string;
  country: string;
  phone: string | null;
  status: 'ordering' | 'active' | 'completed' | 'cancelled' | 'expired' | 'failed';
  /** With all extensions, and so is the price. */
  hours: number;
  price: string;
  sms: Sms[];
  cancel_requested: boolean;
  cancel_allowed_at: string | null;
  finish_requested: boolean;
  /** The newest. */
  extension: Extension | null;
  error_code: string | null;
  created_at: string;
  ends_at: string | null;
  closed_at: string | null;
  /** Of the HTTP request it came from, as its answer named it. */
  request_id: string | null;
}

export interface Extension {
  hours: number;
  price: string;
  status: 'requested' | 'extended' | 'refused';
  error_code: string | null;
  requested_at: string;
}

export interface SmsReceived extends Sms, Redactable {
  /** One of the two is set. */
  activation_id: string | null;
  rental_id: string | null;
  phone: string;
  service: string;
  country: string;
  /** Of the HTTP request it came from, as its answer named it. */
  request_id: string | null;
}

/** A virtual card: neither its digits, its expiry nor whose name is on it. */
export interface Card {
  card_id: string;
  provider: string;
  status: 'pending_activation' | 'active' | 'inactive' | 'blocked' | 'terminated' | 'failed';
  /** US dollars, by the provider's last word, at `checked_at`. */
  balance: string;
  currency: string;
  brand: string | null;
  /** Asked for, and not done yet. */
  wanted_action: 'block' | 'unblock' | null;
  error_code: string | null;
  checked_at: string | null;
  /** The newest. */
  funding: CardFunding | null;
  request_id: string | null;
  created_at: string;
  activated_at: string | null;
  closed_at: string | null;
}

/** Dollars put on a card; the first are part of its creation. */
export interface CardFunding {
  id: string;
  card_id: string;
  kind: 'creation' | 'funding';
  usd: string;
  /** What the wallet pays. */
  price: string;
  status: 'ordering' | 'pending' | 'completed' | 'failed';
  error_code: string | null;
  created_at: string;
  ended_at: string | null;
}

/** What moved money on a card. */
export interface CardTransaction {
  card_id: string;
  /** The provider's. */
  transaction_id: string;
  /** Onto the card: positive. */
  usd: string;
  type: string | null;
  method: string | null;
  narrative: string | null;
  status: string;
  at: string;
}

export interface BalanceChanged extends Wallet {
  operation: 'freeze' | 'commit' | 'refund' | 'deposit' | 'adjust' | 'correct';
  amount: string;
  transaction_id: string | null;
}

export interface AdminLive {
  type: 'admin.live';
  at: string;
  gateways: string[];
  connections: Record<'websocket' | 'sse' | 'poll', number>;
  users: number;
  newest_event: number;
  alerts_open: number;
  orders_stuck: number;
  delivery_s_sum: number;
  delivery_count: number;
}

/** For operators: what needs a person (`wallet`, `begun`), and that it is over (`over`). */
export interface AdminAlert {
  alert: string;
  [detail: string]: unknown;
}

/** All a page needs to draw itself: every open order, and the newest closed ones. */
export interface Snapshot {
  wallet: Wallet;
  activations: Activation[];
  rentals: Rental[];
  /** But those closed for longer than a day. */
  cards: Card[];
}

/** One visible change. A user's `seq` counts 1, 2, 3 … without a gap. */
export interface RealtimeEvent<Type extends string = string, Data = unknown> {
  type: Type;
  seq: number;
  /** The place behind this event; opaque. */
  cursor: string;
  at: string;
  data: Data;
}

export interface EventData {
  'sms.received': SmsReceived;
  'balance.changed': BalanceChanged;
  'activation.created': Activation;
  'activation.updated': Activation;
  'rental.created': Rental;
  'rental.updated': Rental;
  'card.created': Card;
  'card.updated': Card;
  'card.transaction': CardTransaction;
  'admin.alert': AdminAlert;
}

export type EventType = keyof EventData;
export type KnownEvent = { [Type in EventType]: RealtimeEvent<Type, EventData[Type]> }[EventType];

/** The first message of each connection. With a snapshot: replace all you know. Without: what was missed follows. */
export type Ready = { type: 'ready'; cursor: string; heartbeat_s: number; server_time?: string } & (
  | { resumed: false; snapshot: Snapshot }
  | { resumed: true; snapshot?: undefined }
);

export interface Notices {
  heartbeat: { type: 'heartbeat' };
  /** The token expires soon. With `getToken` the client sees to it. */
  'auth.expiring': { type: 'auth.expiring'; expires_at: string; in_s: number };
  'auth.renewed': { type: 'auth.renewed'; expires_at: string };
  /** To operators: what all gateways are doing, every two seconds. */
  'admin.live': AdminLive;
  /** Something this client sent could not be taken; the connection stays. */
  error: { type: 'error'; success: false; error_code: string; message: string };
}

// The client

export type TransportName = 'ws' | 'sse' | 'poll';

export interface CloseReason {
  /** The gateway's close code, one of RFC 6455, or 0 for a reason of this side. */
  code: number;
  name?: string;
  reconnect?: boolean;
  /** Milliseconds that the service asked to wait at least. */
  retryMs?: number;
}

export interface ClientState {
  transport: string;
  status: 'connecting' | 'live' | 'waiting' | 'closed';
  /** Whether this tab has the connection for all, lives on another tab's, or shares none. */
  role: 'leader' | 'follower' | 'alone';
  /** Failed attempts since the last stable connection. */
  attempt: number;
  /** While waiting; null when offline, until the network is back. */
  retry_in_ms: number | null;
  /** Why it waits or is closed; null if `close` was called. */
  reason: CloseReason | null;
}

export interface TokenRequest {
  reason: 'start' | 'expiring' | 'refused';
  /** The one that does no longer. */
  token: string | null;
}

export interface ClientOptions {
  /** Where the gateway lives. Default: the page's origin. Required where there is no page. */
  baseUrl?: string;
  /** The user's JWT. This or `getToken`, or both. */
  token?: string | null;
  /** A new token; null: the user is signed out, which closes the client. A failure is tried again later. */
  getToken?: (why: TokenRequest) => Promise<string | null> | string | null;
  /** Whose events these are. Default: the token's `sub`. Tabs of one user share, positions are kept by user. */
  user?: string;
  /** One connection for all tabs of the origin. Default: true, where the browser can. */
  share?: boolean;
  /** True: your own state has survived, go on from the kept position. Default: false, begin with a snapshot. */
  resume?: boolean;
  /** The `cursor` that you have saved with your own state; goes before the kept position. */
  cursor?: string;
  /** Where positions are kept. Default: sessionStorage. */
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null;
  /** Best first. Default: all. */
  transports?: (TransportName | Transport)[];
  timing?: Partial<Timing>;
  /** What follows stands in for the browser's own, as in tests. */
  clock?: Clock;
  random?: () => number;
  window?: unknown;
  locks?: unknown;
  BroadcastChannel?: unknown;
}

export interface Clock {
  now(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(id: unknown): void;
}

export class RealtimeClient {
  constructor(options: ClientOptions);
  readonly state: ClientState;
  /** The place of the last event applied: save it with your own state. */
  readonly cursor: string | null;
  /** @returns Ends it. */
  on<Type extends EventType>(type: Type, handler: (event: RealtimeEvent<Type, EventData[Type]>) => void): () => void;
  on(type: 'ready', handler: (message: Ready) => void): () => void;
  /** Every event, in order, also of types that are not known here. */
  on(type: 'event', handler: (event: KnownEvent) => void): () => void;
  on(type: 'state', handler: (state: ClientState) => void): () => void;
  on<Type extends keyof Notices>(type: Type, handler: (notice: Notices[Type]) => void): () => void;
  /** Events of a later version of the service. */
  on(type: string & {}, handler: (message: RealtimeEvent) => void): () => void;
  start(): void;
  /** Receipt for the service: the event at this cursor was shown to the user. */
  ack(cursor: string): void;
  /** Your state is lost: the next `ready` brings a snapshot. */
  askSnapshot(): void;
  /** Ends it, and leaves the connection to another tab. `start` goes on where it stopped. */
  close(): void;
}

/** A client that has been started. */
export function connect(options: ClientOptions): RealtimeClient;

// Parts

/** Milliseconds; none may be zero or infinite. */
export interface Timing {
  readyDeadlineMs: number;
  bufferedAfterMs: number;
  tokenDeadlineMs: number;
  backoffBaseMs: number;
  backoffCapMs: number;
  retryHintCapMs: number;
  stableAfterMs: number;
  upgradeAfterMs: number;
  leaderAnswerMs: number;
}

export interface Connection {
  send(message: { type: 'ack'; cursor: string }): void;
  renew(token: string): Promise<boolean>;
  close(): void;
}

/** The contract is stated in transports.js. */
export interface Transport {
  readonly name: string;
  open(request: {
    baseUrl: string;
    token: string;
    cursor: string | null;
    onOpen?: () => void;
    onMessage: (message: object) => void;
    onClose: (reason: CloseReason) => void;
  }): Connection;
}

export const TIMING: Readonly<Timing>;
export const TRANSPORTS: Readonly<Record<TransportName, Transport>>;
export function fullJitterMs(
  attempt: number,
  timing: Pick<Timing, 'backoffBaseMs' | 'backoffCapMs'>,
  random?: () => number,
): number;
