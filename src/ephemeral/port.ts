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
  /** Adds to a sum that is forgotten at `forgetAt`, and begins it when there is none; answers the new total. */
  add(key: string, amount: number, forgetAt: EpochMs): Promise<number>;
  /** Adds to a sum that is there; null, and nothing is changed, when there is none. */
  addBegun(key: string, amount: number): Promise<number | null>;
  /** Begins a sum with what somebody has counted elsewhere, unless it is there already; answers the total in force. */
  begin(key: string, total: number, forgetAt: EpochMs): Promise<number>;
  /** The sum so far, null when there is none: nobody has begun it, or it was lost. */
  total(key: string): Promise<number | null>;
  /** Forgets a sum that has missed something. */
  drop(key: string): Promise<void>;
  close(): Promise<void>;
}
