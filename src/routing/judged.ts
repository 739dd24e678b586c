import type { Decision, ExclusionReason, FactorScores } from '../payment/index.ts';
import type { Segment } from './paid-share.ts';
import { factorsOf, type Pull, valueFor } from './score.ts';
import type { ChannelView, Estimate } from './types.ts';

/** A channel that was scored: what choices are made by, and where it comes from. Kept small, as there may be a thousand of them in each choice. */
export interface Judged {
  readonly id: string;
  readonly view: ChannelView;
  readonly segment: Segment;
  readonly estimate: Estimate;
  /** What the payment costs, and what it is counted to cost: with fee tiers they may differ. */
  readonly feeMinor: number;
  readonly countedFeeMinor: number;
  /** Why it is only for trials and emergencies; null when it is eligible. */
  readonly excluded: ExclusionReason | null;
  /** As in `Value`. */
  readonly passedOn: number;
  /** With the admin's preference; what is stored. */
  readonly score: number;
  /** What it would bring alone, and once all are known, what it would bring with the best other behind it: see `expectedShare`. */
  share: number;
  /** Worked out when they are first asked for. */
  factors: FactorScores | null;
}

/** The factors of its score, as they are stored. */
export function factorsFor(one: Judged, amountMinor: number, pull: Pull): FactorScores {
  if (one.factors !== null) return one.factors;
  const { settlementDelayMs } = one.view.profile;
  const { technicalRatio, paymentRatio, latencyMs, lostMs } = one.estimate;
  const traits = {
    technicalRatio,
    paymentRatio,
    latencyMs,
    lostMs,
    feeMinor: one.countedFeeMinor,
    amountMinor,
    settlementDelayMs,
  };
  one.factors = factorsOf(valueFor(traits, pull));
  return one.factors;
}

/** What a payment is expected to bring, in minor units, not rounded. */
export function moneyOf({ share }: Judged, amountMinor: number, marginBps: number): number {
  return (share * amountMinor * marginBps) / 10_000;
}

export interface Pick {
  readonly chosen: Judged;
  readonly reason: Decision['reason'];
  readonly draw: number | null;
}
