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

/** What the contracts say that admins know of: fees by volume, and limits of a period. */
export interface Contracts {
  /** Channels are added, or charge otherwise from now on. */
  note(channels: readonly ChannelInfo[]): void;
  paid(outcome: OutcomeEvent): void;
  /** Undefined for a channel without tiers. */
  tiersAt(channelId: string, now: number): { schedule: FeeSchedule; minor: number; period: Period } | undefined;
  /** The period that a quota holds for; undefined for a channel without one. */
  quotaPeriodAt(channelId: string, now: number): Period | undefined;
}

export function createContracts(): Contracts {
  const books = new Map<string, Book>();
  const quotaPeriodsMs = new Map<string, number>();

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
      for (const { id, fee, quotaPeriodS } of channels) {
        if (quotaPeriodS) quotaPeriodsMs.set(id, quotaPeriodS * 1_000);
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

    tiersAt(channelId, now) {
      const book = current(channelId, now);
      return book && { schedule: book.schedule, minor: book.paidMinor, period: book.period };
    },

    quotaPeriodAt(channelId, now) {
      const periodMs = quotaPeriodsMs.get(channelId);
      return periodMs === undefined ? undefined : periodOf(periodMs, now);
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
