import { type Money, toDecimalString } from '../payment/index.ts';
import { factorsFor, type Judged, type Pick } from './judged.ts';
import type { Arranged } from './rules.ts';
import { preferenceMultiplier, pullOf, round6 } from './score.ts';
import type { RoutingRequest, RoutingSettings } from './types.ts';

interface Difference {
  /** By how much this moves the logarithm of the score, positive for the leader. */
  readonly gain: number;
  readonly words: () => string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** One sentence: why the payment goes there. */
export function explain(
  pick: Pick,
  { order, phrases }: Arranged<Judged>,
  request: RoutingRequest,
  settings: RoutingSettings,
): string {
  const { chosen, reason } = pick;
  const { id } = chosen;
  const tried = request.triedChannelIds;
  const after = tried.length === 0 ? '' : `after ${tried.join(', ')} failed, `;
  if (reason === 'pinned') return `${id}: pinned by the merchant`;
  if (reason === 'panic')
    return `${after}${id}: no channel is as it should be, and of those that may still work it promises most by itself`;
  const [best, runnerUp] = order;
  // Whoever led before may stay in front of a slightly higher score.
  const leads = `${best?.id} ${(best?.score ?? 0) < (runnerUp?.score ?? 0) ? 'leads' : 'has the best score'}`;
  if (reason === 'probe') return `${id} to see with a small payment whether it is back; ${leads}`;
  if (reason === 'exploration') {
    return `${id} to learn about it, as ${round6(settings.explorationShare * 100)}% of payments may; ${leads}`;
  }
  if (phrases.length > 0) return `${after}${phrases.join('; ')}`;
  if (!runnerUp) return `${after}${id}: the only channel that can take this payment`;
  return `${after}${explainLead(chosen, runnerUp, request.amount, settings)}`;
}

/**
 * Why the leader stands before the runner-up, made of the numbers that are stored: its largest advantage, and of the other
 * differences the largest, be it an advantage or a disadvantage. `n` is the smaller of the two samples, since a difference is
 * only as well known as its lesser side.
 */
function explainLead(leader: Judged, runnerUp: Judged, amount: Money, settings: RoutingSettings): string {
  const names = `${leader.id} over ${runnerUp.id}`;
  if (leader.score < runnerUp.score) return `${names}: it led before, and the difference is too small to move`;
  const differences = differencesOf(leader, runnerUp, amount, settings).sort((a, b) => b.gain - a.gain);
  const advantage = differences[0];
  if (!advantage || advantage.gain <= 0) {
    return `${names}: equal scores, ${leader.id < runnerUp.id ? 'so the first name' : 'and it led before'}`;
  }
  const other = largest(differences.slice(1));
  return other ? `${names}: it ${advantage.words()} and ${other.words()}` : `${names}: it ${advantage.words()}`;
}

/** A score is a product (score.ts), so the logarithms of the factors' quotients add up to that of the scores. */
function differencesOf(leader: Judged, other: Judged, amount: Money, settings: RoutingSettings): Difference[] {
  const pull = pullOf(settings);
  const mine = factorsFor(leader, amount.minor, pull);
  const theirs = factorsFor(other, amount.minor, pull);
  const { profile } = leader.view;
  const rival = other.view.profile;
  const quotient = (a: number, b: number): number => Math.log(Math.max(1e-9, a) / Math.max(1e-9, b));
  return [
    {
      gain: quotient(mine.success, theirs.success),
      words: () => successWords(mine.success - theirs.success, leader, other),
    },
    { gain: quotient(mine.fee, theirs.fee), words: () => feeWords(leader, other, amount) },
    {
      gain: quotient(mine.latency, theirs.latency),
      words: () => latencyWords(leader.estimate.latencyMs, other.estimate.latencyMs),
    },
    {
      gain: quotient(mine.settlement, theirs.settlement),
      words: () => settlementWords(profile.settlementDelayMs - rival.settlementDelayMs),
    },
    {
      gain: quotient(1 - (leader.view.limitPrice ?? 0), 1 - (other.view.limitPrice ?? 0)),
      words: () => limitWords(leader, other),
    },
    {
      gain: quotient(preferenceMultiplier(profile.weight), preferenceMultiplier(rival.weight)),
      words: () => `has the weight ${profile.weight} against ${rival.weight}`,
    },
  ];
}

function largest(differences: readonly Difference[]): Difference | undefined {
  let found: Difference | undefined;
  for (const difference of differences) {
    if (Math.abs(difference.gain) > Math.abs(found?.gain ?? 0)) found = difference;
  }
  return found;
}

function successWords(difference: number, mine: Judged, theirs: Judged): string {
  const points = difference * 100;
  const n = Math.round(Math.min(mine.estimate.sampleSize, theirs.estimate.sampleSize));
  return `succeeds ${oneDecimal(Math.abs(points))} points ${points > 0 ? 'more' : 'less'} often (n ${n})`;
}

function feeWords(mine: Judged, theirs: Judged, amount: Money): string {
  const byTiers = [mine, theirs].some(({ feeMinor, countedFeeMinor }) => feeMinor !== countedFeeMinor);
  const feeMinor = mine.countedFeeMinor - theirs.countedFeeMinor;
  const cost = toDecimalString({ minor: Math.abs(feeMinor), currency: amount.currency });
  const difference = `${cost} ${feeMinor < 0 ? 'less' : 'more'} on ${toDecimalString(amount)}`;
  return byTiers ? `averages ${difference} over fee tiers` : `costs ${difference}`;
}

/** The difference of what is stored, which is rounded. */
function latencyWords(mineMs: number, theirsMs: number): string {
  const ms = Math.abs(Math.round(mineMs) - Math.round(theirsMs));
  return `answers ${ms === 0 ? 'under 1' : ms} ms ${mineMs < theirsMs ? 'faster' : 'slower'}`;
}

/** Limits that will be used up before their day is over. */
function limitWords(mine: Judged, theirs: Judged): string {
  const spares = (mine.view.limitPrice ?? 0) < (theirs.view.limitPrice ?? 0);
  return spares ? `spares the daily limit of ${theirs.id}` : 'draws on a daily limit that will be used up';
}

function settlementWords(ms: number): string {
  const span = Math.abs(ms);
  const [amount, unit] = span < DAY_MS ? [oneDecimal(span / HOUR_MS), 'hour'] : [oneDecimal(span / DAY_MS), 'day'];
  return `settles ${amount} ${unit}${amount === '1' ? '' : 's'} ${ms < 0 ? 'sooner' : 'later'}`;
}

/** One digit after the point where there is one to show; what would read as 0 reads "under 0.1". */
function oneDecimal(value: number): string {
  const rounded = Math.round(value * 10) / 10;
  return rounded === 0 ? 'under 0.1' : String(rounded);
}
