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
  /** Orders of the segment ever, on any channel. */
  opened: number;
  fastExpected: number;
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
const SLOW_ORDERS = 3_000;
/** What is known of an idle channel never fades to less: it may be looked at again, and is not taken for an ordinary one. */
const KEPT_ORDERS = 60;
const START = { share: 0.85, orders: 20 } as const;
/** How many orders what is known one level up is worth: for a channel, its method, its currency, its band. */
const KAPPA = [20, 30, 60, 80] as const;
/** A level whose orders are nearly all of its parent's orders says nothing of its own. */
const SAME_SHARE = 0.97;
/** How many standard errors apart the memories have to be before the fast one is believed. */
const DISAGREE = 2.5;

/** Fading is put off until it amounts to something. */
const FADE_AFTER_ORDERS = 8;

export interface PaidShare {
  /** Share of orders that are paid in the end, 0 to 1. */
  readonly share: number;
  /** How many orders this rests on: those of the leaf itself, and what is known one level up as far as it is believed. */
  readonly orders: number;
}

export function noSums(): Sums {
  return { seen: 0, fastPaid: 0, fastExposed: 0, slowPaid: 0, slowExposed: 0 };
}

export function noPooledSums(): PooledSums {
  return { ...noSums(), opened: 0, fastExpected: 0, slowExpected: 0 };
}

/** A channel was given an order. */
export function count(path: Path): void {
  for (const pooled of path.pooled) pooled.opened += 1;
}

/** Orders have aged: all levels of their path gain exposure (negative: it is taken back). */
export function expose(path: Path, exposure: number): void {
  const shares = sharesOf(path);
  for (let level = 0; level < 4; level += 1) {
    const own = path.levels[level];
    const pooled = path.pooled[level];
    if (!own || !pooled) continue;
    const expected = exposure * (level === 0 ? START.share : (shares[level - 1] ?? START.share));
    pooled.fastExpected = Math.max(0, pooled.fastExpected + expected);
    pooled.slowExpected = Math.max(0, pooled.slowExpected + expected);
    for (const sums of [own, pooled]) {
      sums.fastExposed = Math.max(0, sums.fastExposed + exposure);
      sums.slowExposed = Math.max(0, sums.slowExposed + exposure);
    }
  }
}

/** Orders have been paid (negative: they are taken back). */
export function pay(path: Path, orders: number): void {
  for (const sums of [...path.levels, ...path.pooled]) {
    sums.fastPaid = Math.max(0, sums.fastPaid + orders);
    sums.slowPaid = Math.max(0, sums.slowPaid + orders);
  }
}

/** What is believed of the path's leaf. */
export function paidShareOf(path: Path): PaidShare {
  return { share: sharesOf(path)[3], orders: ordersOf(path) };
}

function ordersOf({ levels }: Path): number {
  const fast = believesFast(levels[1]);
  let above = 0;
  let known = 0;
  for (let level = 1; level < 4; level += 1) {
    const own = levels[level];
    const kappa = KAPPA[level] ?? 0;
    if (!own) continue;
    const exposed = fast ? own.fastExposed : own.slowExposed;
    if (level === 1) known = exposed;
    else if (exposed < SAME_SHARE * above) known = exposed + (known * kappa) / (known + kappa);
    above = exposed;
  }
  return known;
}

/**
 * Down the hierarchy: each level starts from the estimate of the level above, moved by what the segment does to everybody, and
 * is corrected by its own orders. In logit space, so that a segment that halves the odds does so for good and bad channels.
 */
function sharesOf(path: Path): [number, number, number, number] {
  fadeAll(path);
  const fast = believesFast(path.levels[1]);
  const shares: [number, number, number, number] = [0, 0, 0, 0];
  const root = path.pooled[0];
  let prior = (root.slowPaid + START.share * START.orders) / (root.slowExposed + START.orders);
  for (let level = 0; level < 4; level += 1) {
    const own = path.levels[level];
    const above = path.levels[level - 1];
    const pooled = path.pooled[level];
    if (!own || !pooled) continue;
    const exposed = fast ? own.fastExposed : own.slowExposed;
    const paid = fast ? own.fastPaid : own.slowPaid;
    const kappa = KAPPA[level] ?? 0;
    const same = above !== undefined && exposed >= SAME_SHARE * (fast ? above.fastExposed : above.slowExposed);
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
  return within(sigmoid(logit(within(share)) + logit(paid) - logit(expected)));
}

/** The slow memory is the better one as long as nothing has changed. */
function believesFast({ fastPaid, fastExposed, slowPaid, slowExposed }: Sums): boolean {
  if (fastExposed < 20 || slowExposed < 1.3 * fastExposed) return false;
  // What the slow memory knows beyond the fast one, so that the two samples are apart.
  const slow = within(slowPaid / slowExposed);
  const difference = fastPaid / fastExposed - slow;
  const error = Math.sqrt(slow * (1 - slow) * (2 / fastExposed));
  return Math.abs(difference) > DISAGREE * error;
}

function fadeAll({ levels, pooled }: Path): void {
  for (let level = 0; level < 4; level += 1) {
    const own = levels[level];
    const all = pooled[level];
    if (!own || !all) continue;
    if (all.opened - own.seen >= FADE_AFTER_ORDERS) fade(own, all.opened);
    const orders = all.opened - all.seen;
    if (orders < FADE_AFTER_ORDERS) continue;
    fade(all, all.opened);
    all.fastExpected *= Math.exp(-orders / FAST_ORDERS);
    all.slowExpected *= Math.exp(-orders / SLOW_ORDERS);
  }
}

function fade(sums: Sums, opened: number): void {
  const orders = opened - sums.seen;
  const fast = Math.exp(-orders / FAST_ORDERS);
  const slow = Math.exp(-orders / SLOW_ORDERS);
  sums.seen = opened;
  sums.fastPaid *= fast;
  sums.fastExposed *= fast;
  if (sums.slowExposed * slow < KEPT_ORDERS) return;
  sums.slowPaid *= slow;
  sums.slowExposed *= slow;
}

function within(share: number): number {
  return Math.min(0.998, Math.max(0.002, share));
}

function logit(share: number): number {
  return Math.log(share / (1 - share));
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
