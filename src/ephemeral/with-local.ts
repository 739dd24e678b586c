import type { EpochMs } from '../payment/index.ts';
import { createBoundedMap, type Expiring } from './bounded-map.ts';
import type { EphemeralState } from './port.ts';

/** What is read to compare channels may be so old; what takes room in a limit is always the newest. */
const SEEN_MS = 250;
const SEEN_MAX = 10_000;
/** A sum that was begun without the others is begun again from the store this often, to learn what they did. */
const LOCAL_MS = 60_000;
const MISSED_MAX = 10_000;

type Seen = Expiring & { readonly total: number | null };

/**
 * The state that replicas share, and this process's own in its place while that is out of reach: nobody waits and nothing is refused.
 * A shared sum that has missed something of ours meanwhile is dropped before it is used again, so that somebody begins it from the store.
 */
export function withLocal(parts: {
  readonly shared: EphemeralState;
  readonly local: EphemeralState;
  readonly now: () => EpochMs;
  /** Something was answered from this process's own state. */
  readonly onLocal: () => void;
}): EphemeralState {
  const { shared, local, now, onLocal } = parts;
  const missed = new Set<string>();
  const seen = createBoundedMap<Seen>(SEEN_MAX);

  function note(key: string, total: number | null): void {
    seen.set(key, { total, endsAt: now() + SEEN_MS }, now());
  }

  async function catchUp(key: string): Promise<void> {
    if (!missed.has(key)) return;
    await shared.drop(key);
    missed.delete(key);
    await local.drop(key);
  }

  async function total<T extends number | null>(
    key: string,
    ask: (state: EphemeralState) => Promise<T>,
    onMissed: () => void = () => {},
    askLocal = ask,
  ): Promise<T> {
    try {
      await catchUp(key);
      const answer = await ask(shared);
      note(key, answer);
      return answer;
    } catch {
      onMissed();
      onLocal();
      seen.delete(key);
      return askLocal(local);
    }
  }

  /** When there are too many to remember, those of long ago are over. */
  function miss(key: string): void {
    const oldest = missed.values().next();
    if (missed.size >= MISSED_MAX && !oldest.done) missed.delete(oldest.value);
    missed.add(key);
  }

  return {
    hit: async (key, limit, windowMs) => {
      try {
        return await shared.hit(key, limit, windowMs);
      } catch {
        onLocal();
        return local.hit(key, limit, windowMs);
      }
    },
    add: (key, amount, forgetAt) => total(key, (state) => state.add(key, amount, forgetAt)),
    addBegun: (key, amount) =>
      total(
        key,
        (state) => state.addBegun(key, amount),
        () => miss(key),
      ),
    begin: (key, from, forgetAt) =>
      total(
        key,
        (state) => state.begin(key, from, forgetAt),
        () => {},
        (state) => state.begin(key, from, Math.min(forgetAt, now() + LOCAL_MS)),
      ),
    total: async (key) => {
      const known = missed.has(key) ? undefined : seen.find(key, now());
      return known ? known.total : total(key, (state) => state.total(key));
    },
    drop: async (key) => {
      seen.delete(key);
      await Promise.all([shared.drop(key).catch(() => miss(key)), local.drop(key)]);
    },
    close: async () => {
      await Promise.all([shared.close(), local.close()]);
    },
  };
}
