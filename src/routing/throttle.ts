import type { EpochMs } from '../payment/index.ts';

interface Pace {
  /** When calls were accepted within the last second, oldest first. */
  accepted: EpochMs[];
  /** Calls per second; null while the channel has not complained. */
  perSecond: number | null;
  tokens: number;
  at: EpochMs;
  complainedAt: EpochMs;
  blockedUntil: EpochMs;
  blockMs: number;
}

const SECOND_MS = 1_000;
const ACCEPTED_MAX = 4_096;
const PER_SECOND_MIN = 1;
/** The pace is raised by this much a second, since the limit is not known and may have changed. */
const GROWTH_PER_SECOND = 1.05;
/** A channel that counts by the clock's seconds accepts nothing at the end of each; one refusal does not halve the pace. */
const SLOWER = 0.9;
/** So long after its last complaint a channel is not paced any more. */
const FORGIVEN_AFTER_MS = 60_000;
const BLOCK_MS_MIN = 60_000;
const BLOCK_MS_MAX = 3_600_000;

/**
 * Refusals are no failures: a channel that says "too fast" is paced to what it accepted in the last second, one whose quota is
 * used up is left alone for a growing while.
 */
export function createThrottle() {
  const channels = new Map<string, Pace>();

  function paceOf(channelId: string): Pace {
    let pace = channels.get(channelId);
    if (!pace) {
      pace = { accepted: [], perSecond: null, tokens: 0, at: 0, complainedAt: 0, blockedUntil: 0, blockMs: 0 };
      channels.set(channelId, pace);
    }
    return pace;
  }

  /** A call begins: it uses up one of the pace's. */
  function started(channelId: string, now: EpochMs): void {
    const pace = channels.get(channelId);
    if (!pace || pace.perSecond === null) return;
    refill(pace, now);
    pace.tokens -= 1;
  }

  function accepted(channelId: string, now: EpochMs): void {
    const pace = paceOf(channelId);
    if (pace.accepted.length >= ACCEPTED_MAX || (pace.accepted[0] ?? now) < now - 4 * SECOND_MS) trim(pace, now);
    pace.accepted.push(now);
    pace.blockMs = 0;
    pace.blockedUntil = 0;
  }

  function refused(channelId: string, why: 'rate_limit' | 'quota', now: EpochMs): void {
    const pace = paceOf(channelId);
    if (why === 'quota') {
      pace.blockMs = Math.min(BLOCK_MS_MAX, Math.max(BLOCK_MS_MIN, pace.blockMs * 2));
      pace.blockedUntil = now + pace.blockMs;
      return;
    }
    trim(pace, now);
    const slower = (pace.perSecond ?? 0) * SLOWER;
    pace.perSecond = Math.max(PER_SECOND_MIN, pace.accepted.length, slower);
    pace.tokens = 0;
    pace.at = now;
    pace.complainedAt = now;
  }

  return {
    started,
    accepted,
    refused,
    /** True when a call now would come sooner than the channel takes them. */
    isPaced: (channelId: string, now: EpochMs): boolean => {
      const pace = channels.get(channelId);
      if (!pace || pace.perSecond === null) return false;
      if (Math.abs(now - pace.complainedAt) > FORGIVEN_AFTER_MS) {
        pace.perSecond = null;
        return false;
      }
      refill(pace, now);
      return pace.tokens < 1;
    },
    /** A block that ends later than any block lasts belongs to a clock that has been set back since. */
    isBlocked: (channelId: string, now: EpochMs): boolean => {
      const leftMs = (channels.get(channelId)?.blockedUntil ?? 0) - now;
      return leftMs > 0 && leftMs <= BLOCK_MS_MAX;
    },
    forget: (channelId: string): void => void channels.delete(channelId),
  };
}

export type Throttle = ReturnType<typeof createThrottle>;

function refill(pace: Pace, now: EpochMs): void {
  if (pace.perSecond === null) return;
  const seconds = Math.max(0, now - pace.at) / SECOND_MS;
  pace.at = now;
  pace.perSecond *= GROWTH_PER_SECOND ** seconds;
  pace.tokens = Math.min(Math.max(1, pace.perSecond), pace.tokens + pace.perSecond * seconds);
}

function trim(pace: Pace, now: EpochMs): void {
  const from = pace.accepted.findIndex((at) => at > now - SECOND_MS && at <= now);
  pace.accepted = from < 0 ? [] : pace.accepted.slice(from);
}
