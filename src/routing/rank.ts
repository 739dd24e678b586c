import { type Candidate, type Decision, type EpochMs, type ExclusionReason, feeMinorCeil } from '../payment/index.ts';
import { explainLead, type Judged } from './explain.ts';
import { type Arranged, arrange, exclusionsByRules } from './rules.ts';
import { factorsOf, round6, scoreOf } from './score.ts';
import { sift } from './sift.ts';
import type { ChannelView, Ranking, RoutingRequest, RoutingSettings } from './types.ts';

/** Time and chance as arguments; `random` answers a number in [0, 1) and is asked at most once. */
export interface Chance {
  readonly now: EpochMs;
  readonly random: () => number;
}

interface Pick {
  readonly chosen: Judged;
  readonly reason: Decision['reason'];
  readonly draw: number | null;
}

/**
 * Judges all channels for one request. Eligible ones come first, by score and on a tie by id unless rules arrange them, then the
 * excluded ones by id; the order of `views` is of no matter. The same arguments give the same ranking.
 *
 * Exploration: on the first try, with nothing pinned or arranged by rules and a real choice, one number is drawn. Below
 * `explorationShare` it also says which of the others goes, each equally likely, so that the stored draw repeats the decision.
 */
export function rank(
  request: RoutingRequest,
  views: readonly ChannelView[],
  settings: RoutingSettings,
  chance: Chance,
): Ranking {
  const byScore: Judged[] = [];
  const excluded: Candidate[] = [];
  for (const { view, method, reason, rule } of sift(request, views, chance.now)) {
    if (reason === null && method !== null) byScore.push(judge(view, method, request, settings));
    else excluded.push(excludedCandidate(view.profile.id, method, reason ?? 'method', rule));
  }
  byScore.sort((a, b) => b.candidate.score - a.candidate.score || byId(a.candidate, b.candidate));
  excluded.sort(byId);
  const arranged = arrange(byScore, ({ profile }) => profile.id, request, chance.random);
  const judged = arranged.order;
  const candidates = [...judged.map(({ candidate }) => candidate), ...excluded];
  const best = judged[0];
  if (!best) return { decidedAt: chance.now, candidates, choice: null };

  const pick = pickFrom(best, arranged, request, settings, chance);
  const byRules = exclusionsByRules(request, excluded);
  const acted = [...byRules.acted, ...arranged.acted];
  const { channelId, method } = pick.chosen.candidate;
  const decision: Decision = {
    decidedAt: chance.now,
    channelId,
    position: request.triedChannelIds.length === 0 ? 'first' : 'failover',
    reason: pick.reason,
    candidates,
    draw: pick.draw,
    explanation: [explain(pick, arranged, request, settings), ...byRules.phrases].join('; '),
    ...(acted.length > 0 && { rules: acted }),
  };
  return { decidedAt: chance.now, candidates, choice: { channelId, method, decision } };
}

function judge(view: ChannelView, method: string, request: RoutingRequest, settings: RoutingSettings): Judged {
  const { profile } = view;
  const estimate = view.estimate(method);
  const successRatio = round6(estimate.technicalRatio * estimate.paymentRatio);
  const feeMinor = feeMinorCeil(profile.fee, request.amount.minor, view.paidInPeriodMinor);
  const latencyMs = Math.round(estimate.latencyMs);
  const factors = factorsOf({
    successRatio,
    feeMinor,
    amountMinor: request.amount.minor,
    latencyMs,
    settlementDelayMs: profile.settlementDelayMs,
  });
  const candidate = {
    channelId: profile.id,
    method,
    score: scoreOf(factors, settings.weights, profile.weight),
    factors,
    feeMinor,
    successRatio,
    sampleSize: Math.round(estimate.sampleSize),
    latencyMs,
    excluded: null,
  };
  return { candidate, profile };
}

function excludedCandidate(
  channelId: string,
  method: string | null,
  excluded: ExclusionReason,
  rule: string | undefined,
): Candidate {
  return {
    channelId,
    method,
    score: 0,
    factors: null,
    feeMinor: null,
    successRatio: null,
    sampleSize: null,
    latencyMs: null,
    excluded,
    ...(rule !== undefined && { rule }),
  };
}

function pickFrom(
  best: Judged,
  { order: judged, reason: byRule, draw: split }: Arranged<Judged>,
  request: RoutingRequest,
  settings: RoutingSettings,
  chance: Chance,
): Pick {
  if (request.pinnedChannelId !== null) return { chosen: best, reason: 'pinned', draw: null };
  if (byRule !== null) return { chosen: best, reason: byRule, draw: split };
  const share = settings.explorationShare;
  const others = judged.length - 1;
  const mayExplore = share > 0 && others > 0 && request.triedChannelIds.length === 0;
  if (!mayExplore) return { chosen: best, reason: 'best_score', draw: null };
  const draw = chance.random();
  if (draw >= share) return { chosen: best, reason: 'best_score', draw };
  const explored = judged[1 + Math.min(others - 1, Math.floor((draw / share) * others))];
  return explored ? { chosen: explored, reason: 'exploration', draw } : { chosen: best, reason: 'best_score', draw };
}

function explain(
  pick: Pick,
  { order: judged, phrases }: Arranged<Judged>,
  request: RoutingRequest,
  settings: RoutingSettings,
): string {
  const { chosen, reason } = pick;
  const { id } = chosen.profile;
  if (reason === 'pinned') return `${id}: pinned by the merchant`;
  const [best, runnerUp] = judged;
  if (reason === 'exploration') {
    const share = round6(settings.explorationShare * 100);
    return `${id} to learn about it, as ${share}% of payments may; ${best?.profile.id} has the best score`;
  }
  const tried = request.triedChannelIds;
  const after = tried.length === 0 ? '' : `after ${tried.join(', ')} failed, `;
  if (phrases.length > 0) return `${after}${phrases.join('; ')}`;
  if (!runnerUp) return `${after}${id}: the only channel that can take this payment`;
  return `${after}${explainLead(chosen, runnerUp, request.amount, settings.weights)}`;
}

function byId(a: Candidate, b: Candidate): number {
  if (a.channelId === b.channelId) return 0;
  return a.channelId < b.channelId ? -1 : 1;
}
