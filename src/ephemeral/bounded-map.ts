import type { EpochMs } from '../payment/index.ts';

/** Anything that is worth nothing from `endsAt` on. */
export interface Expiring {
  readonly endsAt: EpochMs;
}

/** Entries that end by themselves, at most `sizeMax` of them. There is no timer: what has ended is dropped when room is needed. */
export interface BoundedMap<T extends Expiring> {
  /** The entry, unless it has ended at `now`. */
  find(key: string, now: EpochMs): T | undefined;
  set(key: string, entry: T, now: EpochMs): void;
  delete(key: string): void;
  clear(): void;
}

/** A full map makes this much room at once, if need be from what was set longest ago, so that a flood does not pay for it each time. */
const EVICTED_SHARE = 0.1;

export function createBoundedMap<T extends Expiring>(sizeMax: number): BoundedMap<T> {
  const entries = new Map<string, T>();

  function makeRoom(now: EpochMs): void {
    for (const [key, entry] of entries) if (entry.endsAt <= now) entries.delete(key);
    const kept = Math.floor(sizeMax * (1 - EVICTED_SHARE));
    for (const key of entries.keys()) {
      if (entries.size <= kept) return;
      entries.delete(key);
    }
  }

  return {
    find(key, now) {
      const entry = entries.get(key);
      return entry !== undefined && entry.endsAt > now ? entry : undefined;
    },
    set(key, entry, now) {
      if (!entries.has(key) && entries.size >= sizeMax) makeRoom(now);
      entries.delete(key); // A Map remembers the first insertion; what is in use belongs to the end.
      entries.set(key, entry);
    },
    delete: (key) => void entries.delete(key),
    clear: () => entries.clear(),
  };
}
