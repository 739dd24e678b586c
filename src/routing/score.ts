import type { FactorScores } from '../payment/index.ts';
import type { RoutingWeights } from './types.ts';

/** What is known of a channel for one payment, in natural units. */
export interface Traits {
  /** Technical share x paid share, 0 to 1. */
  readonly successRatio: number;
  readonly feeMinor: number;
  readonly amountMinor: number;
  readonly latencyMs: number;
  readonly settlementDelayMs: number;
}

/** The fee, as a share of the amount, at which the fee factor is one half. */
const FEE_SHARE_AT_HALF = 0.1;
const LATENCY_MS_AT_HALF = 5_000;
const SETTLEMENT_MS_AT_HALF = 30 * 24 * 3_600_000;
/** What is left of a score when the admin's preference is halved. */
const SCORE_PER_HALVED_PREFERENCE = 0.9;
const PREFERENCE_EXPONENT = -Math.log2(SCORE_PER_HALVED_PREFERENCE);
const PREFERENCE_NEUTRAL = 100;

/**
 * Four numbers between 0 and 1, higher is better. Success is the ratio itself; the others fall smoothly and never reach 0, so
 * that two dear channels still differ: `1 / (1 + x / h)` is 1 at nothing and 1/2 at h, where h is a fee of 10% of the amount,
 * a latency of 5 s, a settlement delay of 30 days.
 *
 * These scales are what turns the weights into money and patience. With the default weights 60/25/10/5 and usual fees, half
 * a per cent of fee weighs as much as 1.8 points of success, which is what it is worth to a shop that keeps about 28% of
 * a sale; a second of waiting weighs 2.5 points, a day of settlement delay a quarter of a point.
 *
 * Worked example, 100.00 CNY: A succeeds 93% at a fee of 1.10, B 90% at 0.60, all else equal. Success is worth 60 x 0.03 =
 * 1.80 for A, the fee 25 x (0.943396 - 0.900901) = 1.06 for B, so A leads by 0.74 / 100 = 0.0074. Had A only 1 point more
 * (0.60), B would lead.
 */
export function factorsOf(traits: Traits): FactorScores {
  return {
    success: round6(traits.successRatio),
    fee: falling(traits.feeMinor / traits.amountMinor, FEE_SHARE_AT_HALF),
    latency: falling(traits.latencyMs, LATENCY_MS_AT_HALF),
    settlement: falling(traits.settlementDelayMs, SETTLEMENT_MS_AT_HALF),
  };
}

/** The score by which channels are ordered: the weighted mean of the factors times the admin's preference. */
export function scoreOf(factors: FactorScores, weights: RoutingWeights, preference: number): number {
  return round6(weightedMean(factors, weights) * preferenceMultiplier(preference));
}

/** Sum of weight x factor over the sum of weights. Weights that are all 0 make every channel equal: 1. */
export function weightedMean(factors: FactorScores, weights: RoutingWeights): number {
  const total = weights.success + weights.fee + weights.latency + weights.settlement;
  if (total <= 0) return 1;
  const sum =
    weights.success * factors.success +
    weights.fee * factors.fee +
    weights.latency * factors.latency +
    weights.settlement * factors.settlement;
  return sum / total;
}

/**
 * What a channel's `weight` does to its score: each halving leaves nine tenths (100 -> 1, 50 -> 0.9, 25 -> 0.81, 200 -> 1.11).
 * So 50 costs about as much as 15 points of success: enough to send traffic elsewhere, not enough to keep a dying channel in
 * front. Weight 0 never comes here; it is drained before.
 */
export function preferenceMultiplier(preference: number): number {
  if (preference === PREFERENCE_NEUTRAL) return 1;
  return (preference / PREFERENCE_NEUTRAL) ** PREFERENCE_EXPONENT;
}

/** Six digits after the point: what is stored, and therefore also what decides. */
export function round6(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

function falling(value: number, half: number): number {
  return round6(half / (half + value));
}
