import { type EpochMs, type FeeSchedule, feeWithShare } from '../payment/index.ts';
import { keptAfter, watchedAfter } from './fading.ts';
import type { TierVolume, Wanted } from './types.ts';
import type { Period } from './wall-clock.ts';

/** How much was wanted in what time. Both are forgotten alike, so their quotient stays a rate. */
interface Watched {
  readonly channelId: string;
  readonly currency: string;
  minor: number;
  watchedMs: number;
  at: EpochMs;
}

export type OutlookSnapshot = readonly Readonly<Watched>[];

/** A week has its slow hours and days in it. */
const HALF_LIFE_MS = 7 * 24 * 3_600_000;
/** Before this share of a period has been watched nothing is expected of it. */
const WATCHED_SHARE = 0.01;
/** Of what is expected: money that went ahead to a tier that is not reached is lost, and a tier that is reached unhoped for is not. */
const COUNTED_ON = 0.75;
const WATCHED_MAX = 4_096;

/**
 * What fee tiers may count on. A router that looks at the fee of the next payment alone never reaches a tier that is reached only by
 * sending payments there. So the payments are counted that each such channel would get in its last tier, and expected to go on coming.
 */
export function createOutlook() {
  const watched = new Map<string, Watched>();

  return {
    /**
     * A payment that the channel would get if it cost what it costs in the last tier. Watching begins with the first one, which is not
     * counted: it is what begins the time.
     */
    wanted({ channelId, currency, minor }: Omit<Wanted, 'lead'>, now: EpochMs): void {
      const key = `${channelId}/${currency}`;
      const known = watched.get(key);
      if (known) Object.assign(known, aged(known, now), { at: now }).minor += minor;
      else if (watched.size < WATCHED_MAX) watched.set(key, { channelId, currency, minor: 0, watchedMs: 0, at: now });
    },

    /**
     * @param paid what was paid over the channel in a period that `now` lies in
     * @param mostMinor what the channel can take in the rest of it at the most
     */
    volume(
      channelId: string,
      currency: string,
      paid: { readonly minor: number; readonly period: Period },
      now: EpochMs,
      mostMinor = Number.POSITIVE_INFINITY,
    ): TierVolume {
      const { start, end } = paid.period;
      const known = watched.get(`${channelId}/${currency}`);
      const seen = known && aged(known, now);
      const isKnown = seen !== undefined && seen.watchedMs > WATCHED_SHARE * (end - start);
      if (!isKnown) return { paidMinor: paid.minor, aheadMinor: null };
      const comingMinor = COUNTED_ON * (seen.minor / seen.watchedMs) * Math.max(0, end - now);
      return { paidMinor: paid.minor, aheadMinor: Math.min(mostMinor, comingMinor) };
    },

    forget(channelId: string): void {
      for (const [key, one] of watched) if (one.channelId === channelId) watched.delete(key);
    },

    snapshot: (): OutlookSnapshot => [...watched.values()].map((one) => ({ ...one })),

    restore(known: OutlookSnapshot): void {
      watched.clear();
      for (const one of known.slice(0, WATCHED_MAX)) watched.set(`${one.channelId}/${one.currency}`, { ...one });
    },
  };
}

export type Outlook = ReturnType<typeof createOutlook>;

/** As it would be at `now`. A clock that steps back ages nothing, and goes on from there. */
function aged({ minor, watchedMs, at }: Watched, now: EpochMs): { readonly minor: number; readonly watchedMs: number } {
  const sinceMs = Math.max(0, now - at);
  return {
    minor: minor * keptAfter(sinceMs, HALF_LIFE_MS),
    watchedMs: watchedAfter(watchedMs, sinceMs, HALF_LIFE_MS),
  };
}

/**
 * What a payment is counted to cost on a channel with tiers, in minor units, rounded up: what it costs on average with all that would be
 * paid after it in the same period. `fixed`, `min` and `max` hold for each payment, as always.
 *   0.6%, 0.5% from 1,000,000.00, 0.4% from 3,000,000.00; 500,000.00 paid, 3,500,000.00 ahead: 500,000.00 at 0.6%, 2,000,000.00 at 0.5%
 *   and 1,000,000.00 at 0.4% make 0.485714%, so 100.00 are counted to cost 0.49
 */
export function feeMinorAhead(
  schedule: FeeSchedule,
  amountMinor: number,
  paidMinor: number,
  aheadMinor: number,
): number {
  const wholeMinor = Math.round(Math.max(aheadMinor, amountMinor));
  return feeAtRate(schedule, amountMinor, averagePpm(schedule, paidMinor, wholeMinor));
}

/** What a payment costs in the last tier. */
export function feeMinorAtLast(schedule: FeeSchedule, amountMinor: number): number {
  return feeAtRate(schedule, amountMinor, schedule.tiers?.at(-1)?.ratePpm ?? schedule.ratePpm);
}

function feeAtRate(schedule: FeeSchedule, amountMinor: number, ratePpm: number): number {
  // What is left of a division is no reason to round up.
  const shareMillionths = Math.round(amountMinor * ratePpm);
  return feeWithShare(schedule, Math.ceil(shareMillionths / 1_000_000));
}

/** The mean rate of the volume between `paidMinor` and `aheadMinor` more, both whole numbers: fractions would not add up exactly. */
function averagePpm({ ratePpm, tiers = [] }: FeeSchedule, paidMinor: number, aheadMinor: number): number {
  const end = paidMinor + aheadMinor;
  let from = paidMinor;
  let rate = ratePpm;
  let sum = 0;
  for (const tier of tiers) {
    const to = Math.min(end, Math.max(from, tier.fromMinor));
    sum += (to - from) * rate;
    from = to;
    rate = tier.ratePpm;
  }
  return (sum + (end - from) * rate) / aheadMinor;
}
