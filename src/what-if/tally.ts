import type { Candidate, Money } from '../payment/index.ts';
import type { Ranking } from '../routing/index.ts';
import type { Behaviour } from './types.ts';

/** Expected money is summed in billionths of a minor unit, as whole numbers; it is rounded once, at the very end. */
const PARTS = 1_000_000_000;

export interface Sum {
  capturedParts: bigint;
  feeParts: bigint;
}

/** Expected counts are sums of probabilities; first choices and what was refused are counted. */
export interface ChannelTally {
  first: number;
  failovers: number;
  opened: number;
  paid: number;
  /** Latency x probability, of the calls that opened an order. */
  latencyMs: number;
  readonly money: Map<string, Sum>;
}

export interface Tally {
  payments: number;
  opened: number;
  paid: number;
  /** All channels that were asked failed technically. */
  exhausted: number;
  /** The provider said no. */
  rejected: number;
  /** Until the buyer could pay, with the time lost on failed tries; x probability. */
  waitMs: number;
  readonly channels: Map<string, ChannelTally>;
  readonly refused: Map<string, number>;
  /** Per channel and reason, of first choices. */
  readonly exclusions: Map<string, Map<string, number>>;
  readonly reasons: Map<string, number>;
  /** Decisions for which a rule could not be evaluated, by rule and why. */
  readonly ruleErrors: Map<string, number>;
}

export function newTally(): Tally {
  return {
    ...{ payments: 0, opened: 0, paid: 0, exhausted: 0, rejected: 0, waitMs: 0 },
    ...{ channels: new Map(), refused: new Map(), exclusions: new Map(), reasons: new Map(), ruleErrors: new Map() },
  };
}

/** A payment that no channel was asked for. */
export function tallyRefusal(tally: Tally, reason: string): void {
  tally.payments += 1;
  add(tally.refused, reason);
}

export function tallyRuleError(tally: Tally, rule: string, why: string): void {
  add(tally.ruleErrors, `${rule} (${why})`);
}

export interface Expectation {
  readonly amount: Money;
  readonly isPinned: boolean;
  readonly failover: { readonly maxAttempts: number; readonly budgetMs: number };
  readonly behaviour: (channelId: string, method: string) => Behaviour;
}

/**
 * What is to be expected of a payment whose first channel has just been chosen, in closed form: its chance on the first channel,
 * and, with the chance that it fails technically, on the next ones of the ranking.
 */
export function tallyDecision(
  tally: Tally,
  ranking: Ranking & { choice: NonNullable<Ranking['choice']> },
  expected: Expectation,
) {
  const { choice, candidates, exclusions } = ranking;
  const { amount, isPinned, failover, behaviour } = expected;
  tally.payments += 1;
  add(tally.reasons, choice.decision.reason);
  tallyExclusions(tally, exclusions);
  const first = candidates.find(({ channelId }) => channelId === choice.channelId);
  const others = isPinned ? [] : candidates.filter((one) => one.excluded === null && one !== first);
  let reach = 1;
  let lostMs = 0;
  for (const [index, candidate] of [...(first ? [first] : []), ...others].slice(0, failover.maxAttempts).entries()) {
    if (lostMs >= failover.budgetMs) break;
    const does = behaviour(candidate.channelId, candidate.method ?? '');
    const channel = channelOf(tally, candidate.channelId);
    if (index === 0) channel.first += 1;
    else channel.failovers += reach;
    const answered = reach * (1 - does.failure);
    const opened = answered * (1 - does.refusal);
    const paid = opened * does.paid;
    tally.rejected += answered * does.refusal;
    tally.opened += opened;
    tally.paid += paid;
    tally.waitMs += opened * (lostMs + does.latencyMs);
    channel.opened += opened;
    channel.paid += paid;
    channel.latencyMs += opened * does.latencyMs;
    earn(channel, amount, candidate.feeMinor ?? 0, paid);
    lostMs += does.failureLatencyMs;
    reach *= does.failure;
  }
  tally.exhausted += reach;
}

export function tallyExclusions(tally: Tally, exclusions: Ranking['exclusions']): void {
  for (const exclusion of exclusions) {
    const reasons = tally.exclusions.get(exclusion.channelId) ?? new Map<string, number>();
    tally.exclusions.set(exclusion.channelId, reasons);
    add(reasons, wordOf(exclusion));
  }
}

/** What keeps a candidate out, in one word; an admin's rule by its name. */
export function wordOf({ excluded, rule }: Pick<Candidate, 'excluded' | 'rule'>): string {
  return rule === undefined ? String(excluded) : `${excluded} ${rule}`;
}

/** Billionths of a minor unit to minor units, half away from zero. */
export function roundedMinor(parts: bigint): number {
  const half = BigInt(PARTS / 2);
  return Number((parts + (parts < 0n ? -half : half)) / BigInt(PARTS));
}

function earn(channel: ChannelTally, amount: Money, feeMinor: number, chance: number): void {
  const sum = channel.money.get(amount.currency) ?? { capturedParts: 0n, feeParts: 0n };
  channel.money.set(amount.currency, sum);
  const parts = BigInt(Math.round(chance * PARTS));
  sum.capturedParts += BigInt(amount.minor) * parts;
  sum.feeParts += BigInt(feeMinor) * parts;
}

function channelOf(tally: Tally, channelId: string): ChannelTally {
  const known = tally.channels.get(channelId);
  if (known) return known;
  const made = { first: 0, failovers: 0, opened: 0, paid: 0, latencyMs: 0, money: new Map<string, Sum>() };
  tally.channels.set(channelId, made);
  return made;
}

function add(counts: Map<string, number>, word: string): void {
  counts.set(word, (counts.get(word) ?? 0) + 1);
}
