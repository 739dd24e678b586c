/**
 * Checkpoints in the life of an order, in milliseconds since the channel took it. Dense at first, since a channel whose buyers
 * suddenly cannot pay is recognised within the first half minute or not at all quickly; an order older than the last one counts
 * fully.
 */
export const CHECKPOINTS_MS: readonly number[] = [
  1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
].map((s) => s * 1_000);

/** The prior: half of the payers are known after 30 s, five sixths after a minute and a half. */
const PRIOR_MEDIAN_MS = 30_000;
const PRIOR_SPREAD = 0.6;
const PRIOR_PAID_SHARE = 0.85;
/** How many orders the prior is worth, and how many orders of its own make a channel's table half its own. */
const PRIOR_ORDERS = 30;
const POOLED_ORDERS = 150;
/** How many payments of its own make half of how often a channel's buyers pay at all, against the pooled ones. */
const LEVEL_PAYMENTS = 10;
/** Above this many orders the counts of an interval are halved: delays follow buyers' habits, which change slowly. */
const POOL_ORDERS_MAX = 8_000;
const CHANNEL_ORDERS_MAX = 2_000;
/** A table is computed again after this many checkpoints were passed. */
const STALE_AFTER = 40;

/** Per interval between checkpoints: how many orders were watched to its end, and how many of them became known as paid in it. */
export interface DelayCounts {
  readonly watched: number[];
  readonly paid: number[];
}

interface Table extends DelayCounts {
  /** Share of eventual payers known at each checkpoint. */
  cumulative: number[];
  changes: number;
}

/**
 * Life tables of notification delays: which share of those who will pay is known to have paid at a given age. Intervals are
 * counted only by orders that were watched to their end, so young orders, which can only show short delays, do not make
 * payers look quick. Each channel has its table, shrunk to the pooled one: to its shape alone, as a channel whose buyers pay more
 * rarely would else seem to have many who are yet to pay.
 */
export function createDelays() {
  const pool = newTable();
  let channels = new Map<string, Table>();

  function tableOf(channelId: string): Table {
    let table = channels.get(channelId);
    if (!table) {
      table = newTable();
      channels.set(channelId, table);
    }
    return table;
  }

  /** Orders of one channel have passed checkpoint `k`; `paid` of them became known in the interval before it. */
  function passed(channelId: string, k: number, orders: number, paid: number): void {
    add(pool, k, orders, paid, POOL_ORDERS_MAX);
    add(tableOf(channelId), k, orders, paid, CHANNEL_ORDERS_MAX);
  }

  /** Share of eventual payers who are known as such at each checkpoint; rising to 1. */
  function sharesOf(channelId: string): readonly number[] {
    const table = tableOf(channelId);
    if (table.changes > STALE_AFTER || table.cumulative.length === 0) {
      const pooled = pooledIncidence(pool);
      const level = levelOf(table, pooled);
      const prior = pooled.map((share) => share * level);
      table.cumulative = cumulate(incidenceOf(table, POOLED_ORDERS, prior));
      table.changes = 0;
    }
    return table.cumulative;
  }

  return {
    passed,
    sharesOf,
    forget: (channelId: string): void => void channels.delete(channelId),
    snapshot: (): { pool: DelayCounts; channels: Record<string, DelayCounts> } => ({
      pool: countsOf(pool),
      channels: Object.fromEntries([...channels].map(([id, table]) => [id, countsOf(table)])),
    }),
    restore: (saved: { pool: DelayCounts; channels: Readonly<Record<string, DelayCounts>> }): void => {
      Object.assign(pool, tableFrom(saved.pool));
      channels = new Map(Object.entries(saved.channels).map(([id, counts]) => [id, tableFrom(counts)]));
    },
  };
}

export type Delays = ReturnType<typeof createDelays>;

/**
 * The share at any age, linear between checkpoints. Ages are asked for in a row, mostly rising, so each search begins where the last
 * one ended.
 */
export function createShareReader(shares: readonly number[]): (ageMs: number) => number {
  let k = 0;
  return (ageMs) => {
    while (k > 0 && ageMs < (CHECKPOINTS_MS[k - 1] ?? 0)) k -= 1;
    while (k < CHECKPOINTS_MS.length && ageMs >= (CHECKPOINTS_MS[k] ?? 0)) k += 1;
    const until = CHECKPOINTS_MS[k];
    if (until === undefined) return 1;
    const from = CHECKPOINTS_MS[k - 1] ?? 0;
    const before = shares[k - 1] ?? 0;
    return before + (((shares[k] ?? 1) - before) * (ageMs - from)) / (until - from);
  };
}

function newTable(): Table {
  return { watched: CHECKPOINTS_MS.map(() => 0), paid: CHECKPOINTS_MS.map(() => 0), cumulative: [], changes: 0 };
}

function add(table: Table, k: number, orders: number, paid: number, ordersMax: number): void {
  table.watched[k] = (table.watched[k] ?? 0) + orders;
  table.paid[k] = (table.paid[k] ?? 0) + paid;
  table.changes += 1;
  if ((table.watched[k] ?? 0) <= ordersMax) return;
  table.watched[k] = (table.watched[k] ?? 0) / 2;
  table.paid[k] = (table.paid[k] ?? 0) / 2;
}

/** How often buyers pay, whatever their delays, against those of `pooled`: payments so far per payment to be expected by then. */
function levelOf({ watched, paid }: DelayCounts, pooled: readonly number[]): number {
  let known = LEVEL_PAYMENTS;
  let expected = LEVEL_PAYMENTS;
  for (let k = 0; k < CHECKPOINTS_MS.length; k += 1) {
    known += paid[k] ?? 0;
    expected += (watched[k] ?? 0) * (pooled[k] ?? 0);
  }
  return known / expected;
}

/** Share of all orders that become known as paid in each interval, shrunk to `prior` as if by `weight` orders. */
function incidenceOf(table: DelayCounts, weight: number, prior: readonly number[]): number[] {
  return CHECKPOINTS_MS.map((_, k) => shrunk(table, k, weight, prior[k] ?? 0));
}

/**
 * The same for the pool, from the prior. Those who paid sooner than the prior has it are not expected once more: where buyers pay in
 * seconds, half of the payers would else seem to be yet to come, and of young orders all to be paid.
 */
function pooledIncidence(pool: DelayCounts): number[] {
  let toCome = PRIOR_INCIDENCE.reduce((sum, share) => sum + share, 0);
  let left = toCome;
  return PRIOR_INCIDENCE.map((share, k) => {
    const stillToCome = Math.min(1, Math.max(0, left) / toCome);
    const incidence = shrunk(pool, k, PRIOR_ORDERS, share * stillToCome);
    toCome -= share;
    left -= incidence;
    return incidence;
  });
}

function shrunk({ paid, watched }: DelayCounts, k: number, weight: number, prior: number): number {
  return ((paid[k] ?? 0) + weight * prior) / ((watched[k] ?? 0) + weight);
}

function cumulate(incidence: readonly number[]): number[] {
  const total = incidence.reduce((sum, share) => sum + share, 0);
  let sum = 0;
  return incidence.map((share) => {
    sum += share;
    return sum / total;
  });
}

/** Log-logistic delays, as incidence per interval. */
const PRIOR_INCIDENCE: readonly number[] = CHECKPOINTS_MS.map((until, k) => {
  const knownBy = (ms: number): number => 1 / (1 + (PRIOR_MEDIAN_MS / ms) ** (1 / PRIOR_SPREAD));
  const from = CHECKPOINTS_MS[k - 1];
  return PRIOR_PAID_SHARE * (knownBy(until) - (from === undefined ? 0 : knownBy(from)));
});

function countsOf({ watched, paid }: DelayCounts): DelayCounts {
  return { watched: [...watched], paid: [...paid] };
}

function tableFrom({ watched, paid }: DelayCounts): Table {
  return { watched: [...watched], paid: [...paid], cumulative: [], changes: STALE_AFTER + 1 };
}
