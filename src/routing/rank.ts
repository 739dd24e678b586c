import { type Candidate, type Decision, type EpochMs, type ExclusionReason, feeMinorCeil } from '../payment/index.ts';
import { methodFor } from './eligibility.ts';
import { explain } from './explain.ts';
import { believed, explorationChance, type Stance } from './exploration.ts';
import { fewOf } from './few.ts';
import { type Judged, moneyOf, type Pick } from './judged.ts';
import { isClose, keepsWithin } from './leads.ts';
import type { Segment } from './paid-share.ts';
import { type Arranged, arrange, exclusionsByRules, ruleAgainst } from './rules.ts';
import {
  aloneOf,
  expectedShare,
  feeLeft,
  type Pull,
  passedOnOf,
  patience,
  preferenceMultiplier,
  pullOf,
  round6,
  settlementLeft,
  successOf,
} from './score.ts';
import { sift } from './sift.ts';
import { feeMinorAhead } from './tier-outlook.ts';
import { byScore, TOLD_MAX, tell } from './told.ts';
import {
  bandOf,
  type ChannelView,
  type Exclusion,
  type Ranking,
  type RoutingRequest,
  type RoutingSettings,
} from './types.ts';
import { wantedBy } from './wanted.ts';

/** Time and chance as arguments; `random` answers a number in [0, 1) and is asked at most once. */
export interface Chance {
  readonly now: EpochMs;
  readonly random: () => number;
  /** What may be risked with a payment of this segment; nothing when it is left out. */
  readonly stance?: (segment: Segment, amountMinor: number) => Stance;
}

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
  const { minor: amountMinor, currency } = request.amount;
  const band = bandOf(amountMinor, settings.bandEdgesMinor);
  const eligible: Judged[] = [];
  /** Excluded by what passes by itself: for trials, and for an emergency. */
  const waiting: Judged[] = [];
  const barred: Candidate[] = [];
  /** One for all channels that use the same method: what is known is looked up by it. */
  let segment: Segment = { method: '', currency, band };
  const reasons = sift(request, views, chance.now);
  for (let i = 0; i < views.length; i += 1) {
    const view = views[i];
    if (!view) continue;
    const reason = reasons[i] ?? null;
    const method = methodFor(view.profile, request.methods);
    if (method === null || (reason !== null && (view.outOfService || !PASSING.has(reason)))) {
      barred.push(excludedCandidate(view, method, reason ?? 'method', request));
      continue;
    }
    if (segment.method !== method) segment = { method, currency, band };
    (reason === null ? eligible : waiting).push(judge(view, segment, amountMinor, pull, reason));
  }
  backUp(eligible);
  backUp(waiting);
  const stance = eligible[0] && chance.stance ? chance.stance(eligible[0].segment, amountMinor) : CAUTIOUS;
  const arranged = arrange(lead(eligible, stance, request), ({ id }) => id, request, chance.random);

  const pick = pickFrom(arranged, { eligible, waiting }, request, settings, { stance, chance });
  const { marginBps } = settings;
  const sorted = { order: arranged.order, eligible, waiting, barred };
  const { candidates, omitted } = tell(sorted, pick?.chosen ?? null, request, pull);
  const exclusions = waiting.length === 0 ? barred : [...barred, ...waiting.map(exclusionOfJudged)];
  const ranking = { decidedAt: chance.now, candidates, omitted, exclusions };
  if (!pick) return { ...ranking, choice: null };
  const { chosen, reason, draw } = pick;
  const byRules = exclusionsByRules(request, barred);
  const acted = [...byRules.acted, ...arranged.acted];
  const leader = arranged.order[0] ?? chosen;
  const channelId = chosen.id;
  const decision: Decision = {
    decidedAt: chance.now,
    channelId,
    position: request.triedChannelIds.length === 0 ? 'first' : 'failover',
    reason,
    candidates,
    ...(omitted > 0 && { omitted }),
    draw,
    explanation: [explain(pick, arranged, request, settings), ...byRules.phrases].join('; '),
    ...(acted.length > 0 && { rules: acted }),
  };
  const bestMinor = moneyOf(leader, amountMinor, marginBps);
  const costMinor = reason === 'exploration' ? bestMinor - moneyOf(chosen, amountMinor, marginBps) : null;
  const wanted = wantedBy(arranged, request, pull);
  const closely = arranged.reason === null && hasOvertaken(leader, eligible, stance);
  const noted = { segment: chosen.segment, leader: leader.id, isClose: closely, bestMinor, costMinor, wanted };
  return { ...ranking, choice: { channelId, method: chosen.segment.method, decision, noted } };
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
  const feeMinor = feeMinorCeil(profile.fee, amountMinor, view.tiers?.paidMinor);
  const countedFeeMinor = countedFee(view, amountMinor, feeMinor);
  // As in `valueFor`, without making its objects for each of them.
  const passedOn = passedOnOf(estimate, pull);
  const costs =
    (1 - (view.limitPrice ?? 0)) *
    feeLeft(countedFeeMinor, amountMinor, pull) *
    patience(estimate.latencyMs, pull) *
    settlementLeft(profile.settlementDelayMs, pull);
  const share = aloneOf(estimate, pull) * costs;
  const bare = successOf(estimate, passedOn, pull) * costs;
  const score = round6(bare * preferenceMultiplier(profile.weight));
  const { id } = profile;
  // One literal: a spread would cost as much as all the arithmetic.
  return { id, view, segment, estimate, feeMinor, countedFeeMinor, excluded, passedOn, score, share, factors: null };
}

/** What the payment is counted to cost: with fee tiers more than its own fee depends on where it goes. */
function countedFee({ profile, tiers }: ChannelView, amountMinor: number, feeMinor: number): number {
  if (!tiers || tiers.aheadMinor === null) return feeMinor;
  return feeMinorAhead(profile.fee, amountMinor, tiers.paidMinor, tiers.aheadMinor);
}

/** Puts the best other behind each. */
function backUp(judged: readonly Judged[]): void {
  let best = 0;
  let second = 0;
  let bestOf: Judged | null = null;
  for (const one of judged) {
    const { share: alone } = one;
    if (alone > best) {
      second = best;
      best = alone;
      bestOf = one;
    } else if (alone > second) second = alone;
  }
  for (const one of judged) {
    one.share = expectedShare({ alone: one.share, passedOn: one.passedOn }, one === bestOf ? second : best);
  }
}

/**
 * Best first. Whoever led last stays in front of a challenger that is hardly better. Of many only the best are put in order, unless rules
 * may prefer any of them.
 */
function lead(
  eligible: readonly Judged[],
  { incumbent, paymentsMs }: Stance,
  { rules = [] }: RoutingRequest,
): readonly Judged[] {
  const order = fewOf(eligible, rules.length > 0 ? eligible.length : TOLD_MAX, byScore);
  const best = order[0];
  const holder = incumbent === null ? undefined : eligible.find(({ id }) => id === incumbent.channelId);
  if (!best || !holder || holder === best) return order;
  const within = keepsWithin(paymentsMs, incumbent?.closeChanges ?? 0);
  if (holder.score < best.score * (1 - within)) return order;
  return [holder, ...order.filter((one) => one !== holder)];
}

/** Whether the leader has taken its place from one that is hardly worse. */
function hasOvertaken(leader: Judged, eligible: readonly Judged[], { incumbent }: Stance): boolean {
  if (incumbent === null || incumbent.channelId === leader.id) return false;
  const before = eligible.find(({ id }) => id === incumbent.channelId);
  return before !== undefined && isClose(before.score, leader.score);
}

function pickFrom(
  { order, reason: byRule, draw: split }: Arranged<Judged>,
  { eligible, waiting }: { readonly eligible: readonly Judged[]; readonly waiting: readonly Judged[] },
  request: RoutingRequest,
  settings: RoutingSettings,
  { stance, chance }: { readonly stance: Stance; readonly chance: Chance },
): Pick | null {
  const best = order[0];
  if (request.pinnedChannelId !== null) return best ? { chosen: best, reason: 'pinned', draw: null } : null;
  if (!best) return panic(waiting);
  if (byRule !== null) return { chosen: best, reason: byRule, draw: split };
  const asUsual: Pick = { chosen: best, reason: 'best_score', draw: null };
  if (request.triedChannelIds.length > 0 || !stance.small) return asUsual;
  const trial = bestOf(waiting.filter(({ view }) => view.trialDue));
  if (trial) return { chosen: trial, reason: 'probe', draw: null };
  if (settings.explorationShare <= 0 || stance.riskMinor < 0) return asUsual;
  return explore(best, eligible, request.amount.minor, settings.marginBps, stance, chance) ?? asUsual;
}

/**
 * Nothing is as it should be: whoever is not out of quota is tried, first the one that would bring most by itself. A score counts on the next
 * channel after a failed call, and so is hardly lower for a dead one; but now failover is rationed, and the next one fails as well.
 */
function panic(waiting: readonly Judged[]): Pick | null {
  const alone = ({ score, passedOn }: Judged): number => score * (1 - passedOn);
  const chosen = bestOf(
    waiting.filter(({ view }) => !view.quotaUsedUp),
    alone,
  );
  return chosen ? { chosen, reason: 'panic', draw: null } : null;
}

/** One number is drawn, and only when there is something to be learnt; it falls into the chance of one of the others, or of none. */
function explore(
  best: Judged,
  eligible: readonly Judged[],
  amountMinor: number,
  marginBps: number,
  stance: Stance,
  chance: Chance,
): Pick | null {
  const bestMinor = moneyOf(best, amountMinor, marginBps);
  const leader = believed(bestMinor, best.estimate);
  const chances: { readonly one: Judged; readonly share: number }[] = [];
  for (const one of eligible) {
    const valueMinor = moneyOf(one, amountMinor, marginBps);
    if (one === best || bestMinor - valueMinor > stance.riskMinor) continue;
    const share = explorationChance(leader, valueMinor, one.estimate, stance.paymentsMs, chance.now);
    if (share < 0.001) continue;
    chances.push({ one, share });
  }
  chances.sort((a, b) => byScore(a.one, b.one));
  const total = chances.reduce((sum, { share }) => sum + share, 0);
  if (total === 0) return null;
  const draw = chance.random();
  let passed = 0;
  for (const { one, share } of chances) {
    passed += share / Math.max(1, total);
    if (draw < passed) return { chosen: one, reason: 'exploration', draw };
  }
  return { chosen: best, reason: 'best_score', draw };
}

function bestOf(judged: readonly Judged[], worthOf = ({ score }: Judged): number => score): Judged | null {
  let best: Judged | null = null;
  for (const one of judged) {
    const lead = best ? worthOf(one) - worthOf(best) : 1;
    if (!best || lead > 0 || (lead === 0 && one.id < best.id)) best = one;
  }
  return best;
}

function excludedCandidate(
  { profile }: ChannelView,
  method: string | null,
  excluded: ExclusionReason,
  { rules = [] }: RoutingRequest,
): Candidate {
  const rule = excluded === 'rule' ? ruleAgainst(profile.id, rules)?.name : undefined;
  const unknown = { factors: null, feeMinor: null, successRatio: null, sampleSize: null, latencyMs: null };
  return { channelId: profile.id, method, score: 0, ...unknown, excluded, ...(rule !== undefined && { rule }) };
}

function exclusionOfJudged({ id, segment, excluded }: Judged): Exclusion {
  return { channelId: id, method: segment.method, excluded };
}
