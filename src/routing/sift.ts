import type { EpochMs, ExclusionReason } from '../payment/index.ts';
import { exclusionOf } from './eligibility.ts';
import type { ChannelView, RoutingRequest } from './types.ts';

/**
 * Asks of every channel, in the order of `views`, what stands against it. Pacing gives way: when it is all that stands between a payment
 * and every channel left, nothing stands against those channels.
 */
export function sift(
  request: RoutingRequest,
  views: readonly ChannelView[],
  now: EpochMs,
): readonly (ExclusionReason | null)[] {
  const reasons = views.map((view) => exclusionOf(view, request, now));
  if (reasons.includes(null)) return reasons;
  return reasons.map((reason) => (reason === 'daily_pacing' ? null : reason));
}
