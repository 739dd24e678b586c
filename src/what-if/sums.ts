import type { EpochMs, Money } from '../payment/index.ts';
import type { ChannelProfile, ChannelView } from '../routing/index.ts';

/** What a channel has taken, as its limits count it. */
export interface Sums {
  usage(currency: string, now: EpochMs): Pick<ChannelView, 'usedTodayMinor' | 'startedThisMinute'>;
  /** A channel has taken an order. */
  opened(amount: Money, now: EpochMs): void;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The day of daily limits is China's, as in the gateway. */
const DAY_OFFSET_MS = 8 * 60 * MINUTE_MS;

/** @param countsFor in a sample that holds every n-th payment each of them counts n times */
export function createSums({ limits }: ChannelProfile, countsFor: number): Sums {
  const today = { period: 0, sum: 0 };
  const thisMinute = { period: 0, sum: 0 };

  function add(to: typeof today, period: number, by: number): void {
    if (to.period !== period) to.sum = 0;
    to.period = period;
    to.sum += by * countsFor;
  }

  return {
    usage: (_currency, now) => ({
      usedTodayMinor: limits.dailyMinor !== null && today.period === dayOf(now) ? today.sum : 0,
      startedThisMinute: limits.perMinute !== null && thisMinute.period === minuteOf(now) ? thisMinute.sum : 0,
    }),

    opened({ minor }, now) {
      add(today, dayOf(now), minor);
      add(thisMinute, minuteOf(now), 1);
    },
  };
}

function dayOf(now: EpochMs): number {
  return Math.floor((now + DAY_OFFSET_MS) / DAY_MS);
}

function minuteOf(now: EpochMs): number {
  return Math.floor(now / MINUTE_MS);
}
