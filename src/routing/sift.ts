import type { EpochMs, ExclusionReason } from '../payment/index.ts';
import { exclusionOf, methodFor } from './eligibility.ts';
import { ruleAgainst } from './rules.ts';
import type { ChannelView, RoutingRequest } from './types.ts';

/** A channel before it is judged: the method that it would use, and what stands against it. */
export interface Sifted {
  readonly view: ChannelView;
  readonly method: string | null;
  readonly reason: ExclusionReason | null;
  /** The admin's rule, when the reason is one. */
  readonly rule: string | undefined;
}

/**
 * Asks of every channel what stands against it. Pacing gives way: when it is all that stands between a payment and every channel left,
 * nothing stands against those channels.
 */
export function sift(request: RoutingRequest, views: readonly ChannelView[], now: EpochMs): readonly Sifted[] {
  const sifted = views.map((view): Sifted => {
    const reason = exclusionOf(view, request, now);
    const rule = reason === 'rule' ? ruleAgainst(view.profile.id, request.rules ?? [])?.name : undefined;
    return { view, method: methodFor(view.profile, request.methods), reason, rule };
  });
  if (sifted.some(({ reason }) => reason === null)) return sifted;
  return sifted.map((one) => (one.reason === 'daily_pacing' ? { ...one, reason: null } : one));
}
