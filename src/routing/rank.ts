import { type Candidate, type Decision, type EpochMs, type ExclusionReason, feeMinorCeil } from '../payment/index.ts';
import { explain } from './explain.ts';
import { type Explorable, explorationChance, type Stance } from './exploration.ts';
import type { Judged, Pick } from './judged.ts';
import type { Segment } from './paid-share.ts';
import { type Arranged, arrange, exclusionsByRules } from './rules.ts';
import { expectedShare, type Pull, preferenceMultiplier, pullOf, round6, valueFor } from './score.ts';
import { sift } from './sift.ts';
import { bandOf, type ChannelView, type Ranking, type RoutingRequest, type RoutingSettings } from './types.ts';

/** Time and chance as arguments; `random` answers a number in [0, 1) and is asked at most once. */
export interface Chance {
  readonly now: EpochMs;
  readonly random: () => number;
  /** What may be risked with a payment of this segment; nothing when it is left out. */
  readonly stance?: (segment: Segment, amountMinor: number) => Stance;
}

/** A leader keeps its place against a challenger that is better by less than this: noise would make it flap. */
const KEEPS_WITHIN = 0.002;
/** What passes by itself; a channel excluded for it is tried when there is no other (panic). */
const PASSING: ReadonlySet<ExclusionReason> = new Set(['breaker_open', 'cooling_down']);
const CAUTIOUS: Stance = { incumbent: null, small: false, riskMinor: -1, paymentsMs: 60_000 };

/**
 * Judges all channels for one request. Eligible ones come first, by score and on a tie by id unless rules arrange them, then the
 * excluded ones by id; the order of `views` is of no matter. The same arguments give the same ranking.
 *
 * In this order: who may take it (sift), what each would bring (judge), who leads (lead), what the admin's rules say to that
 * (arrange), who gets it (pickFrom): the first, or, to learn and unless a rule has decided, another one.
 */
export function rank(
  request: RoutingRequest,
  views: readonly ChannelView[],
  settings: RoutingSettings,
  chance: Chance,
): Ranking {
  const pull = pullOf(settings);
  const band = bandOf(request.amount.minor, settings.bandEdgesMinor);
  const eligible: Judged[] = [];
  /** Excluded by what passes by itself: for trials, and for an emergency. */
  const waiting: Judged[] = [];
  const excluded: Candidate[] = [];
  for (const { view, method, reason, rule } of sift(request, views, chance.now)) {
    if (method === null || (reason !== null && !PASSING.has(reason)) || (reason !== null && view.outOfService)) {
      excluded.push(excludedCandidate(view.profile.id, method, reason ?? 'method', rule));
      continue;
    }
    const segment = { method, currency: request.amount.currency, band };
    (reason === null ? eligible : waiting).push(judge(view, segment, request.amount.minor, pull, reason));
  }
  score(eligible, pull);
  score(waiting, pull);
  const stance = eligible[0] && chance.stance ? chance.stance(eligible[0].segment, request.amount.minor) : CAUTIOUS;
  lead(eligible, stance);
  const arranged = arrange(eligible, ({ view }) => view.profile.id, request, chance.random);

  const pick = pickFrom(arranged, waiting, request, settings, stance, chance);
  const finish = (one: Judged) => finished(one, request.amount.minor, pull);
  const candidates = [...arranged.order.map(finish), ...[...waiting.map(finish), ...excluded].sort(byId)];
  if (!pick) return { decidedAt: chance.now, candidates, choice: null };
  const { chosen, reason, draw } = pick;
  const byRules = exclusionsByRules(request, excluded);
  const acted = [...byRules.acted, ...arranged.acted];
  const leader = arranged.order[0] ?? chosen;
  const channelId = chosen.view.profile.id;
  const decision: Decision = {
    decidedAt: chance.now,
    channelId,
    position: request.triedChannelIds.length === 0 ? 'first' : 'failover',
    reason,
    candidates,
    draw,
    explanation: [explain(pick, arranged, request, settings), ...byRules.phrases].join('; '),
    ...(acted.length > 0 && { rules: acted }),
  };
  const noted = {
    segment: chosen.segment,
    leader: leader.view.profile.id,
    bestMinor: moneyOf(leader, request.amount.minor, pull),
    costMinor:
      reason === 'exploration'
        ? moneyOf(leader, request.amount.minor, pull) - moneyOf(chosen, request.amount.minor, pull)
        : null,
  };
  return { decidedAt: chance.now, candidates, choice: { channelId, method: chosen.method, decision, noted } };
}

function judge(
  view: ChannelView,
  segment: Segment,
  amountMinor: number,
  pull: Pull,
  excluded: ExclusionReason | null,
): Judged {
  const { profile } = view;
  const estimate = view.estimate(segment);
  const feeMinor = feeMinorCeil(profile.fee, amountMinor, view.paidInPeriodMinor);
  const { technicalRatio, paymentRatio, latencyMs, lostMs } = estimate;
  const { settlementDelayMs } = profile;
  const traits = { technicalRatio, paymentRatio, latencyMs, lostMs, feeMinor, amountMinor, settlementDelayMs };
  const value = valueFor(traits, pull);
  const candidate = {
    channelId: profile.id,
    method: segment.method,
    score: 0,
    factors: value.factors,
    feeMinor,
    successRatio: round6(technicalRatio * paymentRatio),
    sampleSize: Math.round(estimate.sampleSize),
    latencyMs: Math.round(latencyMs),
    excluded,
    technicalRatio: round6(technicalRatio),
    paymentRatio: round6(paymentRatio),
    expectedShare: 0,
    expectedMinor: 0,
  };
  return { candidate, view, method: segment.method, segment, estimate, value, feeMinor, share: 0, score: 0 };
}

/** Compares them, and sees what each would bring with the best other behind it. */
function score(judged: Judged[], pull: Pull): void {
  let best = 0;
  let second = 0;
  let bestOf: Judged | null = null;
  for (const one of judged) {
    const { alone } = one.value;
    if (alone > best) {
      second = best;
      best = alone;
      bestOf = one;
    } else if (alone > second) second = alone;
  }
  for (const one of judged) {
    one.share = expectedShare(one.value, one.estimate, one === bestOf ? second : best, pull);
    one.score = round6(one.value.score * preferenceMultiplier(one.view.profile.weight));
  }
}

/** Best first. Whoever led last stays in front of a challenger that is hardly better. */
function lead(judged: Judged[], { incumbent }: Stance): void {
  judged.sort((a, b) => b.score - a.score || byId(a.candidate, b.candidate));
  const at = judged.findIndex(({ candidate }) => candidate.channelId === incumbent);
  const holder = judged[at];
  const best = judged[0];
  if (at <= 0 || !holder || !best || holder.score < best.score * (1 - KEEPS_WITHIN)) return;
  judged.splice(at, 1);
  judged.unshift(holder);
}

function pickFrom(
  { order: eligible, reason: byRule, draw: split }: Arranged<Judged>,
  waiting: readonly Judged[],
  request: RoutingRequest,
  settings: RoutingSettings,
  stance: Stance,
  chance: Chance,
): Pick | null {
  const best = eligible[0];
  if (request.pinnedChannelId !== null) return best ? { chosen: best, reason: 'pinned', draw: null } : null;
  if (!best) return panic(waiting);
  if (byRule !== null) return { chosen: best, reason: byRule, draw: split };
  const asUsual: Pick = { chosen: best, reason: 'best_score', draw: null };
  if (request.triedChannelIds.length > 0 || !stance.small) return asUsual;
  const trial = bestOf(waiting.filter(({ view }) => view.trialDue));
  if (trial) return { chosen: trial, reason: 'probe', draw: null };
  if (settings.explorationShare <= 0 || stance.riskMinor < 0) return asUsual;
  return explore(best, eligible, request.amount.minor, pullOf(settings), stance, chance) ?? asUsual;
}

/** Nothing is as it should be: whoever is not out of quota is tried, best first. */
function panic(waiting: readonly Judged[]): Pick | null {
  const chosen = bestOf(waiting.filter(({ view }) => !view.quotaUsedUp));
  return chosen ? { chosen, reason: 'panic', draw: null } : null;
}

/** One number is drawn, and only when there is something to be learnt; it falls into the chance of one of the others, or of none. */
function explore(
  best: Judged,
  eligible: readonly Judged[],
  amountMinor: number,
  pull: Pull,
  stance: Stance,
  chance: Chance,
): Pick | null {
  const money = (one: Judged) => moneyOf(one, amountMinor, pull);
  const leader = explorable(best, money(best));
  const chances: { readonly one: Judged; readonly share: number }[] = [];
  let total = 0;
  for (const one of eligible) {
    if (one === best || leader.valueMinor - money(one) > stance.riskMinor) continue;
    const share = explorationChance(leader, explorable(one, money(one)), stance, chance.now);
    if (share < 0.001) continue;
    chances.push({ one, share });
    total += share;
  }
  if (total === 0) return null;
  const draw = chance.random();
  let passed = 0;
  for (const { one, share } of chances) {
    passed += share / Math.max(1, total);
    if (draw < passed) return { chosen: one, reason: 'exploration', draw };
  }
  return { chosen: best, reason: 'best_score', draw };
}

function explorable({ estimate }: Judged, valueMinor: number): Explorable {
  const { paymentRatio, sampleSize: orders, opened, openedAt, low } = estimate;
  return { valueMinor, paymentRatio, orders, opened, openedAt, low };
}

function bestOf(judged: readonly Judged[]): Judged | null {
  let best: Judged | null = null;
  for (const one of judged) {
    if (!best || one.score > best.score || (one.score === best.score && byId(one.candidate, best.candidate) < 0))
      best = one;
  }
  return best;
}

/** What a payment is expected to bring, in minor units, not rounded. */
function moneyOf({ share }: Judged, amountMinor: number, { marginBps }: Pull): number {
  return (share * amountMinor * marginBps) / 10_000;
}

function finished(one: Judged, amountMinor: number, pull: Pull): Candidate {
  const expectedMinor = round6(moneyOf(one, amountMinor, pull));
  const { candidate } = one;
  candidate.score = one.score;
  candidate.expectedShare = round6(one.share);
  candidate.expectedMinor = expectedMinor;
  return candidate;
}

function excludedCandidate(
  channelId: string,
  method: string | null,
  excluded: ExclusionReason,
  rule: string | undefined,
): Candidate {
  const unknown = { factors: null, feeMinor: null, successRatio: null, sampleSize: null, latencyMs: null };
  return { channelId, method, score: 0, ...unknown, excluded, ...(rule !== undefined && { rule }) };
}

function byId(a: Candidate, b: Candidate): number {
  if (a.channelId === b.channelId) return 0;
  return a.channelId < b.channelId ? -1 : 1;
}
