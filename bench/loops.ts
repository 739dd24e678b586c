import type { Dispatcher, Pool } from 'undici';

/** One request, ready to go. */
export interface Shot {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Where the shots come from and who judges the answers. */
export interface Source {
  /** The next request; null when there are no more. */
  next(): Shot | null;
  /** Whether this is the answer that such a request must get. */
  accept(status: number, text: string): boolean;
  /** Hears of every good answer; `lateMs` of its latency passed before it was sent. */
  heard?(headers: Readonly<Record<string, string | string[] | undefined>>, latencyMs: number, lateMs: number): void;
}

/** What one measurement saw. Requests that failed are in `failures` alone: a fast refusal must not look like speed. */
export interface Measured {
  /** From the start to the end of the window, or until the shots ran out. */
  readonly windowMs: number;
  /** Good answers within the window: what throughput is made of. */
  readonly goodInWindow: number;
  /** Every good answer, also those that came after the window. */
  readonly latenciesMs: readonly number[];
  /** By status or error, with how often. */
  readonly failures: ReadonlyMap<string, number>;
}

/** `connections` callers, each sending its next request when the last one is answered. Latency runs from the sending. */
export async function closedLoop(
  pool: Pool,
  source: Source,
  { connections, forMs }: { connections: number; forMs: number },
): Promise<Measured> {
  const record = openRecord(pool, source);
  const startedAt = performance.now();
  let endsAt = startedAt + forMs;
  const caller = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      const shot = source.next();
      if (shot === null) {
        endsAt = Math.min(endsAt, performance.now());
        return;
      }
      await record.fire(shot, performance.now());
    }
  };
  await Promise.all(Array.from({ length: connections }, caller));
  return record.close(startedAt, endsAt);
}

/**
 * Arrivals at a fixed rate, whether or not the earlier ones are answered. Latency runs from the planned start, so that a stall
 * is seen by everybody whom it would have kept waiting. Arrivals are started up to 1 ms late (the timer's step), which counts.
 */
export async function openLoop(
  pool: Pool,
  source: Source,
  { ratePerS, forMs }: { ratePerS: number; forMs: number },
): Promise<Measured> {
  const record = openRecord(pool, source);
  const total = Math.floor((ratePerS * forMs) / 1_000);
  const startedAt = performance.now();
  const running: Promise<void>[] = [];
  while (running.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) * ratePerS) / 1_000) + 1);
    while (running.length < due) {
      const shot = source.next();
      if (shot === null) throw new Error('an open loop needs endless shots');
      running.push(record.fire(shot, startedAt + (running.length * 1_000) / ratePerS));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
  return record.close(startedAt, startedAt + forMs);
}

function openRecord(pool: Pool, source: Source) {
  const finishedAt: number[] = [];
  const latenciesMs: number[] = [];
  const failures = new Map<string, number>();
  const failed = (why: string): void => void failures.set(why, (failures.get(why) ?? 0) + 1);

  return {
    async fire({ method, path, headers, body }: Shot, since: number): Promise<void> {
      const options: Dispatcher.RequestOptions = { method, path, headers, body: body ?? null };
      const lateMs = performance.now() - since;
      try {
        const answer = await pool.request(options);
        const text = await answer.body.text();
        const now = performance.now();
        if (!source.accept(answer.statusCode, text)) return failed(`unexpected answer ${answer.statusCode}`);
        finishedAt.push(now);
        latenciesMs.push(now - since);
        source.heard?.(answer.headers, now - since, lateMs);
      } catch (thrown) {
        failed(thrown instanceof Error ? thrown.message : String(thrown));
      }
    },
    close(startedAt: number, endsAt: number): Measured {
      const goodInWindow = finishedAt.filter((at) => at <= endsAt).length;
      return { windowMs: endsAt - startedAt, goodInWindow, latenciesMs, failures };
    },
  };
}
