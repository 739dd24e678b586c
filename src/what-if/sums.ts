import type { EpochMs, Money } from '../payment/index.ts';
import {
  type ChannelProfile,
  type ChannelView,
  type ContractUse,
  DEFAULT_ZONE,
  type Period,
  periodAt,
} from '../routing/index.ts';

/** What a channel has taken and been paid, as limits, pacing and fee tiers count it in the gateway. */
export interface Sums {
  usage(currency: string, now: EpochMs): ContractUse & Pick<ChannelView, 'startedThisMinute'>;
  /** An order takes its room before its channel is asked. */
  take(amount: Money, at: EpochMs): void;
  /** It is not paid after all: the room of the day in which it was taken is free again. */
  release(amount: Money, takenAt: EpochMs): void;
  paid(amount: Money, at: EpochMs): void;
}

export interface SumsPorts {
  /** In a sample that holds every n-th payment each of them counts n times. */
  readonly countsFor: number;
  readonly paidBefore: (channelId: string, currency: string, periodStart: EpochMs) => number;
}

const MINUTE_MS = 60_000;
/** Yesterday's sums may still be given back to; older ones are of no use to anybody. */
const PERIODS_KEPT = 2;

/** One sum per period, by the period's beginning; the oldest go first. */
type ByPeriod = Map<EpochMs, number>;

export function createSums(profile: ChannelProfile, { countsFor, paidBefore }: SumsPorts): Sums {
  const { id, limits, fee, timezone = DEFAULT_ZONE } = profile;
  const taken = new Map<string, ByPeriod>();
  const paidSums = new Map<string, ByPeriod>();
  const started: ByPeriod = new Map();
  const dayOf = (at: EpochMs): EpochMs => periodAt('day', timezone, at).start;
  const minuteOf = (at: EpochMs): EpochMs => Math.floor(at / MINUTE_MS);
  const tierPeriodOf = (at: EpochMs): Period => periodAt(fee.tierPeriod ?? 'month', timezone, at);

  function paidOf(currency: string): ByPeriod {
    return inCurrency(paidSums, currency);
  }

  function beginPaid(currency: string, period: EpochMs): number {
    const sums = paidOf(currency);
    const known = sums.get(period) ?? paidBefore(id, currency, period);
    sums.set(period, known);
    return known;
  }

  function paidInPeriod(currency: string, period: Period): NonNullable<ContractUse['paidInPeriod']> {
    return { minor: beginPaid(currency, period.start), period };
  }

  return {
    usage: (currency, now) => ({
      usedTodayMinor: limits.dailyMinor === null ? 0 : (inCurrency(taken, currency).get(dayOf(now)) ?? 0),
      startedThisMinute: limits.perMinute === null ? 0 : (started.get(minuteOf(now)) ?? 0),
      ...(fee.tiers && { paidInPeriod: paidInPeriod(currency, tierPeriodOf(now)) }),
    }),

    take({ minor, currency }, at) {
      if (limits.dailyMinor !== null) add(inCurrency(taken, currency), dayOf(at), minor * countsFor);
      if (limits.perMinute !== null) add(started, minuteOf(at), countsFor);
    },

    release({ minor, currency }, takenAt) {
      if (limits.dailyMinor !== null) giveBack(inCurrency(taken, currency), dayOf(takenAt), minor * countsFor);
    },

    paid({ minor, currency }, at) {
      if (!fee.tiers) return;
      const period = tierPeriodOf(at).start;
      beginPaid(currency, period);
      add(paidOf(currency), period, minor * countsFor);
    },
  };
}

function inCurrency(sums: Map<string, ByPeriod>, currency: string): ByPeriod {
  const known = sums.get(currency);
  if (known) return known;
  const made: ByPeriod = new Map();
  sums.set(currency, made);
  return made;
}

function add(sums: ByPeriod, period: EpochMs, by: number): void {
  sums.set(period, (sums.get(period) ?? 0) + by);
  const oldest = sums.keys().next();
  if (sums.size > PERIODS_KEPT && !oldest.done) sums.delete(oldest.value);
}

function giveBack(sums: ByPeriod, period: EpochMs, by: number): void {
  const known = sums.get(period);
  if (known !== undefined) sums.set(period, known - by);
}
