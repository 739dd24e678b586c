import type { Candidate, EpochMs, ExclusionReason } from '../payment/index.ts';
import { exclusionOf, methodFor } from './eligibility.ts';
import { ruleAgainst } from './rules.ts';
import type { ChannelView, RoutingRequest } from './types.ts';

/** A channel that may take the payment, with the method that it would use. */
export interface Eligible {
  readonly view: ChannelView;
  readonly method: string;
}

/**
 * Parts the channels that may take a payment from those that may not. Pacing gives way: when it is all that stands between a payment
 * and every channel left, those channels take it after all.
 */
export function sift(
  request: RoutingRequest,
  views: readonly ChannelView[],
  now: EpochMs,
): { readonly eligible: readonly Eligible[]; readonly excluded: readonly Candidate[] } {
  const judged = views.map((view) => ({
    view,
    method: methodFor(view.profile, request.methods),
    reason: exclusionOf(view, request, now),
  }));
  const isFree = judged.some(({ reason, method }) => reason === null && method !== null);
  const eligible: Eligible[] = [];
  const excluded: Candidate[] = [];
  for (const { view, method, reason } of judged) {
    const mayTake = reason === null || (reason === 'daily_pacing' && !isFree);
    if (mayTake && method !== null) eligible.push({ view, method });
    else excluded.push(excludedCandidate(view.profile.id, method, reason ?? 'method', request));
  }
  return { eligible, excluded };
}

function excludedCandidate(
  channelId: string,
  method: string | null,
  excluded: ExclusionReason,
  { rules = [] }: RoutingRequest,
): Candidate {
  const nothing = { score: 0, factors: null, feeMinor: null, successRatio: null, sampleSize: null, latencyMs: null };
  const candidate = { channelId, method, ...nothing, excluded };
  if (excluded !== 'rule') return candidate;
  const rule = ruleAgainst(channelId, rules)?.name;
  return rule === undefined ? candidate : { ...candidate, rule };
}
