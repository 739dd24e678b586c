import { Redis } from 'ioredis';
import { createConnection, mongo } from 'mongoose';
import { driveLives } from './lifecycle.ts';
import { table } from './report.ts';
import type { Stage } from './stage.ts';
import type { WireCounter } from './wire-counter.ts';

const IDLE_MS = 5_000;

interface Collection {
  readonly name: string;
  readonly perPayment: number;
  /** Of its documents, as they go over the wire. */
  readonly bsonBytes: number;
  /** By index, the bytes of its keys per payment: what a server adds for each entry comes on top. */
  readonly keyBytes: Readonly<Record<string, number>>;
}

/** What one payment (created, paid by callback, its event delivered) asks of both servers, and what an idle replica does. */
export interface Counted {
  readonly payments: number;
  readonly mongo: Readonly<Record<string, number>>;
  readonly mongoBytes: number;
  readonly redis: Readonly<Record<string, number>>;
  readonly idlePerSecond: {
    readonly mongo: Readonly<Record<string, number>>;
    readonly redis: Readonly<Record<string, number>>;
  };
  readonly collections: readonly Collection[];
}

export async function countPerPayment(parts: {
  readonly stage: Stage;
  readonly counter: WireCounter;
  readonly database: string;
  readonly redisUrl: string;
  readonly payments: number;
}): Promise<Counted> {
  const { stage, counter, database, redisUrl, payments } = parts;
  const redis = new Redis(redisUrl);
  const idle = await during(counter, redis, () => new Promise((resolve) => setTimeout(resolve, IDLE_MS)));
  const busy = await during(counter, redis, async () => {
    // One after the other, so that no two share a batch: what a payment costs at most.
    const arrivals = { payments, ratePerS: null, callers: 1, unpaidEvery: 0 };
    const { problems } = await driveLives(stage, [0], arrivals);
    if (problems.size > 0) throw new Error(`payments failed: ${[...problems.keys()].join(', ')}`);
  });
  redis.disconnect();
  const perSecond = (counts: Counts): Counts => scaled(counts, 1_000 / idle.ms);
  const perPayment = (of: 'mongo' | 'redis'): Counts => {
    const background = scaled(idle[of], busy.ms / idle.ms);
    const own = Object.entries(busy[of]).map(([name, n]) => [name, (n - (background[name] ?? 0)) / payments] as const);
    return Object.fromEntries(own.filter(([, n]) => n >= 0.05));
  };
  return {
    payments,
    ...{ mongo: perPayment('mongo'), redis: perPayment('redis') },
    mongoBytes: (busy.bytes - (idle.bytes * busy.ms) / idle.ms) / payments,
    idlePerSecond: { mongo: perSecond(idle.mongo), redis: perSecond(idle.redis) },
    collections: await sizesOf(database, payments),
  };
}

type Counts = Readonly<Record<string, number>>;

async function during(counter: WireCounter, redis: Redis, act: () => Promise<unknown>) {
  counter.take();
  const before = await commandsOf(redis);
  const startedAt = performance.now();
  await act();
  const ms = performance.now() - startedAt;
  const after = await commandsOf(redis);
  const { commands, bytes } = counter.take();
  const grown = Object.entries(after).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
  return { ms, bytes, mongo: Object.fromEntries(commands), redis: Object.fromEntries(grown) as Counts };
}

/** As the server itself counts them; a command inside a script counts too. */
async function commandsOf(redis: Redis): Promise<Counts> {
  const text = await redis.info('commandstats');
  const found = [...text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
  return Object.fromEntries(
    found.map(([, name = '', calls]) => [name, Number(calls)]).filter(([name]) => name !== 'info'),
  );
}

async function sizesOf(url: string, payments: number): Promise<readonly Collection[]> {
  const connection = await createConnection(url).asPromise();
  try {
    const found: Collection[] = [];
    for (const { name } of (await connection.db?.listCollections().toArray()) ?? []) {
      const collection = connection.collection<{ _id: string }>(name);
      const documents = await collection.find().limit(1_000).toArray();
      const count = await collection.countDocuments();
      if (count < payments / 2) continue;
      const bytes = documents.reduce((sum, each) => sum + mongo.BSON.calculateObjectSize(each), 0);
      const keyBytes: Record<string, number> = {};
      for (const index of await collection.indexes()) {
        keyBytes[index.name ?? '?'] = keyBytesOf(documents, Object.keys(index.key), index.sparse === true);
      }
      found.push({ name, perPayment: count / payments, bsonBytes: bytes / documents.length, keyBytes });
    }
    return found;
  } finally {
    await connection.close();
  }
}

/** On average over all documents; one without the field has no entry in a sparse index. */
function keyBytesOf(documents: readonly mongo.BSON.Document[], fields: readonly string[], isSparse: boolean): number {
  const bytes = documents.map((document) => {
    if (isSparse && fields.every((field) => document[field] === undefined)) return 0;
    return fields.reduce((sum, field) => sum + mongo.BSON.calculateObjectSize({ '': document[field] ?? null }) - 5, 0);
  });
  return bytes.reduce((sum, n) => sum + n, 0) / Math.max(1, documents.length);
}

function scaled(counts: Counts, by: number): Counts {
  return Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, n * by]));
}

export function printCounted({ payments, mongoBytes, collections, idlePerSecond, ...counts }: Counted): void {
  const out = (text: string): void => void process.stdout.write(`${text}\n`);
  const sum = (all: Counts): string =>
    Object.values(all)
      .reduce((total, n) => total + n, 0)
      .toFixed(1);
  for (const server of ['mongo', 'redis'] as const) {
    const sorted = Object.entries(counts[server]).toSorted(([, a], [, b]) => b - a);
    out(
      `\n${server}, per payment (of ${payments}, one after the other), without what an idle replica does: ${sum(counts[server])}`,
    );
    out(
      table(
        sorted.map(([name, n]) => [name, n.toFixed(2)]),
        1,
      ),
    );
    out(`idle, per second and replica: ${sum(idlePerSecond[server])}`);
  }
  out(`\nbytes to and from the database per payment: ${Math.round(mongoBytes)}`);
  const rows = collections.map(({ name, perPayment, bsonBytes, keyBytes }) => [
    ...[name, perPayment.toFixed(2), bsonBytes.toFixed(0), (perPayment * bsonBytes).toFixed(0)],
    (perPayment * Object.values(keyBytes).reduce((total, n) => total + n, 0)).toFixed(0),
  ]);
  out(table([['collection', 'documents', 'bytes each', 'bytes per payment', 'bytes of index keys'], ...rows], 1));
}
