import type { PaymentStore, RoutingMemoryStore } from '../port.ts';
import { type CommitStats, createCommitQueue } from './commit-queue.ts';
import { type Connection, openReader, openWriter } from './connection.ts';
import { prepareFailingEndpoints } from './failing-endpoints.ts';
import { explaining } from './failures.ts';
import { prepareKeys } from './keys.ts';
import { prepareLeases } from './leases.ts';
import { prepareOrderNumbers } from './order-numbers.ts';
import { type PaymentReads, prepareReads } from './reads.ts';
import { createRecent } from './recent.ts';
import { prepareRoutingMemory } from './routing-memory.ts';
import { prepareWrites } from './writes.ts';

export interface SqliteOptions {
  /** The database file. SQLite keeps `-wal` and `-shm` beside it, and `.lock` keeps a second gateway out. */
  readonly path: string;
  /** The file may not grow beyond this; then writes are refused as on a full disk. Absent: the disk is the limit. */
  readonly sizeBytesMax?: number;
  /**
   * A commit follows another one no sooner than so many milliseconds: each keeps the event loop waiting for the disk, however little is in
   * it. Absent: with the next turn of the event loop.
   */
  readonly gatherMs?: number;
  /** Hears of a due payment whose document cannot be trusted; it is left alone until a person repairs it. */
  readonly onDamaged?: (error: Error) => void;
}

export interface SqliteStore extends PaymentStore, RoutingMemoryStore {
  /** For the metrics: how many writes share a commit. */
  stats(): CommitStats;
}

/** What can be read while a gateway works on the same file. */
export type SqliteReader = PaymentReads & Pick<PaymentStore, 'ping' | 'close'>;

/**
 * The durable store of the embedded shape: one file, one writing process. Throws, with what to do about it, when the file cannot be
 * opened, is not ours, or is in use by another gateway.
 */
export function openSqliteStore(options: SqliteOptions): SqliteStore {
  const connection = openWriter(options.path, options.sizeBytesMax);
  try {
    return explaining(connection.path, () => storeOn(connection, options));
  } catch (error) {
    connection.close();
    throw error;
  }
}

function storeOn(connection: Connection, { onDamaged = () => {}, gatherMs = 0 }: SqliteOptions): SqliteStore {
  const { db, path } = connection;
  const queue = createCommitQueue(connection, gatherMs);
  // An older version kept its leases here; and a file that takes no write is met now, not with the first payment. The table stays: taking it
  // out would be a migration, after which the older version would refuse the file.
  db.exec('DELETE FROM leases');
  const recent = createRecent();
  const leases = prepareLeases(db, recent, onDamaged);
  const writes = prepareWrites(db, leases, recent);
  const keys = prepareKeys(db);
  const failingEndpoints = prepareFailingEndpoints(db);
  const orderNumbers = prepareOrderNumbers(db);
  const routingMemory = prepareRoutingMemory(db);
  const { ping, close } = lifecycle(connection);
  /** While writes fail nobody may send traffic, so nothing but this would ever notice that they work again. */
  async function endOutage(): Promise<void> {
    if (queue.outage() === null) return;
    await queue.submit(writes.checkRoom());
    queue.forgetOutage();
  }
  return {
    ...prepareReads(connection),
    insert: async (payment) => queue.submit(writes.insert(payment)),
    update: async (next, update) => queue.submit(writes.update(next, update)),
    async claimDue(claim) {
      // What cannot be recorded must not be begun: an event would go out again and again.
      await endOutage();
      return explaining(path, () => leases.claim(claim));
    },
    async claimPayment(claim) {
      await endOutage();
      return explaining(path, () => leases.claimOne(claim));
    },
    releaseLease: async (id, owner) => leases.release(id, owner),
    findAhead: async (now, limit) => explaining(path, () => leases.findAhead(now, limit)),
    saveFailingEndpoint: async (entry) => queue.submit(failingEndpoints.save(entry)),
    forgetFailingEndpoint: async (entry) => queue.submit(failingEndpoints.forget(entry)),
    saveOrderNumber: async (next) => queue.submit(orderNumbers.save(next)),
    saveRoutingMemory: async (snapshot) => queue.submit(routingMemory.save(snapshot)),
    loadRoutingMemory: async () => explaining(path, () => routingMemory.load()),
    reserveKey: async (key) => queue.submit(keys.reserve(key)),
    purgeKeys: async (olderThan, limit) => queue.submit(keys.purgeOlder(olderThan, limit)),
    stats: queue.stats,
    async ping() {
      await ping();
      await endOutage();
    },
    async close() {
      queue.drain();
      await close();
    },
  };
}

/** Opens the file of a store for looking only, also while a gateway writes to it. Throws as `openSqliteStore` does. */
export function openSqliteReader(path: string): SqliteReader {
  const connection = openReader(path);
  return { ...prepareReads(connection), ...lifecycle(connection) };
}

function lifecycle(connection: Connection): Pick<PaymentStore, 'ping' | 'close'> {
  const alive = connection.db.prepare('SELECT 1 FROM totals');
  return {
    async ping() {
      explaining(connection.path, () => {
        connection.assertInPlace();
        alive.get();
      });
    },
    async close() {
      if (connection.db.open) explaining(connection.path, () => connection.close());
    },
  };
}
