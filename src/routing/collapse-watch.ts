import type { EpochMs } from '../payment/index.ts';
import { collapseOf, recoveryOf } from './collapse.ts';
import { createShareReader, type Delays } from './delays.ts';
import { hasChanged, keepRecent, type Path, type Sums, witness } from './paid-share.ts';
import type { Cohort, Leaf, Pair } from './payment-tree.ts';

/** Below this many orders nothing is known that could collapse. */
const KNOWN_ORDERS = 50;
/** A collapse that has lasted so long is how the channel is now. */
const NEW_NORMAL_AFTER_MS = 30 * 60_000;
/** One that pays still less is dead rather than worse; it is looked at until it is back, however long that takes. */
const DEAD_BELOW = 0.2;
/** So many payments should have come, or how low it is is not known: of a channel that is dead one in many looks is paid by chance. */
const KNOWN_LOW_PAYMENTS = 20;
/** What the new normal rests on, in orders: little, so that it follows what comes. */
const NEW_NORMAL_ORDERS = 200;

/**
 * Looks for orders that suddenly stop being paid. Those opened since then are set apart: they say that the channel is low, and nothing
 * of what it is worth in normal times.
 */
export function createCollapseWatch(stage: {
  readonly delays: Delays;
  /** Makes the estimate of a leaf anew. */
  readonly renew: (leaf: Leaf, now: EpochMs) => void;
  readonly sumsAround: (channelId: string, pair: Pair) => Iterable<Sums>;
  /** Estimates of the channel have to be made anew at once. */
  readonly onShift: (channelId: string) => void;
}) {
  const { delays, renew, sumsAround, onShift } = stage;

  /** Looks for a collapse, or for the end of one, unless that was done within the last `everyMs`. */
  function check(channelId: string, pair: Pair, now: EpochMs, everyMs: number): void {
    if (Math.abs(now - pair.checkedAt) < everyMs) return;
    pair.checkedAt = now;
    const shareAt = createShareReader(delays.sharesOf(channelId));
    for (const leaf of pair.leaves.values()) renew(leaf, now);
    // What was expected then or is expected now, whichever is less: an early estimate may have been too high.
    const expectedOf = (cohort: Cohort): number =>
      Math.min(cohort.expected, cohort.orders * cohort.leaf.known.share) * shareAt(now - cohort.at);
    if (pair.collapse === null) seek(pair, expectedOf, now);
    else follow(channelId, pair, pair.collapse, expectedOf, now);
  }

  function seek(pair: Pair, expectedOf: (cohort: Cohort) => number, now: EpochMs): void {
    const known = Math.max(pair.sums.fastExposed, pair.sums.slowExposed);
    const found = known < KNOWN_ORDERS ? null : collapseOf(pair.cohorts, expectedOf);
    if (found) {
      for (const cohort of pair.cohorts) if (cohort.at >= found.since) setApart(cohort, true);
      setCollapse(pair, { ...found, foundAt: now });
    } else {
      for (const { path } of pair.leaves.values()) dropOldWhereChanged(path);
    }
  }

  /** Asked of a segment: a channel that only gets other payments than before would seem to have changed as a whole. */
  function dropOldWhereChanged({ levels }: Path): void {
    if (!hasChanged(levels[3])) return;
    for (const sums of levels) keepRecent(sums);
  }

  function follow(
    channelId: string,
    pair: Pair,
    collapse: NonNullable<Pair['collapse']>,
    expectedOf: (cohort: Cohort) => number,
    now: EpochMs,
  ): void {
    const { recoveredSince, ratio, expected, hopeful } = recoveryOf(pair.cohorts, collapse, expectedOf);
    if (recoveredSince !== null) {
      for (const cohort of pair.cohorts) if (cohort.at >= recoveredSince) setApart(cohort, false);
      endCollapse(pair);
    } else if (now - collapse.foundAt > NEW_NORMAL_AFTER_MS && ratio > DEAD_BELOW && expected > KNOWN_LOW_PAYMENTS) {
      settle(channelId, pair, ratio);
    } else {
      setCollapse(pair, { ...collapse, ratio, hopeful });
    }
  }

  function setCollapse(pair: Pair, collapse: Pair['collapse']): void {
    pair.collapse = collapse;
    pair.version += 1;
  }

  /** The orders of the collapse itself stay apart, and are not looked at again. */
  function endCollapse(pair: Pair): void {
    pair.cohorts = pair.cohorts.filter(({ apart }) => !apart);
    setCollapse(pair, null);
  }

  /** Takes a cohort's evidence back, or gives it again. */
  function setApart(cohort: Cohort, apart: boolean): void {
    if (cohort.apart === apart) return;
    cohort.apart = apart;
    const sign = apart ? -1 : 1;
    onShift(cohort.leaf.path.channelId);
    const paid = cohort.paid - cohort.paidNow;
    witness(cohort.leaf.path, cohort.seen, cohort.leaf.known, sign * cohort.orders * cohort.exposed, sign * paid);
  }

  /** What was a collapse becomes what is expected. */
  function settle(channelId: string, pair: Pair, ratio: number): void {
    for (const sums of sumsAround(channelId, pair)) {
      const scale = Math.min(1, NEW_NORMAL_ORDERS / Math.max(1, sums.slowExposed));
      const share = sums.slowPaid / Math.max(1e-9, sums.slowExposed);
      const exposed = sums.slowExposed * scale;
      Object.assign(sums, {
        fastExposed: exposed,
        slowExposed: exposed,
        slowExpected: sums.slowExpected * scale * ratio,
      });
      Object.assign(sums, { fastPaid: exposed * share * ratio, slowPaid: exposed * share * ratio });
    }
    onShift(channelId);
    endCollapse(pair);
  }

  return { check };
}
