import type { EpochMs } from '../payment/index.ts';

const WINDOW_MS = 60_000;
const BUCKETS = 12;
const BUCKET_MS = WINDOW_MS / BUCKETS;
/** Extra calls per first try over the last minute. */
const EXTRA_SHARE = 0.2;
/** So many extra calls a minute are always free: where payments are few, each of them may fail over. */
const FREE_PER_WINDOW = 20;

/**
 * In an outage every payment fails over, and what was one call becomes three; the channels that are left would get a multiple
 * of their traffic just then. So failover adds at most a fifth to the calls of the last minute.
 */
export function createRetryBudget() {
  const first = new Array<number>(BUCKETS).fill(0);
  const extra = new Array<number>(BUCKETS).fill(0);
  let bucket = Number.NEGATIVE_INFINITY;

  function roll(now: EpochMs): number {
    const current = Math.floor(now / BUCKET_MS);
    // A clock that was set back begins anew rather than to hold old counts for ever.
    const steps = current < bucket ? BUCKETS : Math.min(BUCKETS, current - bucket);
    for (let i = 0; i < steps; i += 1) {
      const index = (((current - i) % BUCKETS) + BUCKETS) % BUCKETS;
      first[index] = 0;
      extra[index] = 0;
    }
    bucket = current;
    return ((current % BUCKETS) + BUCKETS) % BUCKETS;
  }

  return {
    firstTry: (now: EpochMs): void => {
      const i = roll(now);
      first[i] = (first[i] ?? 0) + 1;
    },
    /** Takes one extra call out of the budget; false when there is none left. */
    mayRetry: (now: EpochMs): boolean => {
      const i = roll(now);
      if (sum(extra) >= FREE_PER_WINDOW + EXTRA_SHARE * sum(first)) return false;
      extra[i] = (extra[i] ?? 0) + 1;
      return true;
    },
  };
}

export type RetryBudget = ReturnType<typeof createRetryBudget>;

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
