import { setTimeout as pause } from 'node:timers/promises';
import { createConnection, mongo } from 'mongoose';
import { StoreUnavailable } from '../port.ts';
import { explain } from './failures.ts';
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
  /** How long one try to close the old client, or to connect the new one, may take. */
  readonly renewStepMs?: number;
  /** Hears that the client is made anew, and when that has come to its end. */
  readonly onRenewal?: (renewal: Renewal) => void;
}

/** A client that is made anew: begun with the reason, or done after so long and so many tries. */
export type Renewal =
  | { readonly done: false; readonly lostForMs: number; readonly reason: string }
  | { readonly done: true; readonly tookMs: number; readonly tries: number };

/** A database that is open. */
export interface Link {
  readonly rows: Rows;
  ping(): Promise<void>;
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
/** Longer than the driver's own time-outs for a connect together: it is given up where those do not hold. */
const RENEW_STEP_MS = 15_000;

/** Connects, or throws with what to do about it. */
export async function openLink({
  url,
  poolSize = POOL_SIZE,
  selectionMs = SELECTION_MS,
  renewAfterMs = RENEW_AFTER_MS,
  socketMs = SOCKET_MS,
  renewStepMs = RENEW_STEP_MS,
  onRenewal = () => {},
}: MongoAddress): Promise<Link> {
  const connection = createConnection();
  const rows = rowsOn(connection);
  const pending = new Set<Promise<unknown>>();
  let closed = false;

  async function run<T>(operation: () => Promise<T>): Promise<T> {
    if (closed) throw new Error('store: it is closed');
    return finish(operation());
  }

  /** Since when nothing has succeeded any more for want of the server; null while it is there. */
  let lostSince: number | null = null;
  let renewing: Promise<void> | null = null;

  /** The client by itself at first: mongoose waits for one that connects, and refuses operations for ever after it has closed one by force. */
  async function release(): Promise<void> {
    await within(renewStepMs, connection.getClient().close(true));
    await within(renewStepMs, connection.close());
  }

  /** The driver's watch over its server can come to a standstill when connections break; a new client begins a new one. */
  async function renew(): Promise<void> {
    const begunAt = performance.now();
    let tries = 0;
    do {
      tries += 1;
      await release();
      if (await within(renewStepMs, connect())) break;
      await pause(RENEW_PAUSE_MS);
    } while (!closed);
    lostSince = null;
    if (!closed) onRenewal({ done: true, tookMs: Math.round(performance.now() - begunAt), tries });
  }

  function noteLoss(error: unknown, reason: string): void {
    if (closed || renewing || !isLoss(error)) return;
    lostSince ??= performance.now();
    const lostForMs = Math.round(performance.now() - lostSince);
    if (lostForMs < renewAfterMs) return;
    onRenewal({ done: false, lostForMs, reason });
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
      const explained = explain(error);
      noteLoss(error, explained.message);
      throw explained;
    } finally {
      pending.delete(running);
    }
  }

  const connect = () =>
    connection.openUri(url, {
      ...(hasDatabase(url) ? {} : { dbName: DEFAULT_DATABASE }),
      appName: 'switchyard',
      bufferCommands: false,
      maxPoolSize: poolSize,
      serverSelectionTimeoutMS: selectionMs,
      connectTimeoutMS: CONNECT_MS,
      waitQueueTimeoutMS: SELECTION_MS,
      socketTimeoutMS: socketMs,
      retryWrites: true,
      // What is read or acknowledged is on the journal of a majority, whatever the URL says.
      readPreference: 'primary',
      readConcern: { level: 'majority' },
      writeConcern: { w: 'majority', journal: true, wtimeoutMS: MAJORITY_MS },
    });

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
    run,
    finish,
    async close() {
      closed = true;
      await renewing;
      while (pending.size > 0) await Promise.allSettled(pending);
      await release();
    },
  };
}

function hasDatabase(url: string): boolean {
  return /^mongodb(\+srv)?:\/\/[^/]+\/[^?]+/.test(url);
}

/** True when the server was not reached; what it has answered itself is none. */
function isLoss(error: unknown): boolean {
  if (error instanceof mongo.MongoServerError) return false;
  return explain(error) instanceof StoreUnavailable;
}

/** Whether it has succeeded in time; what goes on after that is left to itself. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController();
  const succeeded = work.then(
    () => true,
    () => false,
  );
  const late = pause(ms, false, { signal: waiting.signal }).catch(() => false);
  return Promise.race([succeeded, late]).finally(() => waiting.abort());
}
