import type { Connection } from './connection.ts';
import { explain, isDamage, isOutage } from './failures.ts';

/** Writes in one transaction: enough that the fsync hardly counts, few enough that the event loop turns in between. */
const BATCH_MAX = 256;
/** Writes that may wait. A process that is this far behind must refuse work instead of growing. */
const QUEUE_MAX = 20_000;

/** Runs inside a transaction, a second time when that had to be begun again, and says what to answer after the commit. */
export type Write<T> = () => () => T;

export interface CommitStats {
  /** Transactions that reached the disk. */
  readonly commits: number;
  /** Writes that were kept by those transactions. */
  readonly writes: number;
  /** Writes that failed, alone or with their batch. */
  readonly failedWrites: number;
}

/**
 * Groups concurrent writes into one commit, since the fsync is what a write costs. What is enqueued while the event loop turns, or within
 * a moment of the last commit, is written together; no promise resolves before the commit that holds its write, and a failed commit
 * rejects all of its batch.
 * After a commit that failed at the fsync the writes are undone here but may reappear after a power cut: a rejection means
 * "not known to be kept", never "certainly not kept". Once a write has met damage no further one is tried: that two payments cannot
 * have one order number rests on indexes, which may be what is damaged.
 */
export interface CommitQueue {
  submit<T>(write: Write<T>): Promise<T>;
  /** Why the file could not take a write, since the last `forgetOutage`; null when it took all. */
  outage(): Error | null;
  /** For whoever has just seen that there is room: a write that happens to fit proves nothing. */
  forgetOutage(): void;
  stats(): CommitStats;
  /** Commits what is waiting; later writes are refused. */
  drain(): void;
}

interface Waiting {
  /** Writes, and hands back what settles the writer's promise. */
  execute(): () => void;
  reject(error: Error): void;
}

interface Executed {
  settle(): void;
  /** Why the write was refused; null when it was kept. */
  readonly refusal: Error | null;
}

/** `gatherMs`: a commit follows another one no sooner than this. */
export function createCommitQueue({ db, path, assertInPlace }: Connection, gatherMs: number): CommitQueue {
  const [begin, commit, rollback] = [db.prepare('BEGIN IMMEDIATE'), db.prepare('COMMIT'), db.prepare('ROLLBACK')];
  const savepoint = db.prepare('SAVEPOINT one_write');
  const release = db.prepare('RELEASE one_write');
  const undo = db.prepare('ROLLBACK TO one_write');
  const stats = { commits: 0, writes: 0, failedWrites: 0 };
  let waiting: Waiting[] = [];
  let outage: Error | null = null;
  let damage: Error | null = null;
  let scheduled = false;
  let committedAt = Number.NEGATIVE_INFINITY;
  let closed = false;
  let gathering: NodeJS.Timeout | undefined;

  function enqueue(write: Waiting): void {
    waiting.push(write);
    schedule();
  }

  function schedule(): void {
    if (scheduled || waiting.length === 0) return;
    scheduled = true;
    if (performance.now() - committedAt < gatherMs) gathering = setTimeout(turn, gatherMs);
    else setImmediate(turn);
  }

  function turn(): void {
    scheduled = false;
    flush();
    committedAt = performance.now();
    schedule();
  }

  function flush(): void {
    const batch = waiting.slice(0, BATCH_MAX);
    waiting = waiting.slice(BATCH_MAX);
    if (batch.length === 0) return;
    const settle = commitAll(batch);
    for (const done of settle) done();
  }

  function commitAll(batch: readonly Waiting[]): readonly (() => void)[] {
    try {
      if (damage !== null) throw damage;
      assertInPlace();
      begin.run();
      const executed = executeTogether(batch) ?? batch.map(executeAlone);
      commit.run();
      const refusals = executed.flatMap(({ refusal }) => refusal ?? []);
      outage = refusals.find((refusal) => isOutage(refusal.cause)) ?? outage;
      stats.commits += 1;
      stats.writes += batch.length - refusals.length;
      stats.failedWrites += refusals.length;
      return executed.map(({ settle }) => settle);
    } catch (error) {
      if (db.inTransaction) rollback.run();
      const failure = explain(path, error);
      if (isDamage(error)) damage = failure;
      outage = failure;
      stats.failedWrites += batch.length;
      return batch.map((write) => () => write.reject(failure));
    }
  }

  /** Null, with nothing done, when one of them fails: a place to go back to, for each write, costs more than to begin again. */
  function executeTogether(batch: readonly Waiting[]): readonly Executed[] | null {
    try {
      return batch.map((write) => ({ settle: write.execute(), refusal: null }));
    } catch (error) {
      if (!db.inTransaction || isDamage(error)) throw error;
      rollback.run();
      begin.run();
      return null;
    }
  }

  /** A write that fails takes back its own statements only. Throws when the whole transaction is given up or not to be trusted. */
  function executeAlone(write: Waiting): Executed {
    savepoint.run();
    try {
      const settle = write.execute();
      release.run();
      return { settle, refusal: null };
    } catch (error) {
      if (!db.inTransaction || isDamage(error)) throw error;
      undo.run();
      release.run();
      const refusal = explain(path, error);
      return { settle: () => write.reject(refusal), refusal };
    }
  }

  return {
    async submit<T>(write: Write<T>): Promise<T> {
      if (closed) throw new Error(`store: ${path} is closed`);
      if (waiting.length >= QUEUE_MAX) throw new Error(`store: ${QUEUE_MAX} writes are waiting; try again later`);
      const answer = await new Promise<() => T>((resolve, reject) => {
        const execute = () => {
          const prepared = write();
          return () => resolve(prepared);
        };
        enqueue({ execute, reject });
      });
      return answer();
    },
    outage: () => outage,
    forgetOutage() {
      outage = null;
    },
    stats: () => ({ ...stats }),
    drain() {
      closed = true;
      clearTimeout(gathering);
      while (waiting.length > 0) flush();
    },
  };
}
