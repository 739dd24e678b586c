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
}

/** A pooled segment: what came of its orders, and what one level up would have expected of the same orders. */
export interface PooledSums extends Sums {
  /** Orders of the segment ever, on any channel; the mean time between them, and when the last one came. */
  opened: number;
  gapMs: number;
  lastAt: EpochMs;
  slowExpected: number;
}

/** One leaf of the hierarchy with the path that leads to it: channel, method, currency, band; and the same without the channel. */
export interface Path {
  readonly channelId: string;
  readonly segment: Segment;
  readonly levels: readonly [Sums, Sums, Sums, Sums];
  readonly pooled: readonly [PooledSums, PooledSums, PooledSums, PooledSums];
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
}

export function noSums(): Sums {
  return { seen: 0, fastPaid: 0, fastExposed: 0, slowPaid: 0, slowExposed: 0 };
}

export function noPooledSums(): PooledSums {
  return { ...noSums(), opened: 0, gapMs: GAP_MS_START, lastAt: 0, slowExpected: 0 };
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
 * @param shares what is expected of the path about now
 */
export function witness(path: Path, seen: Seen, shares: Shares, exposure: number, paid: number): void {
  fadeAll(path);
  for (let level = 0; level < 4; level += 1) {
    const own = path.levels[level];
    const pooled = path.pooled[level];
    if (!own || !pooled) continue;
    const age = pooled.opened - (seen[level] ?? 0);
    const fast = Math.exp(-age / holds(FAST_ORDERS, FAST_MS, pooled));
    const slow = Math.exp(-age / holds(SLOW_ORDERS, SLOW_MS, pooled));
    const expected = exposure * (level === 0 ? START.share : (shares[level - 1] ?? START.share));
    pooled.slowExpected = Math.max(0, pooled.slowExpected + expected * slow);
    for (const sums of [own, pooled]) {
      sums.fastExposed = Math.max(0, sums.fastExposed + exposure * fast);
      sums.slowExposed = Math.max(0, sums.slowExposed + exposure * slow);
      sums.fastPaid = Math.max(0, sums.fastPaid + paid * fast);
      sums.slowPaid = Math.max(0, sums.slowPaid + paid * slow);
    }
  }
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
  sums.slowExposed = sums.fastExposed;
}

/** What is known counts for little from now on. */
export function doubt(sums: Sums): void {
  const scale = Math.min(1, DOUBTED_ORDERS / Math.max(1, sums.slowExposed));
  sums.slowPaid *= scale;
  sums.slowExposed *= scale;
  sums.fastPaid = sums.slowPaid;
  sums.fastExposed = sums.slowExposed;
}

/** What is believed of the path's leaf. */
export function paidShareOf(path: Path): PaidShare {
  const levels = sharesOf(path);
  return { share: levels[3], orders: ordersOf(path), levels };
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
 * Down the hierarchy: each level starts from the estimate of the level above, moved by what the segment does to everybody, and
 * is corrected by its own orders. By odds, so that a segment that halves them does so for good and bad channels.
 */
function sharesOf(path: Path): [number, number, number, number] {
  fadeAll(path);
  const shares: [number, number, number, number] = [0, 0, 0, 0];
  const root = path.pooled[0];
  let prior = (root.slowPaid + START.share * START.orders) / (root.slowExposed + START.orders);
  for (let level = 0; level < 4; level += 1) {
    const own = path.levels[level];
    const above = path.levels[level - 1];
    const pooled = path.pooled[level];
    if (!own || !pooled) continue;
    const exposed = own.slowExposed;
    const paid = own.slowPaid;
    const kappa = KAPPA[level] ?? 0;
    const same = above !== undefined && exposed >= SAME_SHARE * above.slowExposed;
    if (level > 0) prior = moved(prior, pooled, kappa);
    if (!same || level === 0) prior = within((paid + kappa * prior) / (exposed + kappa));
    shares[level] = prior;
  }
  return shares;
}

/** What the segment does to everybody: what was paid in it against what the level above would have expected. */
function moved(share: number, pooled: PooledSums, kappa: number): number {
  const { slowExposed, slowPaid, slowExpected } = pooled;
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
    const orders = all.opened - all.seen;
    if (orders < FADE_AFTER_ORDERS) continue;
    fade(all, all);
    all.slowExpected *= Math.exp(-orders / holds(SLOW_ORDERS, SLOW_MS, all));
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
}

function within(share: number): number {
  return Math.min(0.998, Math.max(0.002, share));
}

function oddsOf(share: number): number {
  return share / (1 - share);
}
