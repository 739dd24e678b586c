import type { FeeSchedule } from '../../src/payment/index.ts';
import type { Period } from '../../src/routing/index.ts';
import type { ChannelInfo, OutcomeEvent } from './protocol.ts';

/** What a channel with volume tiers charges, and what was paid over it: what the gateway reads from its configuration and its sums. */
interface Book {
  readonly schedule: FeeSchedule;
  readonly periodMs: number;
  period: Period;
  paidMinor: number;
}

export interface TierBooks {
  /** Channels are added, or charge otherwise from now on. */
  note(channels: readonly ChannelInfo[]): void;
  paid(outcome: OutcomeEvent): void;
  /** Undefined for a channel without tiers. */
  at(channelId: string, now: number): { schedule: FeeSchedule; minor: number; period: Period } | undefined;
}

export function createTierBooks(): TierBooks {
  const books = new Map<string, Book>();

  function current(channelId: string, now: number): Book | undefined {
    const book = books.get(channelId);
    if (book && now >= book.period.end) {
      book.period = periodOf(book.periodMs, now);
      book.paidMinor = 0;
    }
    return book;
  }

  return {
    note(channels) {
      for (const { id, fee } of channels) {
        const known = books.get(id);
        if (!fee?.tiers || !fee.tierPeriodS) {
          books.delete(id);
          continue;
        }
        const periodMs = fee.tierPeriodS * 1_000;
        const begun = known ?? { period: periodOf(periodMs, 0), paidMinor: 0 };
        books.set(id, { ...begun, periodMs, schedule: scheduleOf(fee) });
      }
    },

    paid({ channelId, amountMinor, nowMs }) {
      const book = current(channelId, nowMs);
      if (book) book.paidMinor += amountMinor;
    },

    at(channelId, now) {
      const book = current(channelId, now);
      return book && { schedule: book.schedule, minor: book.paidMinor, period: book.period };
    },
  };
}

function periodOf(periodMs: number, now: number): Period {
  const start = Math.floor(now / periodMs) * periodMs;
  return { start, end: start + periodMs };
}

function scheduleOf(fee: NonNullable<ChannelInfo['fee']>): FeeSchedule {
  return {
    ratePpm: fee.bps * 100,
    fixedMinor: (fee.fixedMinor ?? 0) + (fee.perAttemptMinor ?? 0),
    minMinor: fee.minMinor ?? 0,
    maxMinor: fee.maxMinor ?? null,
    tiers: (fee.tiers ?? []).map(({ fromMinor, bps }) => ({ fromMinor, ratePpm: bps * 100 })),
  };
}
