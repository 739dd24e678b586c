import type { EpochMs } from '../payment/index.ts';
import type { Clock } from './ports.ts';

/** Questions that have been given a later slot, per channel; beyond this the oldest promise is forgotten. */
const PROMISED_MAX = 20_000;
/** Slots that nobody used are kept for so long. */
const BURST_MS = 1_000;

interface Lane {
  /** When the next slot that nobody has is free. */
  freeAt: EpochMs;
  readonly promised: Map<string, EpochMs>;
}

/**
 * Spreads the questions to one channel so that they stay within its requests per second. A question that finds no room is told
 * when its slot comes, and finds that slot kept when it returns. The slots of a second may be used at once.
 */
export function createQueryBudget(clock: Clock) {
  const lanes = new Map<string, Lane>();
  let lastAt = Number.NEGATIVE_INFINITY;

  /** The time of now. What was promised under a clock that has been set back since comes sooner by as much. */
  function look(): EpochMs {
    const now = clock.now();
    const setBackMs = lastAt - now;
    lastAt = now;
    if (setBackMs <= 0) return now;
    for (const lane of lanes.values()) {
      lane.freeAt -= setBackMs;
      for (const [key, at] of lane.promised) lane.promised.set(key, at - setBackMs);
    }
    return now;
  }

  /** Null: ask now. Otherwise the time of the slot that is kept for `key`. */
  function take(channelId: string, perSecond: number, key: string): EpochMs | null {
    const now = look();
    const intervalMs = 1_000 / perSecond;
    const lane = lanes.get(channelId) ?? { freeAt: now - BURST_MS, promised: new Map<string, EpochMs>() };
    lanes.set(channelId, lane);
    const promisedAt = lane.promised.get(key);
    if (promisedAt !== undefined) {
      if (promisedAt > now) return promisedAt;
      lane.promised.delete(key);
      return null;
    }
    // A queue longer than what is remembered could only grow.
    if (lane.freeAt - now > PROMISED_MAX * intervalMs) lane.freeAt = now;
    const slotAt = Math.max(lane.freeAt, now - BURST_MS);
    lane.freeAt = slotAt + intervalMs;
    if (slotAt <= now) return null;
    const at = Math.ceil(slotAt);
    lane.promised.set(key, at);
    const oldest = lane.promised.size > PROMISED_MAX ? lane.promised.keys().next().value : undefined;
    if (oldest !== undefined) lane.promised.delete(oldest);
    return at;
  }

  /** Takes a slot only when one is free now. */
  function hasRoom(channelId: string, perSecond: number): boolean {
    const now = look();
    const lane = lanes.get(channelId);
    if (lane && lane.freeAt > now) return false;
    return take(channelId, perSecond, '') === null;
  }

  return { take, hasRoom };
}

export type QueryBudget = ReturnType<typeof createQueryBudget>;
