import { mongo } from 'mongoose';
import { isDuplicate } from './failures.ts';
import { createFilling, type Filling } from './installation.ts';
import { openLink } from './link.ts';
import { COLLECTIONS, type CollectionName, type MovingRow } from './moving-rows.ts';

/** A batch of documents may take a slow server longer than a payment may. */
const SOCKET_MS = 120_000;
const POOL_SIZE = 10;
/** Of the installation's values these two tell of the move itself. */
const OWN_VALUES = ['layout', 'filling'];

/** Documents that count by their version: a lower one is replaced, and none by a lower one. */
const VERSIONED: ReadonlySet<CollectionName> = new Set(['payments', 'order_numbers']);
/** Documents that never change: another one under the `_id` is a fault that nobody may write over. */
const FIXED: ReadonlySet<CollectionName> = new Set(['order_reservations', 'trade_numbers']);

/** A database that payments are moved to. Everything that is answered or written is on the journal of a majority. */
export interface MovingTarget {
  /** What it says of itself; null while it holds nothing. Throws when it holds anything that no move has brought. */
  filling(): Promise<Filling | null>;
  /** Takes an empty database for this source, so that no gateway starts on it until `open`. */
  begin(filling: Filling): Promise<void>;
  find(collection: CollectionName, ids: readonly string[]): Promise<ReadonlyMap<string, object>>;
  /** Those that are there already stay as they are. */
  insert(collection: CollectionName, rows: readonly MovingRow[]): Promise<void>;
  /** Puts rows in the place of others, as far as the collection's kind allows it. */
  replace(collection: CollectionName, rows: readonly MovingRow[]): Promise<void>;
  remove(collection: CollectionName, ids: readonly string[]): Promise<void>;
  count(collection: CollectionName): Promise<number>;
  /** In order, after this one. */
  ids(collection: CollectionName, after: string, limit: number): Promise<readonly string[]>;
  /** From now on gateways start on it. */
  open(finishedAtMs: number): Promise<void>;
  close(): Promise<void>;
}

interface Row {
  readonly _id: string;
  readonly version?: number;
}

/** Connects, or throws with what to do about it. */
export async function openMovingTarget(url: string): Promise<MovingTarget> {
  const link = await openLink({ url, poolSize: POOL_SIZE, socketMs: SOCKET_MS });
  const { rows, run } = link;
  const filling = createFilling(rows);
  const at = (name: CollectionName) => rows.payments.db.collection<Row>(name);
  const own = (name: CollectionName) => (name === 'installation' ? { _id: { $nin: OWN_VALUES } } : {});

  async function assertEmpty(): Promise<void> {
    for (const name of COLLECTIONS) {
      const found = await at(name).findOne(own(name), { projection: { _id: 1 } });
      if (found === null) continue;
      throw new Error(
        `migrate: the database of MONGO_URL holds ${name} that no migration has brought; name an empty database in MONGO_URL`,
      );
    }
  }

  async function insert(name: CollectionName, moving: readonly MovingRow[]): Promise<void> {
    const documents = moving.map(({ row }) => row as Row);
    await at(name)
      .insertMany(documents, { ordered: false })
      .catch((error: unknown) => {
        if (!isOnlyDuplicates(error)) throw error;
      });
  }

  async function replace(name: CollectionName, moving: readonly MovingRow[]): Promise<void> {
    if (FIXED.has(name)) return;
    const operations = moving.map(({ _id, row }) => {
      const replacement = row as Row;
      const older = VERSIONED.has(name) ? { version: { $lt: replacement.version ?? 0 } } : {};
      return { replaceOne: { filter: { _id, ...older }, replacement } };
    });
    await at(name).bulkWrite(operations, { ordered: false });
  }

  return {
    filling: () =>
      run(async () => {
        const found = await filling.find();
        if (found === null) await assertEmpty();
        return found;
      }),
    begin: (what) =>
      run(async () => {
        await filling.begin(what);
        // Now, while they are empty: afterwards it could take longer than a gateway that starts would wait.
        const { raw: _, ...models } = rows;
        for (const model of Object.values(models)) await model.createIndexes();
      }),
    find: (name, ids) =>
      run(async () => {
        const found = await at(name)
          .find({ _id: { $in: [...ids] } })
          .toArray();
        return new Map(found.map((row) => [row._id, row]));
      }),
    insert: (name, moving) => run(() => insert(name, moving)),
    replace: (name, moving) => run(() => replace(name, moving)),
    remove: (name, ids) =>
      run(async () => {
        await at(name).deleteMany({ _id: { $in: [...ids] } });
      }),
    count: (name) => run(() => at(name).countDocuments(own(name), { maxTimeMS: SOCKET_MS })),
    ids: (name, after, limit) =>
      run(async () => {
        const found = await at(name)
          .find({ ...own(name), $and: [{ _id: { $gt: after } }] }, { projection: { _id: 1 } })
          .sort({ _id: 1 })
          .limit(limit)
          .toArray();
        return found.map(({ _id }) => _id);
      }),
    open: (finishedAtMs) => run(() => filling.finish(finishedAtMs)),
    close: link.close,
  };
}

function isOnlyDuplicates(error: unknown): boolean {
  if (!(error instanceof mongo.MongoBulkWriteError)) return isDuplicate(error);
  const failed = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  return failed.length > 0 && failed.every(({ code }) => code === DUPLICATE_KEY) && error.code === DUPLICATE_KEY;
}

const DUPLICATE_KEY = 11_000;
