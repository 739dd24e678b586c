import type { EpochMs } from '../payment/index.ts';
import { keptAfter, watchedAfter } from './fading.ts';

/** What came in what time, by class of leads; both are forgotten alike, so their quotient stays a rate. */
interface Watched {
  /** Sums of minor units: see `leadClass`. */
  readonly byLead: Float64Array;
  watchedMs: number;
}

/** What a channel would have got, sorted by how much it was better than the next one. */
export interface Demand {
  readonly lately: Watched;
  /** By hours of the day (of UTC): traffic has a rhythm, and what comes now does not go on all day. */
  readonly hours: readonly Watched[];
  /** Up to when it was watched. */
  at: EpochMs;
}

/** What a snapshot keeps: the hours, each with its sums as pairs of class and minor units. */
export interface DemandSnapshot {
  readonly at: EpochMs;
  readonly hours: readonly { readonly watchedMs: number; readonly byLead: readonly (readonly [number, number])[] }[];
}

const HOUR_MS = 3_600_000;
export const HOURS = 24;
const LATELY_HALF_LIFE_MS = 6 * HOUR_MS;
/** An hour of the day is watched once a day: half of what was seen in it counts three days later. */
const HOUR_HALF_LIFE_MS = 3 * HOUR_MS;
/** So much of an hour has to be watched before it is known by itself. */
const HOUR_KNOWN_MS = HOUR_MS / 2;

/** The first class holds leads of up to a thousandth, each further one those that are up to a fifth larger. */
export const LEAD_CLASSES = 40;
const LEAST_LEAD = 0.001;
const LOG_STEP = -Math.log(LEAST_LEAD) / (LEAD_CLASSES - 1);

/** Leads of one class are the same to a price. */
export function leadClass(lead: number): number {
  if (lead <= LEAST_LEAD) return 0;
  return Math.min(LEAD_CLASSES - 1, Math.ceil(Math.log(lead / LEAST_LEAD) / LOG_STEP - 1e-9));
}

/** The largest lead of a class; 0 below the first. */
export function leadAbove(index: number): number {
  return index < 0 ? 0 : LEAST_LEAD * Math.exp(index * LOG_STEP);
}

export function newDemand(now: EpochMs): Demand {
  return { lately: nothing(), hours: Array.from({ length: HOURS }, nothing), at: now };
}

/** Time passes. A clock that steps back ages nothing, and goes on from there. */
export function age(demand: Demand, now: EpochMs): void {
  pass(demand.lately, Math.max(0, now - demand.at), LATELY_HALF_LIFE_MS);
  // Whatever was seen of an hour, a silence of days says no more of it than one of a day.
  for (const { hour, ms } of hoursBetween(Math.max(demand.at, now - HOURS * HOUR_MS), now)) {
    pass(hourOf(demand, hour), ms, HOUR_HALF_LIFE_MS);
  }
  demand.at = now;
}

/** A payment comes at the moment up to which it is watched. */
export function add({ lately, ...demand }: Demand, lead: number, minor: number): void {
  const index = leadClass(lead);
  for (const { byLead } of [lately, hourOf(demand, Math.floor(demand.at / HOUR_MS))]) {
    byLead[index] = (byLead[index] ?? 0) + minor;
  }
}

/**
 * What may be expected to come between two moments, by class of leads: of an hour that is known what came in it on the days before, of any
 * other what comes lately, once that was watched for `leastMs`.
 */
export function expectedBetween(
  { lately, ...demand }: Demand,
  from: EpochMs,
  to: EpochMs,
  leastMs: number,
): Float64Array {
  const expected = new Float64Array(LEAD_CLASSES);
  for (const { hour, ms } of hoursBetween(from, to)) {
    const known = hourOf(demand, hour);
    const { byLead, watchedMs } = known.watchedMs >= HOUR_KNOWN_MS ? known : lately;
    if (watchedMs < HOUR_KNOWN_MS && watchedMs <= leastMs) continue;
    for (let i = 0; i < LEAD_CLASSES; i += 1) expected[i] = (expected[i] ?? 0) + ((byLead[i] ?? 0) * ms) / watchedMs;
  }
  return expected;
}

export function keep({ at, hours }: Demand): DemandSnapshot {
  const pairsOf = (byLead: Float64Array): [number, number][] => {
    const pairs: [number, number][] = [];
    byLead.forEach((minor, index) => {
      if (minor >= 1) pairs.push([index, Math.round(minor)]);
    });
    return pairs;
  };
  return {
    at,
    hours: hours.map(({ watchedMs, byLead }) => ({ watchedMs: Math.round(watchedMs), byLead: pairsOf(byLead) })),
  };
}

export function restored({ at, hours }: DemandSnapshot): Demand {
  const demand = newDemand(at);
  for (const [hour, { watchedMs, byLead }] of hours.entries()) {
    const known = hourOf(demand, hour);
    known.watchedMs = watchedMs;
    for (const [index, minor] of byLead) known.byLead[index] = minor;
  }
  return demand;
}

function nothing(): Watched {
  return { byLead: new Float64Array(LEAD_CLASSES), watchedMs: 0 };
}

function pass(watched: Watched, ms: number, halfLifeMs: number): void {
  const kept = keptAfter(ms, halfLifeMs);
  for (let i = 0; i < LEAD_CLASSES; i += 1) watched.byLead[i] = (watched.byLead[i] ?? 0) * kept;
  watched.watchedMs = watchedAfter(watched.watchedMs, ms, halfLifeMs);
}

/** @param hour since the epoch, or of the day */
function hourOf({ hours }: Pick<Demand, 'hours'>, hour: number): Watched {
  return hours[hour % HOURS] ?? nothing();
}

/** The hours since the epoch that lie between two moments, the first and the last in part. */
function hoursBetween(from: EpochMs, to: EpochMs): { readonly hour: number; readonly ms: number }[] {
  const parts: { readonly hour: number; readonly ms: number }[] = [];
  for (let at = from; at < to; ) {
    const hour = Math.floor(at / HOUR_MS);
    const next = Math.min(to, (hour + 1) * HOUR_MS);
    parts.push({ hour, ms: next - at });
    at = next;
  }
  return parts;
}
