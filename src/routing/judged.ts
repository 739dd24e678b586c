import type { Decision, ExclusionReason } from '../payment/index.ts';
import type { Segment } from './paid-share.ts';
import type { Value } from './score.ts';
import type { ChannelView, Estimate } from './types.ts';

/** A channel that was scored: its numbers and where they come from. */
export interface Judged {
  readonly id: string;
  readonly view: ChannelView;
  readonly segment: Segment;
  readonly estimate: Estimate;
  readonly value: Value;
  readonly feeMinor: number;
  /** Why it is only for trials and emergencies; null when it is eligible. */
  readonly excluded: ExclusionReason | null;
  /** Expected value as a share of the margin, before the admin's preference. */
  share: number;
  score: number;
}

export interface Pick {
  readonly chosen: Judged;
  readonly reason: Decision['reason'];
  readonly draw: number | null;
}
