import type { EpochMs, Money } from '../payment/index.ts';
import { round6 } from './score.ts';
import type { Wanted } from './types.ts';
import type { Period } from './wall-clock.ts';

/** The room that is left of a daily limit. */
export interface LimitRoom {
  readonly leftMinor: number;
  readonly period: Period;
}

/** What a channel would have got, sorted by how much it was better than the next one. */
interface Demand {
  /** Sums of minor units, by class of leads: see `leadClass`. */
  readonly byLead: Float64Array;
  watchedMs: number;
  at: EpochMs;
  price: number;
  pricedAt: EpochMs;
}

const HALF_LIFE_MS = 6 * 3_600_000;
/** Before this share of a period has been watched nothing is expected of it. */
const WATCHED_SHARE = 0.01;
/** Of what is expected: room that is spared for payments which never come is lost. */
const COUNTED_ON = 0.9;
const PRICE_MAX = 0.9;
const SERVES_MS = 1_000;
const DEMANDS_MAX = 4_096;

/** The first class holds leads of up to a thousandth, each further one those that are up to a fifth larger. */
const CLASSES = 40;
const LEAST_LEAD = 0.001;
const LOG_STEP = -Math.log(LEAST_LEAD) / (CLASSES - 1);

/**
 * What a unit of a daily limit is worth. A limit that will be used up before its day is over is better kept for the payments that gain most by
 * it: a channel that is hardly better than the next one now may be the only good one in the evening. Its price is the lead, as a share of its
 * score, above which the payments that are still expected just use up what is left (in revenue management: the bid price); 0 when the limit is
 * wide enough.
 */
export function createLimitPrices() {
  const demands = new Map<string, Demand>();

  return {
    /**
     * A payment that the channel would get if its limit were without end. Watching begins with the first one, which is not counted.
     */
    wanted({ channelId, currency, minor }: Wanted, lead: number, now: EpochMs): void {
      const key = `${channelId}/${currency}`;
      const known = demands.get(key);
      if (!known) {
        if (demands.size < DEMANDS_MAX) demands.set(key, newDemand(now));
        return;
      }
      age(known, now);
      const index = leadClass(lead);
      known.byLead[index] = (known.byLead[index] ?? 0) + minor;
    },

    /**
     * The share of its score that the payment has to be worth more there than elsewhere; 0 to 0.9. Looked up anew once a second.
     * A channel that has no room for the payment is not compared with others: what it would have got is not seen, and the time does not count.
     */
    price(channelId: string, { minor, currency }: Money, room: LimitRoom, now: EpochMs): number {
      const known = demands.get(`${channelId}/${currency}`);
      if (!known) return 0;
      if (minor > room.leftMinor) known.at = Math.max(known.at, now);
      if (Math.abs(now - known.pricedAt) >= SERVES_MS) {
        if (now > known.at) age(known, now);
        known.price = priceOf(known, room, now);
        known.pricedAt = now;
      }
      return known.price;
    },

    forget(channelId: string): void {
      for (const key of demands.keys()) if (key.startsWith(`${channelId}/`)) demands.delete(key);
    },
  };
}

export type LimitPrices = ReturnType<typeof createLimitPrices>;

function newDemand(now: EpochMs): Demand {
  const never = Number.NEGATIVE_INFINITY;
  return { byLead: new Float64Array(CLASSES), watchedMs: 0, at: now, price: 0, pricedAt: never };
}

/** Time passes. Sums and the time that they were gathered in are forgotten alike. A clock that steps back ages nothing, and goes on from there. */
function age(demand: Demand, now: EpochMs): void {
  const sinceMs = Math.max(0, now - demand.at);
  const kept = 0.5 ** (sinceMs / HALF_LIFE_MS);
  for (let i = 0; i < CLASSES; i += 1) demand.byLead[i] = (demand.byLead[i] ?? 0) * kept;
  demand.watchedMs = demand.watchedMs * kept + ((1 - kept) * HALF_LIFE_MS) / Math.LN2;
  demand.at = now;
}

function priceOf({ byLead, watchedMs }: Demand, { leftMinor, period }: LimitRoom, now: EpochMs): number {
  const { start, end } = period;
  if (watchedMs <= WATCHED_SHARE * (end - start)) return 0;
  const expected = (COUNTED_ON * Math.max(0, end - now)) / watchedMs;
  let room = leftMinor;
  for (let i = CLASSES - 1; i >= 0; i -= 1) {
    const minor = (byLead[i] ?? 0) * expected;
    if (minor > room) {
      const price = leadAbove(i) - (room / minor) * (leadAbove(i) - leadAbove(i - 1));
      return round6(Math.min(PRICE_MAX, price));
    }
    room -= minor;
  }
  return 0;
}

/** Leads of one class are the same to a price. */
export function leadClass(lead: number): number {
  if (lead <= LEAST_LEAD) return 0;
  return Math.min(CLASSES - 1, Math.ceil(Math.log(lead / LEAST_LEAD) / LOG_STEP - 1e-9));
}

/** The largest lead of a class. */
function leadAbove(index: number): number {
  return index < 0 ? 0 : LEAST_LEAD * Math.exp(index * LOG_STEP);
}
