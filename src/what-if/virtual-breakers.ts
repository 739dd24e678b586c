import type { EpochMs } from '../payment/index.ts';
import type { BreakerSettings } from '../routing/index.ts';

/**
 * Breakers of `create` on a clock that is told. A stand-in: the breakers of the gateway have timers of their own and cannot live
 * in another time. It keeps their rule: open at `failureRate` of at least `minRequests` calls within the window, or after four
 * failures in a row where there are fewer calls; a trial after `openForMs`, which closes it or opens it again.
 */
export interface VirtualBreakers {
  isOpen(channelId: string): boolean;
  /** When the next trial is due; null while it is closed. */
  trialAt(channelId: string): EpochMs | null;
  called(channelId: string, failed: boolean, now: EpochMs): void;
  /** How the trial of an open breaker went. */
  tried(channelId: string, failed: boolean, now: EpochMs): void;
}

interface Breaker {
  /** The calls within the window, oldest first; those before `head` have left it. */
  calls: { readonly at: EpochMs; readonly failed: boolean }[];
  head: number;
  failures: number;
  failuresInARow: number;
  openedAt: EpochMs | null;
}

const FAILURES_IN_A_ROW = 4;

export function createVirtualBreakers(settingsOf: (channelId: string) => BreakerSettings): VirtualBreakers {
  const breakers = new Map<string, Breaker>();

  function get(channelId: string): Breaker {
    const known = breakers.get(channelId);
    if (known) return known;
    const made: Breaker = { calls: [], head: 0, failures: 0, failuresInARow: 0, openedAt: null };
    breakers.set(channelId, made);
    return made;
  }

  return {
    isOpen: (channelId) => (breakers.get(channelId)?.openedAt ?? null) !== null,

    trialAt(channelId) {
      const openedAt = breakers.get(channelId)?.openedAt ?? null;
      return openedAt === null ? null : openedAt + settingsOf(channelId).openForMs;
    },

    called(channelId, failed, now) {
      const breaker = get(channelId);
      const { windowMs, minRequests, failureRate } = settingsOf(channelId);
      leaveWindow(breaker, now - windowMs);
      breaker.calls.push({ at: now, failed });
      if (failed) breaker.failures += 1;
      breaker.failuresInARow = failed ? breaker.failuresInARow + 1 : 0;
      if (!failed || breaker.openedAt !== null) return;
      const calls = breaker.calls.length - breaker.head;
      const isThin = calls < minRequests && breaker.failuresInARow >= FAILURES_IN_A_ROW;
      if (isThin || (calls >= minRequests && breaker.failures / calls >= failureRate)) breaker.openedAt = now;
    },

    tried(channelId, failed, now) {
      if (failed) get(channelId).openedAt = now;
      else breakers.delete(channelId);
    },
  };
}

function leaveWindow(breaker: Breaker, before: EpochMs): void {
  for (;;) {
    const oldest = breaker.calls[breaker.head];
    if (oldest === undefined || oldest.at > before) break;
    if (oldest.failed) breaker.failures -= 1;
    breaker.head += 1;
  }
  if (breaker.head <= 1_000) return;
  breaker.calls = breaker.calls.slice(breaker.head);
  breaker.head = 0;
}
