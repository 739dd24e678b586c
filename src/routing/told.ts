import type { Candidate, ExclusionReason } from '../payment/index.ts';
import { fewOf } from './few.ts';
import { factorsFor, type Judged, moneyOf } from './judged.ts';
import { type Pull, round6 } from './score.ts';
import type { RoutingRequest } from './types.ts';

/** So many of each kind are told of a choice: eligible ones, those that are out for what passes, and others. The rest is counted. */
export const TOLD_MAX = 32;

/** What a channel is or what an admin set, rather than the payment or the moment; told only where there is room. */
const DULL: ReadonlySet<ExclusionReason | null> = new Set<ExclusionReason>([
  ...(['pinned_elsewhere', 'disabled', 'draining', 'merchant', 'method', 'currency', 'scene'] as const),
]);

/** All channels of one choice: the best in their order, all that are eligible, those that are out for what passes, and the others. */
export interface Sorted {
  readonly order: readonly Judged[];
  readonly eligible: readonly Judged[];
  readonly waiting: readonly Judged[];
  readonly barred: readonly Candidate[];
}

/**
 * What is stored of the channels: the best of the eligible ones, best first, then excluded ones by id. The chosen and the pinned one are
 * always among them.
 */
export function tell(
  { order, eligible, waiting, barred }: Sorted,
  chosen: Judged | null,
  { amount, pinnedChannelId }: RoutingRequest,
  pull: Pull,
): { readonly candidates: readonly Candidate[]; readonly omitted: number } {
  const told = (one: Judged): Candidate => candidateOf(one, amount.minor, pull);
  const best = order.slice(0, TOLD_MAX);
  const candidates = best.map(told);
  if (chosen?.excluded === null && !best.includes(chosen)) candidates.push(told(chosen));
  if (waiting.length > 0 || barred.length > 0) {
    const passing = fewOf(waiting, TOLD_MAX, (a, b) => Number(b === chosen) - Number(a === chosen) || byScore(a, b));
    const others = fewOf(
      barred,
      TOLD_MAX,
      (a, b) => dullness(a, pinnedChannelId) - dullness(b, pinnedChannelId) || byId(a, b),
    );
    candidates.push(...[...passing.map(told), ...others].sort(byId));
  }
  return { candidates, omitted: eligible.length + waiting.length + barred.length - candidates.length };
}

function dullness({ channelId, excluded }: Candidate, pinnedChannelId: string | null): number {
  if (channelId === pinnedChannelId) return 0;
  return DULL.has(excluded) ? 2 : 1;
}

/** Best first, and on a tie by id. */
export function byScore(a: Judged, b: Judged): number {
  return b.score - a.score || (a.id < b.id ? -1 : 1);
}

/** What is stored of a channel that was judged. */
function candidateOf(one: Judged, amountMinor: number, pull: Pull): Candidate {
  const { id, view, segment, estimate, feeMinor, countedFeeMinor, excluded, share } = one;
  const { technicalRatio, paymentRatio } = estimate;
  const { limitPrice } = view;
  return {
    channelId: id,
    method: segment.method,
    score: one.score,
    factors: factorsFor(one, amountMinor, pull),
    feeMinor,
    ...(countedFeeMinor !== feeMinor && { countedFeeMinor }),
    ...(limitPrice !== undefined && limitPrice > 0 && { limitPrice }),
    successRatio: round6(technicalRatio * paymentRatio),
    sampleSize: Math.round(estimate.sampleSize),
    latencyMs: Math.round(estimate.latencyMs),
    excluded,
    technicalRatio: round6(technicalRatio),
    paymentRatio: round6(paymentRatio),
    expectedShare: round6(share),
    expectedMinor: round6(moneyOf(one, amountMinor, pull.marginBps)),
  };
}

function byId(a: Candidate, b: Candidate): number {
  if (a.channelId === b.channelId) return 0;
  return a.channelId < b.channelId ? -1 : 1;
}
