import { setTimeout as pause } from 'node:timers/promises';
import { createConnection, Error as MongooseErrors, mongo } from 'mongoose';
import type { EpochMs } from '../../payment/index.ts';
import { explain } from './failures.ts';
import { type OnCommand, type PoolState, watchClient } from './monitoring.ts';
import { type Rows, rowsOn } from './rows.ts';

export interface MongoAddress {
  /** A `mongodb://` or `mongodb+srv://` URL; it may hold a password, so it must never be told. */
  readonly url: string;
  /** Connections that this process opens at most. */
  readonly poolSize?: number;
  /** How long an operation waits for a primary. */
  readonly selectionMs?: number;
  /** After so long without a primary the client is made anew. */
  readonly renewAfterMs?: number;
  /** How long an operation may hang before it is given up. */
  readonly socketMs?: number;
  /** Without it the driver is not asked to tell. */
  readonly onCommand?: OnCommand;
}

/** A database that is open. */
export interface Link {
  readonly rows: Rows;
  ping(): Promise<void>;
  /** The server's clock. */
  serverTime(): Promise<EpochMs>;
  pool(): PoolState;
  /** Runs an operation; an error leaves in an operator's words, and closing waits for it. */
  run<T>(operation: () => Promise<T>): Promise<T>;
  /** The same for work that follows from an operation, also while closing waits. */
  finish(work: Promise<void>): Promise<void>;
  close(): Promise<void>;
}

const DEFAULT_DATABASE = 'switchyard';
const POOL_SIZE = 100;
/** An election takes some seconds; a request waits for the next primary this long. */
const SELECTION_MS = 5_000;
const CONNECT_MS = 3_000;
/** Whatever hangs for longer is given up; its outcome is not known then. */
const SOCKET_MS = 15_000;
const MAJORITY_MS = 10_000;
/** After so long without a primary the client is made anew, and then again and again. */
const RENEW_AFTER_MS = 8_000;
const RENEW_PAUSE_MS = 500;
/** What takes longer says too little about a clock. */
const TIME_MS = 2_000;

/** Connects, or throws with what to do about it. */
export async function openLink({
  url,
  poolSize = POOL_SIZE,
  selectionMs = SELECTION_MS,
  renewAfterMs = RENEW_AFTER_MS,
  socketMs = SOCKET_MS,
  onCommand,
}: MongoAddress): Promise<Link> {
  const connection = createConnection();
  const rows = rowsOn(connection);
  const pending = new Set<Promise<unknown>>();
  let pool: ReturnType<typeof watchClient> = () => ({ inUse: 0, waiting: 0 });
  let closed = false;

  async function run<T>(operation: () => Promise<T>): Promise<T> {
    if (closed) throw new Error('store: it is closed');
    return finish(operation());
  }

  /** Since when no primary is found; null while there is one. */
  let lostSince: number | null = null;
  let renewing: Promise<void> | null = null;

  /** The driver's watch over its server can come to a standstill when connections break; a new client begins a new one. */
  async function renew(): Promise<void> {
    await connection.close(true).catch(() => {});
    const reconnects = () =>
      connect().then(
        () => true,
        () => false,
      );
    while (!closed && !(await reconnects())) await pause(RENEW_PAUSE_MS);
    lostSince = null;
  }

  function noteLoss(error: unknown): void {
    if (closed || renewing || !isSelectionError(error)) return;
    lostSince ??= performance.now();
    if (performance.now() - lostSince < renewAfterMs) return;
    renewing = renew().finally(() => {
      renewing = null;
    });
  }

  async function finish<T>(running: Promise<T>): Promise<T> {
    pending.add(running);
    try {
      const result = await running;
      lostSince = null;
      return result;
    } catch (error) {
      noteLoss(error);
      throw explain(error);
    } finally {
      pending.delete(running);
    }
  }

  async function connect(): Promise<void> {
    await connection.openUri(url, {
      ...(hasDatabase(url) ? {} : { dbName: DEFAULT_DATABASE }),
      appName: 'switchyard',
      bufferCommands: false,
      maxPoolSize: poolSize,
      serverSelectionTimeoutMS: selectionMs,
      connectTimeoutMS: CONNECT_MS,
      waitQueueTimeoutMS: SELECTION_MS,
      socketTimeoutMS: socketMs,
      monitorCommands: onCommand !== undefined,
      retryWrites: true,
      // What is read or acknowledged is on the journal of a majority, whatever the URL says.
      readPreference: 'primary',
      readConcern: { level: 'majority' },
      writeConcern: { w: 'majority', journal: true, wtimeoutMS: MAJORITY_MS },
    });
    if (onCommand) pool = watchClient(connection.getClient(), onCommand);
  }

  try {
    await connect();
  } catch (error) {
    await connection.close().catch(() => {});
    throw explain(error);
  }
  return {
    rows,
    async ping() {
      await connection.db?.command({ ping: 1 }, { readPreference: 'primary' });
    },
    async serverTime() {
      const answer = await connection.db?.command({ hello: 1 }, { readPreference: 'primary', timeoutMS: TIME_MS });
      if (!(answer?.localTime instanceof Date)) throw new Error('store: the server does not tell its time');
      return answer.localTime.getTime();
    },
    pool: () => ({ ...pool(), max: poolSize }),
    run,
    finish,
    async close() {
      closed = true;
      await renewing;
      while (pending.size > 0) await Promise.allSettled(pending);
      await connection.close();
    },
  };
}

function hasDatabase(url: string): boolean {
  return /^mongodb(\+srv)?:\/\/[^/]+\/[^?]+/.test(url);
}

function isSelectionError(error: unknown): boolean {
  return (
    error instanceof mongo.MongoServerSelectionError || error instanceof MongooseErrors.MongooseServerSelectionError
  );
}
