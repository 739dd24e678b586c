import type { Decision, EpochMs } from '../payment/index.ts';

const WINDOW_MS = 60_000;
const BUCKETS = 12;
const BUCKET_MS = WINDOW_MS / BUCKETS;
/** Extra calls per first try over the last minute. */
const EXTRA_SHARE = 0.2;
/** So many extra calls a minute are always free: where payments are few, each of them may try them all. */
const FREE_PER_WINDOW = 20;

/**
 * When everything is out each payment fails over, and what was one call becomes three: the channels that struggle would get a multiple
 * of their traffic just then. So failover to a channel that is not well adds at most a fifth to the calls of the last minute. A channel
 * that is well may always be asked, or the first seconds of an outage, when many payments fail at once, would cost their sales.
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
    /**
     * Takes one extra call out of the budget; false when there is none left and the channel is not well.
     * @param reason why the channel is chosen to stand in
     */
    mayFailOver: (reason: Decision['reason'], now: EpochMs): boolean => {
      const i = roll(now);
      if (reason === 'panic' && sum(extra) >= FREE_PER_WINDOW + EXTRA_SHARE * sum(first)) return false;
      extra[i] = (extra[i] ?? 0) + 1;
      return true;
    },
  };
}

export type RetryBudget = ReturnType<typeof createRetryBudget>;

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
