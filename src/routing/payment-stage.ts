import type { EpochMs } from '../payment/index.ts';
import type { TechnicalEstimate } from './call-record.ts';
import { createCheckpoints } from './checkpoints.ts';
import { createCollapseWatch } from './collapse-watch.ts';
import { createDelays } from './delays.ts';
import { count, doubt, type PaidShare, paidShareOf, type Segment, seenBy, witness } from './paid-share.ts';
import {
  type Cohort,
  createPaymentTree,
  type Leaf,
  type PaymentEstimate,
  STALE_AFTER_ORDERS,
  sumsOf,
} from './payment-tree.ts';
import type { PaymentSnapshot } from './snapshot-schema.ts';
import type { Estimate } from './types.ts';

const COHORT_MS = 1_000;
const CHECK_EVERY_MS = 1_000;
/**
 * So much longer an estimate serves while its channel has no news of its own: it only follows what the others do. Longer where there are many,
 * so that a choice among a thousand channels makes no more of them anew than one among three hundred.
 */
const QUIET_MS = 10_000;
const QUIET_MS_PER_LEAF = 30;
const QUIET_MS_MAX = 120_000;
/** A cohort that has aged by less than this counts at a later checkpoint. */
const NEGLIGIBLE_ORDERS = 0.02;

/**
 * Learns which share of orders is paid. An order that is not paid yet is not failed: it counts as much as the share of payers
 * who would be known by its age, so an order of five seconds counts little and an old one fully. Nobody has to tell how an
 * unpaid order ended; time does.
 */
export function createPaymentStage() {
  const delays = createDelays();
  const tree = createPaymentTree(delays.forget);
  const checkpoints = createCheckpoints<Cohort>(pass);
  const collapses = createCollapseWatch({
    ...{ delays, renew, sumsAround: tree.sumsAround, onShift: tree.shift },
  });
  let startedAt: EpochMs | null = null;

  function opened(channelId: string, segment: Segment, at: EpochMs, now: EpochMs): void {
    startedAt ??= at;
    checkpoints.advance(now);
    const leaf = tree.leafOf(channelId, segment);
    const { pair } = leaf;
    const begun = leaf.cohorts.get(secondOf(at));
    const cohort = begun ?? newCohort(leaf, at);
    count(leaf.path, now);
    cohort.orders += 1;
    cohort.expected += knownOf(leaf, now).share;
    pair.openedAt = now;
    pair.opened += 1;
    pair.version += 1;
    // A cohort that has just been begun can wait for the next order: not everything has to be done in the same call.
    collapses.check(channelId, pair, now, begun ? CHECK_EVERY_MS : 2 * CHECK_EVERY_MS);
  }

  /** A call that is to open an order begins: until it is answered nobody else need look at a channel that is low. */
  function begun(channelId: string, method: string, now: EpochMs): void {
    const pair = tree.pairOf(channelId, method);
    if (!pair?.collapse) return;
    pair.openedAt = now;
    pair.version += 1;
  }

  function newCohort(leaf: Leaf, at: EpochMs): Cohort {
    const cohort: Cohort = {
      ...{ leaf, at, seen: seenBy(leaf.path), apart: leaf.pair.collapse !== null },
      ...{ orders: 0, paid: 0, paidNow: 0, expected: 0, exposed: 0 },
    };
    leaf.cohorts.set(secondOf(at), cohort);
    leaf.pair.cohorts.push(cohort);
    checkpoints.watch(cohort);
    return cohort;
  }

  /** An order has become known as paid; `at` is when it was opened. One from before this memory began is left out, as it never aged here. */
  function paid(channelId: string, segment: Segment, at: EpochMs, now: EpochMs): void {
    if (startedAt === null || at < startedAt) return;
    checkpoints.advance(now);
    const leaf = tree.leafOf(channelId, segment);
    const cohort = leaf.cohorts.get(secondOf(at));
    if (cohort) {
      cohort.paid += 1;
      cohort.paidNow += 1;
    }
    collapses.check(channelId, leaf.pair, now, CHECK_EVERY_MS);
  }

  /**
   * A channel that answers slowly all of a sudden is not what it was: what is known counts for little until it is as usual again, and
   * then as before.
   */
  function paceChanged(channelId: string, method: string, pace: 'slow' | 'usual', now: EpochMs): void {
    checkpoints.advance(now);
    const pair = tree.pairOf(channelId, method);
    if (!pair) return;
    if (pace === 'slow') {
      pair.usual = sumsOf(pair).map((sums) => ({ sums, kept: { ...sums } }));
      for (const { sums } of pair.usual) doubt(sums);
    } else {
      for (const { sums, kept } of pair.usual) Object.assign(sums, kept);
      pair.usual = [];
    }
    // What was opened before says nothing of what the channel is now.
    for (const cohort of pair.cohorts) cohort.apart = true;
    pair.cohorts = [];
    tree.shift(channelId);
  }

  function estimate(channelId: string, segment: Segment, now: EpochMs): PaymentEstimate {
    checkpoints.advance(now);
    return answerOf(tree.leafOf(channelId, segment), now);
  }

  /** The same together with what is known of the channel's calls; the same object until something has changed. */
  function estimateWith(calls: TechnicalEstimate, channelId: string, segment: Segment, now: EpochMs): Estimate {
    checkpoints.advance(now);
    const leaf = tree.leafOf(channelId, segment);
    const answer = answerOf(leaf, now);
    if (leaf.whole !== null && leaf.wholeOf === calls) return leaf.whole;
    const { share, orders, opened, openedAt, lowSince, hopeful } = answer;
    const { latencyMs, lostMs } = calls;
    const ratios = { technicalRatio: calls.share, paymentRatio: share };
    leaf.whole = { ...ratios, sampleSize: orders, latencyMs, lostMs, opened, openedAt, lowSince, hopeful };
    leaf.wholeOf = calls;
    return leaf.whole;
  }

  function answerOf(leaf: Leaf, now: EpochMs): PaymentEstimate {
    const { share, orders } = knownOf(leaf, now);
    const { collapse, openedAt, opened, version } = leaf.pair;
    if (leaf.answer === null || leaf.answerOf !== version) {
      leaf.answer = {
        share: share * (collapse?.ratio ?? 1),
        orders,
        lowSince: collapse?.since ?? null,
        hopeful: collapse?.hopeful ?? false,
        openedAt,
        opened,
      };
      leaf.answerOf = version;
      leaf.whole = null;
    }
    return leaf.answer;
  }

  function knownOf(leaf: Leaf, now: EpochMs): PaidShare {
    const news = leaf.channel.changes - leaf.knownAt;
    const until = leaf.knownUntil + (news === 0 ? quietMs() : 0);
    if (now >= until || now < leaf.knownUntil - leaf.knownForMs || news >= STALE_AFTER_ORDERS) renew(leaf, now);
    return leaf.known;
  }

  function quietMs(): number {
    return Math.min(QUIET_MS_MAX, Math.max(QUIET_MS, QUIET_MS_PER_LEAF * tree.leafCount()));
  }

  function renew(leaf: Leaf, now: EpochMs): void {
    leaf.known = paidShareOf(leaf.path);
    leaf.knownAt = leaf.channel.changes;
    leaf.knownUntil = now + leaf.knownForMs;
    leaf.answer = null;
  }

  /** A cohort has reached checkpoint `k`: it counts more from now on. */
  function pass(cohort: Cohort, k: number): void {
    const { path, pair, channel, cohorts, known } = cohort.leaf;
    const shares = delays.sharesOf(path.channelId);
    const share = shares[k] ?? 1;
    channel.changes += cohort.orders;
    const last = k + 1 === shares.length;
    const exposure = cohort.orders * (share - cohort.exposed);
    if (!cohort.apart) delays.passed(path.channelId, k, cohort.orders, cohort.paidNow);
    if (last || cohort.paidNow > 0 || Math.abs(exposure) > NEGLIGIBLE_ORDERS) {
      if (!cohort.apart) witness(path, cohort.seen, known, exposure, cohort.paidNow);
      cohort.exposed = share;
      cohort.paidNow = 0;
    }
    if (!last) return;
    cohorts.delete(secondOf(cohort.at));
    if (pair.cohorts[0] === cohort) pair.cohorts.shift();
    else pair.cohorts = pair.cohorts.filter((other) => other !== cohort);
  }

  function snapshot(channelsMax: number, now: EpochMs): PaymentSnapshot {
    checkpoints.advance(now);
    const kept = tree.snapshot(channelsMax);
    const all = delays.snapshot();
    const own = kept.channels.flatMap(({ id }) => entryOf(all.channels, id));
    return { ...kept, delays: { pool: all.pool, channels: Object.fromEntries(own) } };
  }

  /** Takes an earlier snapshot up. Orders that were under way then are not known here and never will count. */
  function restore(saved: PaymentSnapshot): void {
    delays.restore(saved.delays);
    tree.restore(saved);
  }

  return { begun, opened, paid, paceChanged, estimate, estimateWith, forget: tree.forget, snapshot, restore };
}

export type PaymentStage = ReturnType<typeof createPaymentStage>;

function secondOf(at: EpochMs): number {
  return Math.floor(at / COHORT_MS);
}

function entryOf<T>(record: Readonly<Record<string, T>>, key: string): [string, T][] {
  const value = record[key];
  return value === undefined ? [] : [[key, value]];
}
