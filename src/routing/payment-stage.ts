import type { EpochMs } from '../payment/index.ts';
import { type Collapse, collapseOf, recoveryOf } from './collapse.ts';
import { CHECKPOINTS_MS, createDelays, shareAt } from './delays.ts';
import {
  count,
  hasChanged,
  keepRecent,
  noPooledSums,
  noSums,
  type PaidShare,
  type Path,
  type PooledSums,
  paidShareOf,
  type Seen,
  type Segment,
  type Sums,
  seenBy,
  witness,
} from './paid-share.ts';
import type { PaymentSnapshot } from './snapshot-schema.ts';

/** Orders of one leaf that were opened in the same second; the smallest thing that is remembered of orders. */
export interface Cohort {
  readonly leaf: Leaf;
  readonly at: EpochMs;
  readonly seen: Seen;
  orders: number;
  paid: number;
  /** Paid since the last checkpoint. */
  paidNow: number;
  /** Orders x the share that was expected to pay when they were opened. */
  expected: number;
  /** How much of each order has counted so far, 0 to 1. */
  exposed: number;
  /** Opened during a collapse: it says nothing of the channel's normal share. */
  apart: boolean;
}

interface Leaf {
  readonly path: Path;
  readonly pair: Pair;
  readonly cohorts: Map<number, Cohort>;
  /** The last estimate, and when it was made in the stage's count of changes. */
  known: PaidShare;
  knownAt: number;
}

/** One channel and method: what is known of its collapses, and its cohorts, oldest first. */
interface Pair {
  readonly sums: Sums;
  readonly leaves: Map<string, Leaf>;
  readonly currencies: Map<string, Sums>;
  cohorts: Cohort[];
  checkedAt: EpochMs;
  openedAt: EpochMs;
  opened: number;
  collapse: (Collapse & { readonly foundAt: EpochMs }) | null;
}

interface ChannelState {
  readonly sums: Sums;
  readonly pairs: Map<string, Pair>;
}

export interface PaymentEstimate extends PaidShare {
  /** Since when its orders pay far less than they should; null in normal times. */
  readonly lowSince: EpochMs | null;
  /** When the channel was last given an order of this method, and how many it was given in all; 0 when never. */
  readonly openedAt: EpochMs;
  readonly opened: number;
}

const COHORT_MS = 1_000;
/** Above this many cohorts under watch the oldest count fully at once. */
const COHORTS_MAX = 50_000;
const CHANNELS_MAX = 4_096;
const CHECK_EVERY_MS = 1_000;
/** Below this many orders nothing is known that could collapse. */
const KNOWN_ORDERS = 50;
const STALE_AFTER_CHANGES = 16;
/** A collapse that has lasted so long is how the channel is now. */
const NEW_NORMAL_AFTER_MS = 30 * 60_000;
/** What the new normal rests on, in orders: little, so that it follows what comes. */
const NEW_NORMAL_ORDERS = 200;

const UNKNOWN = { lowSince: null, openedAt: 0, opened: 0 } as const;

/**
 * Learns which share of orders is paid. An order that is not paid yet is not failed: it counts as much as the share of payers
 * who would be known by its age, so an order of five seconds counts little and an old one fully. Nobody has to tell how an
 * unpaid order ended; time does.
 */
export function createPaymentStage() {
  const delays = createDelays();
  const channels = new Map<string, ChannelState>();
  const pooled = new Map<string, PooledSums>();
  /** Per checkpoint the cohorts that will reach it next, in the order in which they will. */
  const waiting: Cohort[][] = CHECKPOINTS_MS.map(() => []);
  const heads: number[] = CHECKPOINTS_MS.map(() => 0);
  let watched = 0;
  let nextAt = Number.POSITIVE_INFINITY;
  let startedAt: EpochMs | null = null;
  let changes = 0;

  function opened(channelId: string, segment: Segment, at: EpochMs, now: EpochMs): void {
    startedAt ??= at;
    advance(now);
    const leaf = leafOf(channelId, segment);
    const { pair } = leaf;
    const second = Math.floor(at / COHORT_MS);
    let cohort = leaf.cohorts.get(second);
    if (!cohort) {
      cohort = {
        leaf,
        at,
        seen: seenBy(leaf.path),
        orders: 0,
        paid: 0,
        paidNow: 0,
        expected: 0,
        exposed: 0,
        apart: pair.collapse !== null,
      };
      leaf.cohorts.set(second, cohort);
      pair.cohorts.push(cohort);
      enqueue(0, cohort);
      watched += 1;
    }
    count(leaf.path, now);
    cohort.orders += 1;
    cohort.expected += knownOf(leaf).share;
    pair.openedAt = now;
    pair.opened += 1;
    check(channelId, pair, now);
  }

  /** An order has become known as paid; `at` is when it was opened. One from before this memory began is left out, as it never aged here. */
  function paid(channelId: string, segment: Segment, at: EpochMs, now: EpochMs): void {
    if (startedAt === null || at < startedAt) return;
    advance(now);
    const leaf = leafOf(channelId, segment);
    const cohort = leaf.cohorts.get(Math.floor(at / COHORT_MS));
    if (cohort) {
      cohort.paid += 1;
      cohort.paidNow += 1;
    }
    check(channelId, leaf.pair, now);
  }

  function estimate(channelId: string, segment: Segment, now: EpochMs): PaymentEstimate {
    advance(now);
    const leaf = leafOf(channelId, segment);
    const { pair } = leaf;
    const known = knownOf(leaf);
    if (pair.opened === 0) return { ...known, ...UNKNOWN };
    const share = known.share * (pair.collapse?.ratio ?? 1);
    const { openedAt, opened: orders } = pair;
    return { share, orders: known.orders, lowSince: pair.collapse?.since ?? null, openedAt, opened: orders };
  }

  /** An estimate is made anew after a few changes, whosever they were; one cohort's checkpoint moves it by next to nothing. */
  function knownOf(leaf: Leaf): PaidShare {
    if (changes - leaf.knownAt >= STALE_AFTER_CHANGES) {
      leaf.known = paidShareOf(leaf.path);
      leaf.knownAt = changes;
    }
    return leaf.known;
  }

  /** Lets every cohort that has reached its next checkpoint count accordingly. */
  function advance(now: EpochMs): void {
    if (now < nextAt && watched <= COHORTS_MAX) return;
    nextAt = Number.POSITIVE_INFINITY;
    for (let k = 0; k < waiting.length; k += 1) {
      const queue = waiting[k] ?? [];
      const ageMs = CHECKPOINTS_MS[k] ?? 0;
      let head = heads[k] ?? 0;
      for (; head < queue.length; head += 1) {
        const cohort = queue[head];
        if (!cohort) continue;
        const dueAt = cohort.at + ageMs;
        if (dueAt > now && watched <= COHORTS_MAX) {
          nextAt = Math.min(nextAt, dueAt);
          break;
        }
        pass(k, cohort);
      }
      if (head > 64 && head * 2 > queue.length) {
        queue.splice(0, head);
        head = 0;
      }
      heads[k] = head;
    }
  }

  function pass(k: number, cohort: Cohort): void {
    const { path, pair } = cohort.leaf;
    const share = delays.sharesOf(path.channelId)[k] ?? 1;
    changes += 1;
    if (!cohort.apart) {
      witness(path, cohort.seen, cohort.orders * (share - cohort.exposed), cohort.paidNow);
      delays.passed(path.channelId, k, cohort.orders, cohort.paidNow);
    }
    cohort.exposed = share;
    cohort.paidNow = 0;
    if (k + 1 < waiting.length) {
      enqueue(k + 1, cohort);
      return;
    }
    watched -= 1;
    cohort.leaf.cohorts.delete(Math.floor(cohort.at / COHORT_MS));
    if (pair.cohorts[0] === cohort) pair.cohorts.shift();
    else pair.cohorts = pair.cohorts.filter((other) => other !== cohort);
  }

  function enqueue(k: number, cohort: Cohort): void {
    waiting[k]?.push(cohort);
    nextAt = Math.min(nextAt, cohort.at + (CHECKPOINTS_MS[k] ?? 0));
  }

  /** Looks for a collapse, or for the end of one. */
  function check(channelId: string, pair: Pair, now: EpochMs): void {
    if (Math.abs(now - pair.checkedAt) < CHECK_EVERY_MS) return;
    pair.checkedAt = now;
    const shares = delays.sharesOf(channelId);
    const shareOf = new Map<Leaf, number>();
    for (const leaf of pair.leaves.values()) shareOf.set(leaf, paidShareOf(leaf.path).share);
    // What was expected then or is expected now, whichever is less: an early estimate may have been too high.
    const expectedOf = (cohort: Cohort): number =>
      Math.min(cohort.expected, cohort.orders * (shareOf.get(cohort.leaf) ?? 1)) * shareAt(shares, now - cohort.at);
    if (pair.collapse === null) {
      const known = Math.max(pair.sums.fastExposed, pair.sums.slowExposed);
      const found = known < KNOWN_ORDERS ? null : collapseOf(pair.cohorts, expectedOf);
      if (!found) {
        if (hasChanged(pair.sums)) for (const sums of sumsOf(pair)) keepRecent(sums);
        return;
      }
      for (const cohort of pair.cohorts) if (cohort.at >= found.since) setApart(cohort, true);
      pair.collapse = { ...found, foundAt: now };
      return;
    }
    const seen = recoveryOf(pair.cohorts, pair.collapse, expectedOf);
    if (seen.recoveredSince !== null) {
      for (const cohort of pair.cohorts) if (cohort.at >= seen.recoveredSince) setApart(cohort, false);
      endCollapse(pair);
    } else if (now - pair.collapse.foundAt > NEW_NORMAL_AFTER_MS) {
      settle(channelId, pair, seen.ratio);
    } else {
      pair.collapse = { ...pair.collapse, ratio: seen.ratio };
    }
  }

  /** The orders of the collapse itself stay apart, and are not looked at again. */
  function endCollapse(pair: Pair): void {
    pair.cohorts = pair.cohorts.filter(({ apart }) => !apart);
    pair.collapse = null;
  }

  function setApart(cohort: Cohort, apart: boolean): void {
    if (cohort.apart === apart) return;
    cohort.apart = apart;
    const sign = apart ? -1 : 1;
    changes += STALE_AFTER_CHANGES;
    const paid = cohort.paid - cohort.paidNow;
    witness(cohort.leaf.path, cohort.seen, sign * cohort.orders * cohort.exposed, sign * paid);
  }

  /** What was a collapse becomes what is expected. */
  function settle(channelId: string, pair: Pair, ratio: number): void {
    const channel = channels.get(channelId);
    const all = [...(channel?.pairs.size === 1 ? [channel.sums] : []), ...sumsOf(pair)];
    for (const sums of new Set(all)) {
      const scale = Math.min(1, NEW_NORMAL_ORDERS / Math.max(1, sums.slowExposed));
      const share = sums.slowPaid / Math.max(1e-9, sums.slowExposed);
      const exposed = sums.slowExposed * scale;
      Object.assign(sums, { fastExposed: exposed, slowExposed: exposed });
      Object.assign(sums, { fastPaid: exposed * share * ratio, slowPaid: exposed * share * ratio });
    }
    changes += STALE_AFTER_CHANGES;
    endCollapse(pair);
  }

  function leafOf(channelId: string, segment: Segment): Leaf {
    let channel = channels.get(channelId);
    if (!channel) {
      channel = { sums: noSums(), pairs: new Map() };
      if (channels.size >= CHANNELS_MAX) forgetOldest();
      channels.set(channelId, channel);
    }
    let pair = channel.pairs.get(segment.method);
    if (!pair) {
      pair = newPair();
      channel.pairs.set(segment.method, pair);
    }
    const key = `${segment.currency}/${segment.band}`;
    return pair.leaves.get(key) ?? newLeaf(channelId, segment, channel, pair, key);
  }

  function newLeaf(channelId: string, segment: Segment, channel: ChannelState, pair: Pair, key: string): Leaf {
    const { method, currency } = segment;
    const inCurrency = pair.currencies.get(currency) ?? noSums();
    pair.currencies.set(currency, inCurrency);
    const path: Path = {
      channelId,
      segment,
      levels: [channel.sums, pair.sums, inCurrency, noSums()],
      pooled: [pooledAt(''), pooledAt(method), pooledAt(`${method}/${currency}`), pooledAt(`${method}/${key}`)],
    };
    const leaf: Leaf = {
      path,
      pair,
      cohorts: new Map(),
      known: { share: 0, orders: 0 },
      knownAt: Number.NEGATIVE_INFINITY,
    };
    pair.leaves.set(key, leaf);
    return leaf;
  }

  function pooledAt(key: string): PooledSums {
    const sums = pooled.get(key) ?? noPooledSums();
    pooled.set(key, sums);
    return sums;
  }

  function forgetOldest(): void {
    const oldest = channels.keys().next();
    if (!oldest.done) forget(oldest.value);
  }

  function forget(channelId: string): void {
    channels.delete(channelId);
    delays.forget(channelId);
  }

  function snapshot(channelsMax: number, now: EpochMs): PaymentSnapshot {
    advance(now);
    const kept = [...channels].slice(-channelsMax);
    const all = delays.snapshot();
    return {
      pooled: [...pooled].map(([key, sums]) => [key, { ...sums }]),
      delays: { pool: all.pool, channels: Object.fromEntries(kept.flatMap(([id]) => entryOf(all.channels, id))) },
      channels: kept.map(([id, channel]) => ({
        id,
        sums: { ...channel.sums },
        pairs: [...channel.pairs].map(([method, pair]) => ({
          ...{ method, sums: { ...pair.sums }, opened: pair.opened, openedAt: pair.openedAt },
          leaves: [...pair.leaves.values()].map(({ path: { segment, levels } }) => ({
            ...{ currency: segment.currency, band: segment.band },
            ...{ inCurrency: { ...levels[2] }, sums: { ...levels[3] } },
          })),
        })),
      })),
    };
  }

  /** Takes an earlier snapshot up. Orders that were under way then are not known here and never will count. */
  function restore(saved: PaymentSnapshot): void {
    delays.restore(saved.delays);
    changes += STALE_AFTER_CHANGES;
    for (const [key, sums] of saved.pooled) Object.assign(pooledAt(key), sums);
    for (const { id, sums, pairs } of saved.channels) {
      for (const { method, leaves, opened: orders, openedAt, sums: ofPair } of pairs) {
        for (const { currency, band, inCurrency, sums: ofLeaf } of leaves) {
          const { path, pair } = leafOf(id, { method, currency, band });
          Object.assign(path.levels[0], sums);
          Object.assign(path.levels[1], ofPair);
          Object.assign(path.levels[2], inCurrency);
          Object.assign(path.levels[3], ofLeaf);
          Object.assign(pair, { opened: orders, openedAt });
        }
      }
    }
  }

  return { opened, paid, estimate, forget, snapshot, restore };
}

function entryOf<T>(record: Readonly<Record<string, T>>, key: string): [string, T][] {
  const value = record[key];
  return value === undefined ? [] : [[key, value]];
}

export type PaymentStage = ReturnType<typeof createPaymentStage>;

/** What a pair knows on its own and in its currencies and bands. */
function sumsOf({ sums, currencies, leaves }: Pair): Sums[] {
  return [sums, ...currencies.values(), ...[...leaves.values()].map(({ path }) => path.levels[3])];
}

function newPair(): Pair {
  return {
    ...{ sums: noSums(), leaves: new Map(), currencies: new Map(), cohorts: [] },
    ...{ checkedAt: Number.NEGATIVE_INFINITY, openedAt: 0, opened: 0, collapse: null },
  };
}
