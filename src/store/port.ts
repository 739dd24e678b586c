import type { DurableReceipt, EpochMs, Payment, PaymentEvent, PaymentStatus } from '../payment/index.ts';

/** The store cannot serve now; whether the last write was kept is not known. Whoever asked may ask again. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** A document that is on stable storage, with the proof of it (I3). */
export interface Stored {
  readonly payment: Payment;
  readonly receipt: DurableReceipt;
}

export type Inserted = ({ readonly outcome: 'inserted' } & Stored) | ({ readonly outcome: 'exists' } & Stored);

export type Updated =
  | ({ readonly outcome: 'updated' } & Stored)
  /** Somebody else was first: load again, apply again. */
  | { readonly outcome: 'stale' }
  /** A channelTradeNo of a succeeded attempt already belongs to another payment or attempt of that channel (I12). */
  | { readonly outcome: 'trade_no_taken' };

export interface UpdateOptions {
  readonly releaseLease?: string;
  readonly before?: Payment;
}

export interface VolumeQuery {
  readonly channelId: string;
  readonly currency: string;
  readonly from: EpochMs;
  /** Excluded. */
  readonly until: EpochMs;
}

export interface ChannelVolume {
  /** Paid or may yet be paid, of the orders that were given to the channel then. */
  readonly takenMinor: number;
  /** Paid by buyers then. */
  readonly paidMinor: number;
}

export interface PaymentFilter {
  readonly merchantId: string;
  readonly merchantOrderNo?: string;
  readonly status?: PaymentStatus;
  /** From this time on, it included. */
  readonly createdAfter?: EpochMs;
  /** Up to this time, it excluded, so that periods join without gap or overlap. */
  readonly createdBefore?: EpochMs;
  /** 1-100 */
  readonly limit: number;
  /** The `nextCursor` of the page before; a text that never was one starts at the newest. */
  readonly cursor?: string;
}

/** From the first time on, it included, up to the second, it excluded. */
export interface Period {
  readonly from: EpochMs;
  readonly before: EpochMs;
}

export interface CreatedPage extends Period {
  /** Only about one in so many, spread evenly, and always the same ones. 1: all. */
  readonly every: number;
  /** 1-1000 */
  readonly limit: number;
  /** The `nextCursor` of the page before; a text that never was one starts at the oldest. */
  readonly cursor?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface ListedEvent {
  readonly paymentId: string;
  readonly merchantId: string;
  readonly event: PaymentEvent;
}

/** An address of a shop that fails; one that works has no entry. */
export interface FailingEndpoint {
  readonly merchantId: string;
  /** Origin and path of the notify URL, without its query. */
  readonly endpoint: string;
  /** The first failure since its last success. */
  readonly failingSince: EpochMs;
  /** Nothing but a trial now and then is sent there since then; null while it is only failing. */
  readonly pausedAt: EpochMs | null;
  /** The last failure in a short word (`status 500`, `ECONNREFUSED`). */
  readonly reason: string;
}

/**
 * An order number of a merchant under which payments may follow each other, each with a number of its own. At most one of them ever
 * counts: whichever `paidBy` names.
 */
export interface OrderNumber {
  readonly merchantId: string;
  readonly orderNo: string;
  /** 1 when it is first saved; every change is one compare-and-set on it. */
  readonly version: number;
  /** Which of its payments is the current one, from 1. */
  readonly round: number;
  /** What the current payment was asked for: another request under the number is another order. */
  readonly requestHash: string;
  /** The payment that has taken effect; once set it stays. */
  readonly paidBy: string | null;
}

export type KeyReservation =
  | { readonly outcome: 'reserved' }
  /** The key was used before with this hash. */
  | { readonly outcome: 'repeat'; readonly subject: string }
  | { readonly outcome: 'conflict' };

/**
 * The durable port. One payment is one document; every write is one atomic compare-and-set, and every promise of a write
 * resolves only after the data is on stable storage. No method spans two documents. Rejections are outages of the store.
 */
export interface PaymentStore {
  /** Inserts unless (merchantId, merchantOrderNo) exists (I1); then it answers the existing payment. */
  insert(payment: Payment): Promise<Inserted>;
  findById(id: string): Promise<Stored | null>;
  findByOrderNo(merchantId: string, merchantOrderNo: string): Promise<Stored | null>;
  /**
   * Writes `next` if the stored version is `next.version - 1`. The update also ends the lease of `releaseLease`, when that
   * owner holds it. `before` is the document that `next` was made of, for what is counted beside it; without it the store reads it again.
   */
  update(next: Payment, options?: UpdateOptions): Promise<Updated>;
  /** Newest first, by creation time and id. */
  list(filter: PaymentFilter): Promise<Page<Payment>>;
  /** The payments of all merchants that were created in a period, oldest first by creation time and id; in pages that do not overlap. */
  listCreated(page: CreatedPage): Promise<Page<Payment>>;
  /** How many payments of all merchants were created in a period. */
  countCreated(period: Period): Promise<number>;
  /**
   * Takes up to `limit` payments with `nextDueAt <= now` that nobody holds, earliest first, for `leaseMs`. A payment comes back
   * to the pool when its lease is released or runs out.
   */
  claimDue(claim: {
    readonly now: EpochMs;
    readonly owner: string;
    readonly leaseMs: number;
    readonly limit: number;
  }): Promise<readonly Payment[]>;
  /** The same for one payment, whether it is due or not; null when somebody holds it, or there is none. */
  claimPayment(claim: {
    readonly id: string;
    readonly now: EpochMs;
    readonly owner: string;
    readonly leaseMs: number;
  }): Promise<Payment | null>;
  releaseLease(id: string, owner: string): Promise<void>;
  /** How many payments are due at `now`, and since when the oldest of them has been (null when none). */
  dueBacklog(now: EpochMs): Promise<{ readonly count: number; readonly oldestDueAt: EpochMs | null }>;
  /** A merchant's events, oldest first; `after` is an event id of that merchant (unknown id: from the start). */
  listEvents(page: {
    readonly merchantId: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly ListedEvent[]>;
  /** Events that were given up, oldest first, of one merchant or of all; `after` as in `listEvents`. */
  listDeadEvents(page: {
    readonly merchantId: string | null;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly ListedEvent[]>;
  /** Unfinished payments that were last written at a time later than `now`: the clock has been set back since. */
  findAhead(now: EpochMs, limit: number): Promise<readonly Payment[]>;
  /** How many payments `needsChannel` finds for this channel, up to `max`. Reads every unfinished payment: for rare questions. */
  countNeeding(channelId: string, max: number): Promise<number>;
  /** Inserts or replaces the entry of (merchantId, endpoint). */
  saveFailingEndpoint(entry: FailingEndpoint): Promise<void>;
  forgetFailingEndpoint(entry: Pick<FailingEndpoint, 'merchantId' | 'endpoint'>): Promise<void>;
  listFailingEndpoints(): Promise<readonly FailingEndpoint[]>;
  /** Null while nobody has saved one. */
  findOrderNumber(merchantId: string, orderNo: string): Promise<OrderNumber | null>;
  /**
   * Inserts the entry when its version is 1 and there is none of (merchantId, orderNo); replaces it when the stored version is
   * `next.version - 1`. `stale`: somebody else was first, and nothing is written.
   */
  saveOrderNumber(next: OrderNumber): Promise<'saved' | 'stale'>;
  /** Remembers an Idempotency-Key with the hash of its request. `subject` is what the first request made. */
  reserveKey(key: {
    readonly merchantId: string;
    readonly key: string;
    readonly requestHash: string;
    readonly subject: string;
    readonly now: EpochMs;
  }): Promise<KeyReservation>;
  /**
   * Forgets keys that were reserved before `olderThan`, the oldest first and at most `limit` of them, and answers how many.
   * Fewer than `limit` means that none is left.
   */
  purgeKeys(olderThan: EpochMs, limit: number): Promise<number>;
  /** What a channel has taken and been paid in a stretch of time, whose ends lie on quarters of an hour of UTC. Cheap. */
  channelVolume(query: VolumeQuery): Promise<ChannelVolume>;
  /** Orders and refunds per channel whose end is not known yet; a channel without any may be missing. */
  liveOrders(): Promise<ReadonlyMap<string, number>>;
  /** Counts for the gauges; cheap enough for every scrape. */
  counts(): Promise<StoreCounts>;
  /** Rejects when the store cannot serve. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Keeps what routing has learnt; a text of at most some megabytes that only routing reads. */
export interface RoutingMemoryStore {
  /** Replaces what was saved before. */
  saveRoutingMemory(snapshot: string): Promise<void>;
  loadRoutingMemory(): Promise<string | null>;
}

/** What kinds of work a store is asked for, as far as somebody counts its failures. */
export type StoreOperation = 'insert' | 'update' | 'read' | 'claim' | 'other';

/** Kinds of commands to MongoDB, by the name that each has on the wire. */
export type MongoCommand =
  | 'find'
  | 'getMore'
  | 'aggregate'
  | 'insert'
  | 'update'
  | 'delete'
  | 'findAndModify'
  | 'other';

export interface StoreCounts {
  /** Payments with an attempt in state unknown. */
  readonly unknown: number;
  /** Paid, but not reported as delivered. */
  readonly undelivered: number;
  /** When the oldest of each was created. */
  readonly oldestUnknownAt: EpochMs | null;
  readonly oldestUndeliveredAt: EpochMs | null;
  readonly webhookBacklog: number;
  readonly oldestWebhookAt: EpochMs | null;
  /** Events that were given up. */
  readonly deadEvents: number;
  /** Refunds whose outcome is not known yet. */
  readonly refundsPending: number;
  /** Payments with money that waits for a person's decision. */
  readonly held: number;
}
