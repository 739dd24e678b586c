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

/** Where Redis is and how to be let in. Never log this object. */
export interface RedisTarget {
  /** One server, or some nodes of a cluster, which name the others. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly cluster: boolean;
  readonly tls: boolean;
  readonly username: string | null;
  readonly password: string | null;
  /** Always 0 in a cluster. */
  readonly database: number;
}

/** Where replicas leave notes for each other. */
export interface NoticeBoard {
  /**
   * Puts a note up, if there is one, and answers what was put up since the last time (our own too); the first time only what is new.
   * Rejects when it is out of reach; then nobody knows whether the note is up.
   */
  exchange(note: string | null): Promise<readonly string[]>;
}
