/** What an order belongs to when it is compared with others. `band` numbers the amount band, from 0. */
export interface Segment {
  readonly method: string;
  readonly currency: string;
  readonly band: number;
}

/** Successes and exposure; the fast memory forgets after some 500 orders, the slow one after 15 times as many. */
export interface Sums {
  fastPaid: number;
  fastExposed: number;
  slowPaid: number;
  slowExposed: number;
}

/** A pooled segment: what came of its orders, and what one level up would have expected of the same orders. */
export interface PooledSums extends Sums {
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
const SLOW_ORDERS = 7_500;
const START = { share: 0.85, orders: 20 } as const;
/** How many orders what is known one level up is worth: for a channel, its method, its currency, its band. */
const KAPPA = [20, 30, 60, 200] as const;
/** A level whose orders are nearly all of its parent's orders says nothing of its own. */
const SAME_SHARE = 0.97;
/** How many standard errors apart the memories have to be before the fast one is believed. */
const DISAGREE = 2.5;

export interface PaidShare {
  /** Share of orders that are paid in the end, 0 to 1. */
  readonly share: number;
  /** The exposure that this rests on, in orders of the same method. */
  readonly orders: number;
}

export function noSums(): Sums {
  return { fastPaid: 0, fastExposed: 0, slowPaid: 0, slowExposed: 0 };
}

export function noPooledSums(): PooledSums {
  return { ...noSums(), fastExpected: 0, slowExpected: 0 };
}

/** Orders have aged: all levels of their path gain exposure, and older evidence fades by as much. */
export function expose(path: Path, exposure: number): void {
  const shares = sharesOf(path);
  for (let level = 0; level < 4; level += 1) {
    const own = path.levels[level];
    const pooled = path.pooled[level];
    if (!own || !pooled) continue;
    const expected = exposure * (level === 0 ? START.share : (shares[level - 1] ?? START.share));
    const fast = Math.exp(-Math.max(0, exposure) / FAST_ORDERS);
    const slow = Math.exp(-Math.max(0, exposure) / SLOW_ORDERS);
    fade(own, fast, slow);
    fade(pooled, fast, slow);
    pooled.fastExpected = pooled.fastExpected * fast + expected;
    pooled.slowExpected = pooled.slowExpected * slow + expected;
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
  const fast = believesFast(path.levels[1]);
  const method = path.levels[1];
  return { share: sharesOf(path)[3] ?? START.share, orders: fast ? method.fastExposed : method.slowExposed };
}

/**
 * Down the hierarchy: each level starts from the estimate of the level above, moved by what the segment does to everybody, and
 * is corrected by its own orders. In logit space, so that a segment that halves the odds does so for good and bad channels.
 */
function sharesOf(path: Path): [number, number, number, number] {
  const fast = believesFast(path.levels[1]);
  const shares: [number, number, number, number] = [0, 0, 0, 0];
  const root = path.pooled[0];
  let prior =
    (root.slowPaid + START.share * START.orders) / (root.slowExposed + START.orders);
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

function fade(sums: Sums, fast: number, slow: number): void {
  sums.fastPaid *= fast;
  sums.fastExposed *= fast;
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
