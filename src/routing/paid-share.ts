import type { EpochMs } from '../payment/index.ts';

/** What an order belongs to when it is compared with others. `band` numbers the amount band, from 0. */
export interface Segment {
  readonly method: string;
  readonly currency: string;
  readonly band: number;
}

/**
 * Successes and exposure; the fast memory forgets after some 500 orders, the slow one after 15 times as many. What counts are
 * the orders of the segment on any channel, so that knowledge of an idle channel ages too and one day it is worth another look.
 */
export interface Sums {
  /** How many orders the segment had seen when this was last faded. */
  seen: number;
  fastPaid: number;
  fastExposed: number;
  slowPaid: number;
  slowExposed: number;
  /** Payments that the levels above let expect of the same orders when they came in. */
  slowExpected: number;
}

/** A pooled segment: what came of its orders on any channel. */
export interface PooledSums extends Sums {
  /** Orders of the segment ever, on any channel; the mean time between them, and when the last one came. */
  opened: number;
  gapMs: number;
  lastAt: EpochMs;
}

/** One leaf of the hierarchy with the path that leads to it: channel, method, currency, band; and the same without the channel. */
export interface Path {
  readonly channelId: string;
  readonly segment: Segment;
  readonly levels: readonly [Sums, Sums, Sums, Sums];
  readonly pooled: readonly [PooledSums, PooledSums, PooledSums, PooledSums];
  /** What is known of the channel in the path's currency by any method, and in its band by any method and currency. */
  readonly kin: readonly [readonly Sums[], readonly Sums[]];
}

const FAST_ORDERS = 500;
const FAST_MS = 100_000;
const SLOW_ORDERS = 3_000;
const SLOW_MS = 600_000;
/** Before anything is known, and the longest that counts. */
const GAP_MS_START = 60_000;
const GAP_ORDERS = 100;
/** What is known of an idle channel never fades to less: it may be looked at again, and is not taken for an ordinary one. */
const KEPT_ORDERS = 60;
const START = { share: 0.85, orders: 20 } as const;
/** How many orders what is known one level up is worth: for a channel, its method, its currency, its band. */
const KAPPA = [20, 30, 60, 80] as const;
/** And the same for what is known of a channel in this currency or band elsewhere. */
const KIN_KAPPA = 60;
/** A level whose orders are nearly all of its parent's orders says nothing of its own. */
const SAME_SHARE = 0.97;
/** How many standard errors apart the memories have to be before the long one is dropped, and how many recent orders that takes. */
const DISAGREE = 3;
const CHANGE_ORDERS = 20;

/** What is left of a memory that is in doubt. */
const DOUBTED_ORDERS = 40;

/** Fading is put off until it amounts to something. */
const FADE_AFTER_ORDERS = 8;

/** Expected shares down a path: channel, method, currency, band. */
export type Shares = readonly [number, number, number, number];

export interface PaidShare {
  /** Share of orders that are paid in the end, 0 to 1. */
  readonly share: number;
  /** How many orders this rests on: those of the leaf itself, and what is known one level up as far as it is believed. */
  readonly orders: number;
  /** The same share at every level of the path. */
  readonly levels: Shares;
  /** What the levels above let expect at every level. */
  readonly bases: Shares;
}

export function noSums(): Sums {
  return { seen: 0, fastPaid: 0, fastExposed: 0, slowPaid: 0, slowExposed: 0, slowExpected: 0 };
}

export function noPooledSums(): PooledSums {
  return { ...noSums(), opened: 0, gapMs: GAP_MS_START, lastAt: 0 };
}

/** A channel was given an order. */
export function count(path: Path, now: EpochMs): void {
  for (const pooled of path.pooled) {
    pooled.opened += 1;
    pooled.gapMs += (Math.min(GAP_MS_START, Math.max(0, now - pooled.lastAt)) - pooled.gapMs) / GAP_ORDERS;
    pooled.lastAt = now;
  }
}

/** How many orders a memory holds: where they come fast, as many as come in so long, or nothing would be known before it is forgotten. */
function holds(orders: number, ms: number, { gapMs }: PooledSums): number {
  return Math.max(orders, ms / Math.max(0.01, gapMs));
}

/** What a path's segments had seen when an order was opened; its evidence fades from then on, whenever it comes in. */
export type Seen = readonly [number, number, number, number];

export function seenBy({ pooled: [all, method, currency, leaf] }: Path): Seen {
  return [all.opened, method.opened, currency.opened, leaf.opened];
}

/**
 * Orders have aged by `exposure`, and `paid` of them have become known as paid; negative numbers take evidence back. Both weigh
 * what is left of them since the orders were opened, so that a late success is worth no more than an early one.
 * @param known what is believed of the path about now
 */
export function witness(path: Path, seen: Seen, known: PaidShare, exposure: number, paid: number): void {
  fadeAll(path);
  for (let level = 0; level < 4; level += 1) {
    const own = path.levels[level];
    const pooled = path.pooled[level];
    if (!own || !pooled) continue;
    const age = pooled.opened - (seen[level] ?? 0);
    const fast = Math.exp(-age / holds(FAST_ORDERS, FAST_MS, pooled));
    const slow = Math.exp(-age / holds(SLOW_ORDERS, SLOW_MS, pooled));
    own.slowExpected = expectedWith(own, exposure * slow, known.bases[level] ?? START.share);
    pooled.slowExpected = expectedWith(pooled, exposure * slow, known.levels[level - 1] ?? START.share);
    for (const sums of [own, pooled]) {
      sums.fastExposed = Math.max(0, sums.fastExposed + exposure * fast);
      sums.slowExposed = Math.max(0, sums.slowExposed + exposure * slow);
      sums.fastPaid = Math.max(0, sums.fastPaid + paid * fast);
      sums.slowPaid = Math.max(0, sums.slowPaid + paid * slow);
    }
  }
}

/** Of what is taken back nobody knows what was expected of it then: it takes its part of all. */
function expectedWith({ slowExpected, slowExposed }: Sums, exposure: number, share: number): number {
  if (exposure >= 0) return slowExpected + exposure * share;
  return slowExpected * Math.max(0, 1 + exposure / Math.max(1e-9, slowExposed));
}

/** True when the recent orders say clearly that the channel is not any more what the long memory has of it. */
export function hasChanged({ fastPaid, fastExposed, slowPaid, slowExposed }: Sums): boolean {
  if (fastExposed < CHANGE_ORDERS || slowExposed < 1.3 * fastExposed) return false;
  // What the long memory knows beyond the recent orders, so that the two samples are apart.
  const older = slowExposed - fastExposed;
  const before = within((slowPaid - fastPaid) / older);
  const difference = fastPaid / fastExposed - before;
  return Math.abs(difference) > DISAGREE * Math.sqrt(before * (1 - before) * (1 / fastExposed + 1 / older));
}

/** Forgets everything but the recent orders. */
export function keepRecent(sums: Sums): void {
  sums.slowPaid = sums.fastPaid;
  sums.slowExpected *= sums.fastExposed / Math.max(1e-9, sums.slowExposed);
  sums.slowExposed = sums.fastExposed;
}

/** What is known counts for little from now on. */
export function doubt(sums: Sums): void {
  const scale = Math.min(1, DOUBTED_ORDERS / Math.max(1, sums.slowExposed));
  sums.slowPaid *= scale;
  sums.slowExposed *= scale;
  sums.slowExpected *= scale;
  sums.fastPaid = sums.slowPaid;
  sums.fastExposed = sums.slowExposed;
}

function ordersOf({ levels }: Path): number {
  let above = 0;
  let known = 0;
  for (let level = 1; level < 4; level += 1) {
    const own = levels[level];
    const kappa = KAPPA[level] ?? 0;
    if (!own) continue;
    const exposed = own.slowExposed;
    if (level === 1) known = exposed;
    else if (exposed < SAME_SHARE * above) known = exposed + (known * kappa) / (known + kappa);
    above = exposed;
  }
  return known;
}

/**
 * What is believed of the path's leaf. Down the hierarchy: each level starts from the estimate of the level above, moved by what the
 * segment does to everybody and by what the channel makes of the same currency or band elsewhere, and is corrected by its own orders.
 * By odds, so that a segment that halves them does so for good and bad channels.
 */
export function paidShareOf(path: Path): PaidShare {
  fadeAll(path);
  const levels: [number, number, number, number] = [0, 0, 0, 0];
  const bases: [number, number, number, number] = [0, 0, 0, 0];
  const root = path.pooled[0];
  let share = (root.slowPaid + START.share * START.orders) / (root.slowExposed + START.orders);
  for (let level = 0; level < 4; level += 1) {
    const own = path.levels[level];
    const above = path.levels[level - 1];
    const pooled = path.pooled[level];
    if (!own || !pooled) continue;
    const kappa = KAPPA[level] ?? 0;
    if (level > 0) share = moved(share, pooled, kappa);
    bases[level] = share;
    const same = above !== undefined && own.slowExposed >= SAME_SHARE * above.slowExposed;
    if (!same) {
      const kin = path.kin[level - 2];
      if (kin) share = moved(share, othersOf(kin, own), KIN_KAPPA);
      share = within((own.slowPaid + kappa * share) / (own.slowExposed + kappa));
    }
    levels[level] = share;
  }
  return { share: levels[3], orders: ordersOf(path), levels, bases };
}

type Compared = Pick<Sums, 'slowPaid' | 'slowExposed' | 'slowExpected'>;

function othersOf(kin: readonly Sums[], own: Sums): Compared {
  const others = { slowPaid: 0, slowExposed: 0, slowExpected: 0 };
  for (const one of kin) {
    if (one === own) continue;
    others.slowPaid += one.slowPaid;
    others.slowExposed += one.slowExposed;
    others.slowExpected += one.slowExpected;
  }
  return others;
}

/** By what was paid of some orders against what was to be expected of them. */
function moved(share: number, { slowExposed, slowPaid, slowExpected }: Compared, kappa: number): number {
  if (slowExposed < 1) return share;
  const mean = slowExpected / slowExposed;
  const paid = within((slowPaid + kappa * mean) / (slowExposed + kappa));
  const expected = within(mean);
  if (Math.abs(paid - expected) < 1e-4) return share;
  const odds = (oddsOf(within(share)) * oddsOf(paid)) / oddsOf(expected);
  return within(odds / (1 + odds));
}

function fadeAll({ levels, pooled }: Path): void {
  for (let level = 0; level < 4; level += 1) {
    const own = levels[level];
    const all = pooled[level];
    if (!own || !all) continue;
    if (all.opened - own.seen >= FADE_AFTER_ORDERS) fade(own, all);
    if (all.opened - all.seen >= FADE_AFTER_ORDERS) fade(all, all);
  }
}

function fade(sums: Sums, pooled: PooledSums): void {
  const orders = pooled.opened - sums.seen;
  const fast = Math.exp(-orders / holds(FAST_ORDERS, FAST_MS, pooled));
  const slow = Math.exp(-orders / holds(SLOW_ORDERS, SLOW_MS, pooled));
  sums.seen = pooled.opened;
  sums.fastPaid *= fast;
  sums.fastExposed *= fast;
  if (sums.slowExposed * slow < KEPT_ORDERS) return;
  sums.slowPaid *= slow;
  sums.slowExposed *= slow;
  sums.slowExpected *= slow;
}

function within(share: number): number {
  return Math.min(0.998, Math.max(0.002, share));
}

function oddsOf(share: number): number {
  return share / (1 - share);
}
