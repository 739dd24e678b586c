import type { EpochMs, Money } from '../payment/index.ts';
import type { LimitPrices, LimitRoom } from './limit-price.ts';
import type { Outlook } from './tier-outlook.ts';
import type { ChannelProfile, ChannelView } from './types.ts';
import { DEFAULT_ZONE, type Period, periodAt } from './wall-clock.ts';

/** What a channel has used up of its contract, in one currency. */
export interface ContractUse {
  /** What is paid or may yet be paid of the orders of its day. */
  readonly usedTodayMinor: number;
  /** What its fee tiers go by; absent: it has none. */
  readonly paidInPeriod?: { readonly minor: number; readonly period: Period };
}

const DAY_MS = 24 * 3_600_000;

/**
 * What a channel's contract makes of this payment: the volume that its fee tiers go by and may count on, and what its daily limit is worth to
 * later payments. There is no price where an admin has said how the limit is handed out.
 */
export function contractFor(
  { outlook, prices }: { readonly outlook: Outlook; readonly prices: LimitPrices },
  profile: ChannelProfile,
  amount: Money,
  { usedTodayMinor, paidInPeriod }: ContractUse,
  now: EpochMs,
): Pick<ChannelView, 'tiers' | 'limitPrice'> {
  const { id, limits } = profile;
  const room = roomOf(profile, usedTodayMinor, now);
  const isPriced = room !== null && limits.pacing !== 'even';
  return {
    ...(isPriced && { limitPrice: prices.price(id, amount, room, now) }),
    ...(paidInPeriod && {
      tiers: outlook.volume(id, amount.currency, paidInPeriod, now, mostUntil(paidInPeriod.period.end, room, limits)),
    }),
  };
}

function roomOf({ limits, timezone }: ChannelProfile, usedTodayMinor: number, now: EpochMs): LimitRoom | null {
  if (limits.dailyMinor === null) return null;
  return { leftMinor: limits.dailyMinor - usedTodayMinor, period: periodAt('day', timezone ?? DEFAULT_ZONE, now) };
}

/** What the daily limit lets through until then: what is left of today's, and that of the days to come. */
function mostUntil(end: EpochMs, room: LimitRoom | null, { dailyMinor }: ChannelProfile['limits']): number {
  if (room === null || dailyMinor === null) return Number.POSITIVE_INFINITY;
  return Math.max(0, room.leftMinor) + (dailyMinor * Math.max(0, end - room.period.end)) / DAY_MS;
}
