import type { EpochMs } from '../../payment/index.ts';
import type { PaymentStore, RoutingMemoryStore } from '../port.ts';
import { createEventLists } from './event-lists.ts';
import { createEventLog } from './event-log.ts';
import { createInstallation } from './installation.ts';
import { createEndpoints, createKeys } from './keys.ts';
import { createLeases } from './leases.ts';
import { type Link, type MongoAddress, openLink } from './link.ts';
import type { PoolState } from './monitoring.ts';
import { createOrderNumbers } from './order-numbers.ts';
import { createOrders } from './orders.ts';
import { createReads } from './reads.ts';
import { createTradeNumbers } from './trade-numbers.ts';
import { createVolumes } from './volumes.ts';
import { createWrites } from './writes.ts';

export interface MongoOptions extends MongoAddress {
  /** Tells this process from all others on the database. */
  readonly process: string;
  readonly now: () => number;
  /** Hears of a due payment whose document cannot be trusted; it is left alone until a person repairs it. */
  readonly onDamaged?: (error: Error) => void;
  /** Hears of what is written after a payment, and was not. */
  readonly onTrouble?: (error: Error) => void;
}

export interface MongoStore extends PaymentStore, RoutingMemoryStore {
  /** The id of the master key that the data of this database is sealed with; the first to ask settles it. */
  settleMasterKey(keyId: string): Promise<string>;
  /** The clock of the server that is written to. */
  serverTime(): Promise<EpochMs>;
  /** Counts with `onCommand` alone. */
  pool(): PoolState;
}

/** The durable store of the cluster shape: any number of processes on one database. Throws, with what to do about it. */
export async function openMongoStore(options: MongoOptions): Promise<MongoStore> {
  const link = await openLink(options);
  try {
    const installation = createInstallation(link.rows);
    await link.run(() => installation.assertLayout());
    await link.run(() => makeIndexes(link));
    return storeOn(link, options, installation);
  } catch (error) {
    await link.close();
    throw error;
  }
}

/** Those that are there already cost a question each. */
async function makeIndexes({ rows: { raw: _, ...models } }: Link): Promise<void> {
  for (const model of Object.values(models)) await model.createIndexes();
}

function storeOn(link: Link, options: MongoOptions, installation: ReturnType<typeof createInstallation>): MongoStore {
  const { rows, run } = link;
  const { process, now, onDamaged = () => {}, onTrouble = () => {} } = options;
  const trailing = new Set<Promise<void>>();
  const afterwards = (work: Promise<void>): void => {
    const done = link
      .finish(work)
      .catch((error: unknown) => onTrouble(error instanceof Error ? error : new Error('store: MongoDB failed')))
      .finally(() => trailing.delete(done));
    trailing.add(done);
  };
  /** A question about sums sees what this process has written before it. */
  const caughtUp = () => Promise.all(trailing);
  const orders = createOrders(rows);
  const volumes = createVolumes(rows);
  const trades = createTradeNumbers(rows);
  const events = createEventLog({ rows, now, process });
  const writes = createWrites({ rows, orders, trades, events, volumes, afterwards });
  const reads = createReads(rows, orders);
  const lists = createEventLists(rows, now);
  const leases = createLeases(rows, { process, onDamaged });
  const keys = createKeys(rows);
  const endpoints = createEndpoints(rows);
  const orderNumbers = createOrderNumbers(rows);
  return {
    insert: (payment) => run(() => writes.insert(payment)),
    update: (next, update) => run(() => writes.update(next, update)),
    findById: (id) => run(() => reads.findById(id)),
    findByOrderNo: (merchantId, orderNo) => run(() => reads.findByOrderNo(merchantId, orderNo)),
    list: (filter) => run(() => reads.list(filter)),
    listCreated: (page) => run(() => reads.listCreated(page)),
    countCreated: (period) => run(() => reads.countCreated(period)),
    claimDue: (claim) => run(() => leases.claimDue(claim)),
    claimPayment: (claim) => run(() => leases.claimPayment(claim)),
    releaseLease: (id, owner) => run(() => leases.release(id, owner)),
    dueBacklog: (at) => run(() => reads.dueBacklog(at)),
    listEvents: (page) => run(() => lists.listEvents(page)),
    listDeadEvents: (page) => run(() => lists.listDeadEvents(page)),
    findAhead: (at, limit) => run(() => leases.findAhead(at, limit)),
    countNeeding: (channelId, max) => run(() => reads.countNeeding(channelId, max)),
    saveFailingEndpoint: (entry) => run(() => endpoints.save(entry)),
    forgetFailingEndpoint: (entry) => run(() => endpoints.forget(entry)),
    listFailingEndpoints: () => run(endpoints.list),
    findOrderNumber: (merchantId, orderNo) => run(() => orderNumbers.find(merchantId, orderNo)),
    saveOrderNumber: (next) => run(() => orderNumbers.save(next)),
    reserveKey: (key) => run(() => keys.reserve(key)),
    purgeKeys: (olderThan, limit) => run(() => keys.purge(olderThan, limit)),
    channelVolume: (query) => run(() => caughtUp().then(() => volumes.volume(query))),
    liveOrders: () => run(volumes.live),
    counts: () => run(reads.counts),
    saveRoutingMemory: (snapshot) => run(() => installation.saveRoutingMemory(snapshot)),
    loadRoutingMemory: () => run(installation.loadRoutingMemory),
    settleMasterKey: (keyId) => run(() => installation.settle('master-key', keyId)),
    serverTime: () => run(link.serverTime),
    pool: link.pool,
    async ping() {
      await run(link.ping);
    },
    close: link.close,
  };
}
