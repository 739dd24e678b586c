import type { EpochMs } from '../payment/index.ts';
import { createBoundedMap, type Expiring } from './bounded-map.ts';
import type { EphemeralState } from './port.ts';

export interface MemoryOptions {
  readonly now: () => EpochMs;
  /** How many windows, and how many sums, are kept; above that the oldest are forgotten. Default 100 000 each. */
  readonly entriesMax?: number;
}

type Window = Expiring & { readonly count: number };
type Sum = Expiring & { readonly total: number };

/**
 * Counters in this process alone, for the embedded shape. Windows and sums have room of their own, so that a flood of callers
 * cannot push out what a channel has used of its day. (RateLimiterMemory of rate-limiter-flexible reads the system's clock and keeps
 * a timer per key, so it is not used.)
 */
export function createMemoryEphemeral({ now, entriesMax = 100_000 }: MemoryOptions): EphemeralState {
  const windows = createBoundedMap<Window>(entriesMax);
  const sums = createBoundedMap<Sum>(entriesMax);

  return {
    async hit(key, limit, windowMs) {
      const at = now();
      const latestEnd = at + windowMs;
      const found = windows.find(key, at);
      // One that ends later than a window that begins now was begun by a clock that has been set back since.
      const { endsAt, count } = found && found.endsAt <= latestEnd ? found : { endsAt: latestEnd, count: 0 };
      windows.set(key, { endsAt, count: count + 1 }, at);
      return count < limit ? { allowed: true, retryAfterMs: 0 } : { allowed: false, retryAfterMs: endsAt - at };
    },
    async add(key, amount, forgetAt) {
      const at = now();
      const total = (sums.find(key, at)?.total ?? 0) + amount;
      sums.set(key, { endsAt: forgetAt, total }, at);
      return total;
    },
    async addBegun(key, amount) {
      const at = now();
      const sum = sums.find(key, at);
      if (!sum) return null;
      const total = sum.total + amount;
      sums.set(key, { ...sum, total }, at);
      return total;
    },
    async begin(key, total, forgetAt) {
      const at = now();
      const sum = sums.find(key, at);
      if (sum) return sum.total;
      sums.set(key, { endsAt: forgetAt, total }, at);
      return total;
    },
    async total(key) {
      return sums.find(key, now())?.total ?? null;
    },
    async drop(key) {
      sums.delete(key);
    },
    async close() {
      windows.clear();
      sums.clear();
    },
  };
}
