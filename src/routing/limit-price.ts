import type { EpochMs, Money } from '../payment/index.ts';
import {
  add,
  age,
  type Demand,
  type DemandSnapshot,
  expectedBetween,
  keep,
  LEAD_CLASSES,
  leadAbove,
  newDemand,
  restored,
} from './demand.ts';
import { round6 } from './score.ts';
import type { Wanted } from './types.ts';
import type { Period } from './wall-clock.ts';

/** The room that is left of a daily limit. */
export interface LimitRoom {
  readonly leftMinor: number;
  readonly period: Period;
}

interface Priced {
  readonly channelId: string;
  readonly currency: string;
  readonly demand: Demand;
  price: number;
  pricedAt: EpochMs;
}

export type LimitPriceSnapshot = readonly ({
  readonly channelId: string;
  readonly currency: string;
} & DemandSnapshot)[];

/** Before this share of a period has been watched nothing is expected of it. */
const WATCHED_SHARE = 0.01;
/** Of what is expected: room that is spared for payments which never come is lost. */
const COUNTED_ON = 0.9;
const PRICE_MAX = 0.9;
const SERVES_MS = 1_000;
const PRICED_MAX = 2_048;
const KEPT_MS = 7 * 24 * 3_600_000;
/** A few kilobytes each: a snapshot is one document of the store. */
const KEPT_MAX = 1_000;

/**
 * What a unit of a daily limit is worth. A limit that will be used up before its day is over is better kept for the payments that gain most by
 * it: a channel that is hardly better than the next one now may be the only good one in the evening. Its price is the lead, as a share of its
 * score, above which the payments that are still expected just use up what is left (in revenue management: the bid price); 0 when the limit is
 * wide enough.
 */
export function createLimitPrices() {
  const all = new Map<string, Priced>();

  return {
    /**
     * A payment that the channel would get if its limit were without end. Watching begins with the first one, which is not counted.
     */
    wanted({ channelId, currency, minor }: Wanted, lead: number, now: EpochMs): void {
      const key = `${channelId}/${currency}`;
      const known = all.get(key);
      if (!known) {
        if (all.size < PRICED_MAX) all.set(key, unpriced(channelId, currency, newDemand(now)));
        return;
      }
      age(known.demand, now);
      add(known.demand, lead, minor);
    },

    /**
     * The share of its score that the payment has to be worth more there than elsewhere; 0 to 0.9. Looked up anew once a second.
     * A channel that has no room for the payment is not compared with others: what it would have got is not seen, and the time does not count.
     */
    price(channelId: string, { minor, currency }: Money, room: LimitRoom, now: EpochMs): number {
      const known = all.get(`${channelId}/${currency}`);
      if (!known) return 0;
      const { demand } = known;
      if (minor > room.leftMinor) demand.at = Math.max(demand.at, now);
      if (Math.abs(now - known.pricedAt) >= SERVES_MS) {
        if (now > demand.at) age(demand, now);
        known.price = priceOf(demand, room, now);
        known.pricedAt = now;
      }
      return known.price;
    },

    forget(channelId: string): void {
      for (const [key, one] of all) if (one.channelId === channelId) all.delete(key);
    },

    /** Without what nobody has asked for lately: a channel that is gone, or its limit. */
    snapshot: (now: EpochMs): LimitPriceSnapshot =>
      [...all.values()]
        .filter(({ demand }) => now - demand.at <= KEPT_MS)
        .slice(0, KEPT_MAX)
        .map(({ channelId, currency, demand }) => ({ channelId, currency, ...keep(demand) })),

    restore(known: LimitPriceSnapshot): void {
      all.clear();
      for (const { channelId, currency, ...demand } of known.slice(0, PRICED_MAX)) {
        all.set(`${channelId}/${currency}`, unpriced(channelId, currency, restored(demand)));
      }
    },
  };
}

export type LimitPrices = ReturnType<typeof createLimitPrices>;

function unpriced(channelId: string, currency: string, demand: Demand): Priced {
  return { channelId, currency, demand, price: 0, pricedAt: Number.NEGATIVE_INFINITY };
}

function priceOf(demand: Demand, { leftMinor, period }: LimitRoom, now: EpochMs): number {
  const { start, end } = period;
  const expected = expectedBetween(demand, now, end, WATCHED_SHARE * (end - start));
  let room = leftMinor;
  for (let i = LEAD_CLASSES - 1; i >= 0; i -= 1) {
    const minor = COUNTED_ON * (expected[i] ?? 0);
    if (minor > room) {
      const price = leadAbove(i) - (room / minor) * (leadAbove(i) - leadAbove(i - 1));
      return round6(Math.min(PRICE_MAX, price));
    }
    room -= minor;
  }
  return 0;
}
