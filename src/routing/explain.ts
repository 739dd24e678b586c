import { type Candidate, type FactorScores, type Money, toDecimalString } from '../payment/index.ts';
import { preferenceMultiplier, weightedMean } from './score.ts';
import type { ChannelProfile, RoutingWeights } from './types.ts';

/** A candidate that was scored. */
export interface Scored extends Candidate {
  readonly method: string;
  readonly factors: FactorScores;
  readonly feeMinor: number;
  readonly successRatio: number;
  readonly sampleSize: number;
  readonly latencyMs: number;
}

/** An eligible channel: its numbers and where they come from. */
export interface Judged {
  readonly candidate: Scored;
  readonly profile: ChannelProfile;
}

interface Difference {
  /** By how much this moves the score, positive for the leader. */
  readonly gain: number;
  readonly words: () => string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Why the leader stands before the runner-up, made of the numbers that are stored: its largest advantage, and of the other
 * differences the largest, be it an advantage or (after "but") a disadvantage. `n` is the smaller of the two samples, since
 * a difference is only as well known as its lesser side.
 */
export function explainLead(leader: Judged, runnerUp: Judged, amount: Money, weights: RoutingWeights): string {
  const differences = differencesOf(leader, runnerUp, amount, weights).sort((a, b) => b.gain - a.gain);
  const names = `${leader.profile.id} over ${runnerUp.profile.id}`;
  const advantage = differences[0];
  if (!advantage || advantage.gain <= 0) return `${names}: equal scores, so the first name`;
  const other = largest(differences.slice(1));
  if (!other) return `${names}: ${advantage.words()}`;
  if (other.gain < 0) return `${names}: ${advantage.words()}; but ${other.words()}`;
  return `${names}: ${advantage.words()}; ${other.words()}`;
}

/**
 * The five differences as shares of the difference in score. With score = mean x preference, a product's difference splits
 * exactly: a p - b q = (a - b)(p + q)/2 + (p - q)(a + b)/2.
 */
function differencesOf(leader: Judged, other: Judged, amount: Money, weights: RoutingWeights): Difference[] {
  const mine = leader.candidate;
  const theirs = other.candidate;
  const p = preferenceMultiplier(leader.profile.weight);
  const q = preferenceMultiplier(other.profile.weight);
  const total = weights.success + weights.fee + weights.latency + weights.settlement;
  const perWeight = total > 0 ? (p + q) / 2 / total : 0;
  const gainOf = (factor: keyof FactorScores): number =>
    perWeight * weights[factor] * (mine.factors[factor] - theirs.factors[factor]);
  const meanBoth = (weightedMean(mine.factors, weights) + weightedMean(theirs.factors, weights)) / 2;
  const { profile } = leader;
  return [
    { gain: gainOf('success'), words: () => successWords(mine, theirs) },
    { gain: gainOf('fee'), words: () => feeWords(mine.feeMinor - theirs.feeMinor, amount) },
    { gain: gainOf('latency'), words: () => latencyWords(mine.latencyMs - theirs.latencyMs) },
    {
      gain: gainOf('settlement'),
      words: () => settlementWords(profile.settlementDelayMs - other.profile.settlementDelayMs),
    },
    { gain: (p - q) * meanBoth, words: () => `has the weight ${profile.weight} against ${other.profile.weight}` },
  ];
}

function largest(differences: readonly Difference[]): Difference | undefined {
  let found: Difference | undefined;
  for (const difference of differences) {
    if (Math.abs(difference.gain) > Math.abs(found?.gain ?? 0)) found = difference;
  }
  return found;
}

function successWords(mine: Scored, theirs: Scored): string {
  const points = (mine.successRatio - theirs.successRatio) * 100;
  const n = Math.min(mine.sampleSize, theirs.sampleSize);
  return `succeeds ${oneDecimal(Math.abs(points))} points ${points > 0 ? 'more' : 'less'} often (n ${n})`;
}

function feeWords(feeMinor: number, amount: Money): string {
  const cost = toDecimalString({ minor: Math.abs(feeMinor), currency: amount.currency });
  return `costs ${cost} ${feeMinor < 0 ? 'less' : 'more'} on ${toDecimalString(amount)} ${amount.currency}`;
}

function latencyWords(ms: number): string {
  return `answers ${Math.abs(ms)} ms ${ms < 0 ? 'faster' : 'slower'}`;
}

function settlementWords(ms: number): string {
  const span = Math.abs(ms);
  const words = span < DAY_MS ? `${oneDecimal(span / HOUR_MS)} hours` : `${oneDecimal(span / DAY_MS)} days`;
  return `settles ${words} ${ms < 0 ? 'sooner' : 'later'}`;
}

/** One digit after the point where there is one to show; what would read as 0 reads "under 0.1". */
function oneDecimal(value: number): string {
  const rounded = Math.round(value * 10) / 10;
  return rounded === 0 ? 'under 0.1' : String(rounded);
}
