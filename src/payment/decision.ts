/** Each factor between 0 and 1, higher is better. */
export interface FactorScores {
  readonly success: number;
  readonly fee: number;
  readonly latency: number;
  readonly settlement: number;
}

export const EXCLUSION_REASONS = [
  'disabled',
  'draining',
  'merchant',
  'method',
  'currency',
  'scene',
  'customer_ip_missing',
  'rule',
  'amount_below_min',
  'amount_above_max',
  'maintenance',
  'daily_limit',
  'rate_limit',
  'breaker_open',
  'cooling_down',
  'daily_pacing',
  'pinned_elsewhere',
  'already_tried',
] as const;
export type ExclusionReason = (typeof EXCLUSION_REASONS)[number];

/** One channel as the router saw it: either scored or excluded with the reason. */
export interface Candidate {
  readonly channelId: string;
  /** The method that this channel would use: the first of the payment's methods that it offers. Null when none fits. */
  readonly method: string | null;
  readonly score: number;
  readonly factors: FactorScores | null;
  /** What the payment would cost there. */
  readonly feeMinor: number | null;
  /** What it was counted to cost, where that differs: on average over the volume that its fee tiers expect. */
  readonly countedFeeMinor?: number;
  /** What its daily limit is worth to later payments, as a share of the score, which is lower by it; absent: nothing. */
  readonly limitPrice?: number;
  /** What routing believed: expected share of successes, and how many outcomes that rests on. */
  readonly successRatio: number | null;
  readonly sampleSize: number | null;
  readonly latencyMs: number | null;
  readonly excluded: ExclusionReason | null;
  /** The two halves of `successRatio`; decisions from before they were kept apart do not have them, nor the money. */
  readonly technicalRatio?: number;
  readonly paymentRatio?: number;
  /**
   * Expected value with failover, as a share of the margin, before the admin's preference; and in minor units. With the counted fee, and less
   * what the daily limit is worth to later payments.
   */
  readonly expectedShare?: number;
  readonly expectedMinor?: number;
  /** The name of the admin's rule that excluded it, with the reason `rule`. */
  readonly rule?: string;
}

/** Why an attempt went where it went. Stored in the attempt and never changed (C4). */
export interface Decision {
  readonly decidedAt: number;
  readonly channelId: string;
  readonly position: 'first' | 'failover';
  /** `probe`: a small payment to a channel that may be back; `panic`: no channel was as it should be. */
  readonly reason: 'best_score' | 'pinned' | 'exploration' | 'probe' | 'panic' | 'preferred' | 'split';
  readonly candidates: readonly Candidate[];
  /** How many further channels were looked at; absent when the candidates are all of them. */
  readonly omitted?: number;
  /** The random number that decided an exploration or a split, null when none was drawn. */
  readonly draw: number | null;
  readonly explanation: string;
  /** The admin's rules that made a difference; absent when none did, and in decisions from before there were rules. */
  readonly rules?: readonly ActedRule[];
}

export interface ActedRule {
  readonly name: string;
  readonly effect: 'exclude' | 'require' | 'prefer' | 'split';
}

/** Why a channel could not be chosen, in a word, with the admin's rule where it was one: `rule night-freeze`. */
export function whyExcluded({ excluded, rule }: Pick<Candidate, 'excluded' | 'rule'>): string {
  return rule === undefined ? String(excluded) : `${excluded} ${rule}`;
}
