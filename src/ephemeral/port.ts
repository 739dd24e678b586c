import type { EpochMs } from '../payment/index.ts';

/**
 * State that may be lost without losing money: counters of limits, one-per-interval gates. A rejected promise means that the
 * shared state is out of reach; callers go on without it.
 */
export interface EphemeralState {
  /** Counts one more in a window that started with its first count; `allowed` is false above `limit`. */
  hit(
    key: string,
    limit: number,
    windowMs: number,
  ): Promise<{ readonly allowed: boolean; readonly retryAfterMs: number }>;
  /** Adds to a sum that is forgotten at `forgetAt`; answers the new total. */
  add(key: string, amount: number, forgetAt: EpochMs): Promise<number>;
  /** The sum so far, 0 when there is none. */
  total(key: string): Promise<number>;
  close(): Promise<void>;
}
