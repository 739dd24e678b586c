import type { FactorScores } from '../payment/index.ts';
import type { RoutingSettings, RoutingWeights } from './types.ts';

/** What is known of a channel for one payment, in natural units. */
export interface Traits {
  /** Share of calls that technically work, 0 to 1. */
  readonly technicalRatio: number;
  /** Share of orders that are paid, 0 to 1. */
  readonly paymentRatio: number;
  readonly feeMinor: number;
  readonly amountMinor: number;
  readonly latencyMs: number;
  /** The time that a failed call costs the buyer. */
  readonly lostMs: number;
  readonly settlementDelayMs: number;
}

/** How far the admin's weights are from the default ones: 1 is the plain expected value. */
export interface Pull {
  readonly success: number;
  readonly fee: number;
  readonly latency: number;
  readonly settlement: number;
  readonly marginBps: number;
}

/** What one payment would bring on one channel, all as shares of its margin. */
export interface Value {
  /** Four factors between 0 and 1, not rounded. */
  readonly success: number;
  readonly fee: number;
  readonly latency: number;
  readonly settlement: number;
  /** The product of the factors: what channels are compared by. */
  readonly score: number;
  /** What it brings by itself, when nobody takes over after a failed call. */
  readonly alone: number;
  /** Share of its buyers who are there for the next channel: its call failed, and they wait. */
  readonly passedOn: number;
}

export const DEFAULT_WEIGHTS: RoutingWeights = { success: 60, fee: 25, latency: 10, settlement: 5 };
const DEFAULT_TOTAL = 100;

/** Buyers wait this long without minding; from then on so many of them leave in each second. */
const GRACE_MS = 1_500;
const LEAVING_PER_SECOND = 0.03;
/** What a day's wait for the money costs, as a share of the amount. */
const SETTLEMENT_BPS_PER_DAY = 0.5;
const DAY_MS = 24 * 3_600_000;
/** Costs above this share of the margin are squeezed into what is left, so that a dear channel still ranks before a dearer one. */
const SQUEEZED_ABOVE = 0.9;
const PREFERENCE_NEUTRAL = 100;
/** What is left of a score when the admin's preference is halved. */
const SCORE_PER_HALVED_PREFERENCE = 0.9;
const PREFERENCE_EXPONENT = -Math.log2(SCORE_PER_HALVED_PREFERENCE);

/**
 * How the admin's weights reach into the value. Each weight's share of all four is compared with its share by default; the
 * quotient bends its factor: success is raised to it, fee, latency and settlement cost that many times what they really do.
 * Weights 60/25/10/5 (or 12/5/2/1) give 1 everywhere, and then a score is exactly the expected value as a share of the margin.
 * With `strategy: expected_value` the weights are not looked at.
 */
export function pullOf({ strategy, weights, marginBps }: RoutingSettings): Pull {
  if (strategy === 'expected_value') return { success: 1, fee: 1, latency: 1, settlement: 1, marginBps };
  const total = weights.success + weights.fee + weights.latency + weights.settlement;
  const of = (factor: keyof RoutingWeights): number =>
    total > 0 ? weights[factor] / total / (DEFAULT_WEIGHTS[factor] / DEFAULT_TOTAL) : 0;
  return { success: of('success'), fee: of('fee'), latency: of('latency'), settlement: of('settlement'), marginBps };
}

/**
 * Four numbers between 0 and 1, higher is better, whose product is the score: what the payment is expected to bring, as a share
 * of its margin.
 *   success     share of payments that succeed when an equal channel takes over after each failed call, whose buyer has waited
 *               for it: s = q p + (1 - q) g s, so s = q p / (1 - (1 - q) g), with q the share of calls that work, p the share of
 *               orders that are paid, g the share of buyers who wait for a second channel. Ordered by it, the whole list of
 *               channels has the highest expected value, and who gets better never falls behind.
 *   fee         share of the margin that the fee leaves
 *   latency     share of buyers who wait for the answer
 *   settlement  share of the margin that is left by waiting for the money
 *
 * Worked example with the default weights and a margin of 25%: 100.00 on a channel that works in 99% of calls, is paid in 92%
 * of orders, costs 0.60, answers in 2.5 s, loses 1.5 s with a call that fails, and settles in a day. The margin is 25.00.
 *   success     g = exp(-0.03 x 0.75) = 0.97775; 0.99 x 0.92 / (1 - 0.01 x 0.97775) = 0.919793
 *   fee         1 - 0.60 / 25.00                                                    = 0.976      costs 0.60
 *   latency     exp(-0.03 x (2.5 - 1.5))                                            = 0.970446
 *   settlement  1 - 100.00 x 0.00005 / 25.00                                        = 0.9998     costs 0.005
 * The score is their product, 0.871012: the payment is expected to bring 21.78 of 25.00.
 */
export function valueFor(traits: Traits, pull: Pull): Value {
  const passedOn = passedOnOf(traits, pull);
  const success = successOf(traits, passedOn, pull);
  const fee = feeLeft(traits.feeMinor, traits.amountMinor, pull);
  const latency = patience(traits.latencyMs, pull);
  const settlement = settlementLeft(traits.settlementDelayMs, pull);
  const costs = fee * latency * settlement;
  return { success, fee, latency, settlement, score: success * costs, alone: aloneOf(traits, pull) * costs, passedOn };
}

type Chances = Pick<Traits, 'technicalRatio' | 'paymentRatio'>;

/** See `Value`. */
export function passedOnOf({ technicalRatio, lostMs }: Pick<Traits, 'technicalRatio' | 'lostMs'>, pull: Pull): number {
  return (1 - technicalRatio) * patienceAfterFailure(lostMs, pull);
}

export function successOf({ technicalRatio: works, paymentRatio }: Chances, passedOn: number, pull: Pull): number {
  return bent(passedOn === 1 ? paymentRatio : (works * paymentRatio) / (1 - passedOn), pull.success);
}

/** The chance of success when nobody takes over. */
export function aloneOf({ technicalRatio, paymentRatio }: Chances, pull: Pull): number {
  return bent(technicalRatio * paymentRatio, pull.success);
}

export function feeLeft(feeMinor: number, amountMinor: number, pull: Pull): number {
  return left((pull.fee * feeMinor) / ((amountMinor * pull.marginBps) / 10_000));
}

export function settlementLeft(delayMs: number, pull: Pull): number {
  return left((pull.settlement * (delayMs / DAY_MS) * SETTLEMENT_BPS_PER_DAY) / pull.marginBps);
}

/** The factors as they are stored. */
export function factorsOf({ success, fee, latency, settlement }: Value): FactorScores {
  return { success: round6(success), fee: round6(fee), latency: round6(latency), settlement: round6(settlement) };
}

/** Share of buyers who are still there after so long. */
export function patience(waitedMs: number, pull: Pull): number {
  return waitedMs <= GRACE_MS ? 1 : Math.exp((-pull.latency * LEAVING_PER_SECOND * (waitedMs - GRACE_MS)) / 1_000);
}

/** Share of buyers who still wait when the next channel answers after a call that failed. */
function patienceAfterFailure(lostMs: number, pull: Pull): number {
  return patience(lostMs + GRACE_MS / 2, pull);
}

/**
 * Expected value as a share of the margin with the channel that would really take over: `q x V + (1 - q) x V(best other after the
 * lost time)`.
 * @param other what the best other channel would bring by itself, 0 without one
 */
export function expectedShare({ alone, passedOn }: Pick<Value, 'alone' | 'passedOn'>, other: number): number {
  return alone + passedOn * other;
}

/**
 * What a channel's `weight` does to its score: each halving leaves nine tenths (100 -> 1, 50 -> 0.9, 25 -> 0.81, 200 -> 1.11).
 * So 50 costs about as much as 10 points of success: enough to send traffic elsewhere, not enough to keep a dying channel in
 * front. Weight 0 never comes here; it is drained before.
 */
export function preferenceMultiplier(preference: number): number {
  if (preference === PREFERENCE_NEUTRAL) return 1;
  return (preference / PREFERENCE_NEUTRAL) ** PREFERENCE_EXPONENT;
}

/** Six digits after the point: what is stored. */
export function round6(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

function bent(share: number, pull: number): number {
  return pull === 1 ? share : share ** pull;
}

/** What a cost leaves of 1; never 0, and always less for a higher cost. */
function left(cost: number): number {
  if (cost <= SQUEEZED_ABOVE) return 1 - cost;
  const room = 1 - SQUEEZED_ABOVE;
  return room / (1 + (cost - SQUEEZED_ABOVE) / room);
}
