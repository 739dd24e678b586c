import type Database from 'better-sqlite3';
import type { FailingEndpoint, OrderNumber } from '../port.ts';
import { type Connection, openReader, openWriter } from './connection.ts';
import { prepareFailingEndpointList } from './failing-endpoints.ts';
import { explaining } from './failures.ts';
import { markMoved, movedTo, unmarkMoved } from './moved.ts';
import { prepareRoutingMemory } from './routing-memory.ts';

/** A stored payment as it lies there; its document is not looked into. */
export interface SourcePayment {
  readonly pk: number;
  readonly id: string;
  readonly version: number;
  readonly document: string;
}

/** Events of all merchants, in the order in which they are listed. */
export interface SourceEvent {
  readonly pk: number;
  readonly eventId: string;
  readonly merchantId: string;
}

export interface SourceKey {
  readonly merchantId: string;
  readonly key: string;
  readonly requestHash: string;
  readonly subject: string;
  readonly createdAt: number;
}

export interface SourceVolume {
  readonly channelId: string;
  readonly currency: string;
  readonly slot: number;
  readonly takenMinor: number;
  readonly paidMinor: number;
}

/** How many rows each table has that moves. */
export interface SourceCounts {
  readonly payments: number;
  readonly events: number;
  readonly tradeNumbers: number;
  readonly orderNumbers: number;
  readonly keys: number;
}

/** Everything of an embedded store that has to move, in pages of the size that is asked for. */
export interface MovingSource {
  /** By `pk`, which only grows. */
  versions(afterPk: number, limit: number): readonly { readonly pk: number; readonly version: number }[];
  /** These payments, and the events after `afterEventPk` as they were at the same moment. */
  payments(
    pks: readonly number[],
    afterEventPk: number,
  ): { readonly payments: readonly SourcePayment[]; readonly events: readonly SourceEvent[] };
  events(afterPk: number, limit: number): readonly SourceEvent[];
  orderNumbers(after: readonly [string, string], limit: number): readonly OrderNumber[];
  keys(after: readonly [string, string], limit: number): readonly SourceKey[];
  volumes(): readonly SourceVolume[];
  failingEndpoints(): readonly FailingEndpoint[];
  routingMemory(): string | null;
  counts(): SourceCounts;
  close(): void;
}

/** The same while no gateway can open the file. */
export interface HeldSource extends MovingSource {
  /** From now on no program opens the file for payments: they are in the store `target`. Durable when it returns. */
  giveAway(target: string, atMs: number): void;
}

/** Beside a gateway that may be running. Throws, with what to do, when the file cannot be read or its payments have moved. */
export function openMovingSource(path: string): MovingSource {
  return explaining(path, () => sourceOn(openReader(path)));
}

/**
 * Takes the file away from every gateway until it is closed; throws when one has it. A file that was given away to `target`
 * before is taken back: only for whoever knows that `target` serves nobody yet.
 */
export function holdMovingSource(path: string, target: string): HeldSource {
  const connection = openWriter(path, undefined, (db) => unmarkMoved(db, target));
  try {
    return {
      ...explaining(path, () => sourceOn(connection)),
      giveAway: (to, atMs) => explaining(path, () => markMoved(connection.db, to, atMs)),
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Which store the payments of the file were given to; null when they are its own. */
export function whereMoved(path: string): string | null {
  return movedTo(path);
}

function sourceOn(connection: Connection): MovingSource {
  const { db, path } = connection;
  const versions = db.prepare<[number, number], { pk: number; version: number }>(
    'SELECT pk, version FROM payments WHERE pk > ? ORDER BY pk LIMIT ?',
  );
  const payment = db.prepare<[number], SourcePayment>('SELECT pk, id, version, document FROM payments WHERE pk = ?');
  const events = db.prepare<[number, number], SourceEvent>(
    'SELECT pk, event_id AS eventId, merchant_id AS merchantId FROM events WHERE pk > ? ORDER BY pk LIMIT ?',
  );
  const atOneMoment = db.transaction((pks: readonly number[], afterEventPk: number) => ({
    payments: pks.flatMap((pk) => payment.get(pk) ?? []),
    events: events.all(afterEventPk, -1),
  }));
  const endpoints = prepareFailingEndpointList(db);
  const memory = prepareRoutingMemory(db);
  const reads = preparePages(db);
  const safely = <T>(read: () => T): T => explaining(path, read);
  return {
    versions: (afterPk, limit) => safely(() => versions.all(afterPk, limit)),
    payments: (pks, afterEventPk) => safely(() => atOneMoment(pks, afterEventPk)),
    events: (afterPk, limit) => safely(() => events.all(afterPk, limit)),
    orderNumbers: ([merchantId, orderNo], limit) => safely(() => reads.orderNumbers.all(merchantId, orderNo, limit)),
    keys: ([merchantId, key], limit) => safely(() => reads.keys.all(merchantId, key, limit)),
    volumes: () => safely(() => reads.volumes.all()),
    failingEndpoints: () => safely(endpoints),
    routingMemory: () => safely(memory.load),
    counts: () =>
      safely(() => {
        const counts = reads.counts.get();
        if (counts === undefined) throw new Error(`store: ${path} cannot be counted`);
        return counts;
      }),
    close: () => connection.close(),
  };
}

function preparePages(db: Database.Database) {
  return {
    orderNumbers: db.prepare<[string, string, number], OrderNumber>(`
      SELECT merchant_id AS merchantId, order_no AS orderNo, version, round, request_hash AS requestHash, paid_by AS paidBy
      FROM order_numbers WHERE (merchant_id, order_no) > (?, ?) ORDER BY merchant_id, order_no LIMIT ?`),
    keys: db.prepare<[string, string, number], SourceKey>(`
      SELECT merchant_id AS merchantId, key, request_hash AS requestHash, subject, created_at AS createdAt
      FROM idempotency_keys WHERE (merchant_id, key) > (?, ?) ORDER BY merchant_id, key LIMIT ?`),
    // A row for each channel and quarter of an hour: few, whatever the traffic.
    volumes: db.prepare<[], SourceVolume>(`
      SELECT channel_id AS channelId, currency, slot, taken_minor AS takenMinor, paid_minor AS paidMinor
      FROM channel_volumes`),
    counts: db.prepare<[], SourceCounts>(`
      SELECT (SELECT COUNT(*) FROM payments) AS payments, (SELECT COUNT(*) FROM events) AS events,
        (SELECT COUNT(*) FROM trade_numbers) AS tradeNumbers, (SELECT COUNT(*) FROM order_numbers) AS orderNumbers,
        (SELECT COUNT(*) FROM idempotency_keys) AS keys`),
  };
}
