import type { Candidate, Decision } from '../payment/index.ts';
import type { Segment } from './paid-share.ts';
import type { Value } from './score.ts';
import type { ChannelView, Estimate } from './types.ts';

/** A channel that was scored: its numbers and where they come from. */
export interface Judged {
  /** What is stored of it; the sums are filled in once all channels are judged. */
  readonly candidate: { -readonly [Key in keyof Candidate]: Candidate[Key] };
  readonly view: ChannelView;
  readonly method: string;
  readonly segment: Segment;
  readonly estimate: Estimate;
  readonly value: Value;
  readonly feeMinor: number;
  /** Expected value as a share of the margin, before the admin's preference. */
  share: number;
  score: number;
}

export interface Pick {
  readonly chosen: Judged;
  readonly reason: Decision['reason'];
  readonly draw: number | null;
}
