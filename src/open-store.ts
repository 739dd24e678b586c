import { join } from 'node:path';
import type { Environment } from './config/index.ts';
import type { Telemetry } from './gateway/index.ts';
import type { PaymentStore, RoutingMemoryStore } from './store/index.ts';
import type { Renewal } from './store/mongo/index.ts';
import { openSqliteReader, openSqliteStore } from './store/sqlite/index.ts';
import { addMongoGauges, type Metrics } from './telemetry/index.ts';

export interface OpenedStore {
  readonly store: PaymentStore & RoutingMemoryStore;
  /** No other process works on it. */
  readonly alone: boolean;
  /** The clock of its server; null where there is none. */
  readonly serverTime: (() => Promise<number>) | null;
}

/** What commands look at, beside a gateway that may be running. */
export type StoreReader = Pick<PaymentStore, 'findById' | 'listCreated' | 'countCreated' | 'channelVolume' | 'close'>;

interface StoreParts {
  readonly metrics: Metrics;
  readonly telemetry: Pick<Telemetry, 'error' | 'warn' | 'info'>;
  readonly now: () => number;
  readonly processId: string;
  /** The key that this process seals with. */
  readonly keyId: string;
  /** Called when a client of a shared store is made anew. */
  readonly onRenewal: () => void;
}

/** The shortest that a timer can be. At a few hundred payments a second it halves the commits that everybody waits for. */
const GATHER_MS = 1;

/** Opens the store that the environment names, or throws with what to do about it. */
export async function openStore(environment: Environment, parts: StoreParts): Promise<OpenedStore> {
  const { telemetry } = parts;
  const onDamaged = (error: Error): void =>
    telemetry.error({ err: error }, 'a stored payment cannot be trusted; repair it by hand');
  if (environment.mongoUrl !== null) {
    const store = await openShared(environment.mongoUrl, parts, onDamaged);
    return { store, alone: false, serverTime: store.serverTime };
  }
  const store = openSqliteStore({ path: databasePath(environment), gatherMs: GATHER_MS, onDamaged });
  return { store, alone: true, serverTime: null };
}

async function openShared(url: string, parts: StoreParts, onDamaged: (error: Error) => void) {
  const { metrics, telemetry, now, processId, keyId } = parts;
  // Loaded for whoever uses it alone: it is large.
  const { openMongoStore } = await import('./store/mongo/index.ts');
  const onTrouble = (error: Error): void =>
    telemetry.warn({ err: error }, 'what is counted beside a payment could not be written');
  const onRenewal = (renewal: Renewal): void => {
    if (!renewal.done) parts.onRenewal();
    tellRenewal(telemetry, renewal);
  };
  const store = await openMongoStore({
    ...{ url, process: processId, now, onDamaged, onTrouble, onRenewal },
    onCommand: (command, tookMs, failed) => {
      metrics.mongoCommandSeconds.observe({ command }, tookMs / 1_000);
      if (failed) metrics.mongoCommandFailures.inc({ command });
    },
  });
  const settled = await store.settleMasterKey(keyId).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  if (settled !== keyId) {
    await store.close();
    throw new Error(
      `MASTER_KEY: the database of MONGO_URL is sealed with the master key ${settled}, and this process has ${keyId}; give all replicas the same MASTER_KEY`,
    );
  }
  addMongoGauges(metrics, store.pool);
  telemetry.info({}, 'payments are kept in MongoDB');
  return store;
}

function tellRenewal(telemetry: StoreParts['telemetry'], renewal: Renewal): void {
  if (renewal.done) {
    const { tookMs, tries } = renewal;
    telemetry.info({ tookMs, tries }, 'the new client has found MongoDB');
    return;
  }
  const { lostForMs, reason } = renewal;
  telemetry.warn({ lostForMs, reason }, 'MongoDB has not been reached for some time; its client is made anew');
}

/** Opens the same store for looking only. */
export async function openStoreReader(environment: Environment): Promise<StoreReader> {
  if (environment.mongoUrl === null) return openSqliteReader(databasePath(environment));
  const { openMongoStore } = await import('./store/mongo/index.ts');
  return openMongoStore({ url: environment.mongoUrl, process: 'reader', now: Date.now, poolSize: 5 });
}

/** Where the payments are, in words that may be shown. */
export function placeOf({ mongoUrl, dataDir }: Environment): string {
  return mongoUrl === null ? dataDir : 'the database of MONGO_URL';
}

/** The file of the embedded store. */
export function databasePath({ dataDir }: Pick<Environment, 'dataDir'>): string {
  return join(dataDir, 'switchyard.db');
}
