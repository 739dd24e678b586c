import type { Candidate, Decision, EpochMs, FeeSchedule, Money, Scene } from '../payment/index.ts';
import type { Pacing } from './pacing.ts';
import type { Segment } from './paid-share.ts';
import type { RoutingRule } from './rules.ts';
import type { MaintenanceWindow } from './windows.ts';

/** What an admin says of a channel, as far as routing cares. */
export interface ChannelProfile {
  readonly id: string;
  readonly enabled: boolean;
  /** The admin's preference, 100 is neutral; 0 drains the channel. */
  readonly weight: number;
  readonly methods: readonly string[];
  readonly currencies: readonly string[];
  readonly scenes: readonly Scene[];
  readonly fee: FeeSchedule;
  readonly limits: {
    readonly minMinor: number;
    readonly maxMinor: number | null;
    readonly dailyMinor: number | null;
    readonly perMinute: number | null;
    /** How `dailyMinor` is handed out over the day; absent: to whoever comes first. */
    readonly pacing?: Pacing;
  };
  /** Whose midnight begins the days and months of its limits and fees; absent: `DEFAULT_ZONE`. */
  readonly timezone?: string;
  readonly maintenance?: readonly MaintenanceWindow[];
  readonly settlementDelayMs: number;
}

/** The admin's weights: any non-negative numbers, only their proportions count. */
export interface RoutingWeights {
  readonly success: number;
  readonly fee: number;
  readonly latency: number;
  readonly settlement: number;
}

export const STRATEGIES = ['weights', 'expected_value'] as const;

export interface RoutingSettings {
  /** `expected_value`: by the money that is expected after fees; the weights are not looked at. */
  readonly strategy: (typeof STRATEGIES)[number];
  readonly weights: RoutingWeights;
  /** What a sale is worth to whoever sells, as a share of its amount; what a fee is weighed against. */
  readonly marginBps: number;
  /** Orders are compared with orders of about the same amount: the bounds between the bands, in minor units, rising. */
  readonly bandEdgesMinor: readonly number[];
  /** At most this share of payments may go to a channel other than the best, to learn. 0 to 1. */
  readonly explorationShare: number;
  /** The admin's rules in the file's order; absent: none. */
  readonly rules?: readonly RoutingRule[];
}

/** What routing believes of one channel and segment at a moment. */
export interface Estimate {
  /** Share of calls that technically work, 0 to 1. */
  readonly technicalRatio: number;
  /** Share of handed-out orders that are paid in the end, 0 to 1. */
  readonly paymentRatio: number;
  /** How many orders of this method the payment ratio rests on (those that are young count in part, so not whole). */
  readonly sampleSize: number;
  readonly latencyMs: number;
  /** What a failed call costs the buyer in time. */
  readonly lostMs: number;
  /** Orders that the channel was given of this method, and when the last one. */
  readonly opened: number;
  readonly openedAt: EpochMs;
  /** Since when its orders have not been paid as they should, all of a sudden; null in normal times. And whether that seems to be over. */
  readonly lowSince: EpochMs | null;
  readonly hopeful: boolean;
}

/** The volume by which the fee tiers of a channel go. */
export interface TierVolume {
  /** What was paid over it in the period so far. */
  readonly paidMinor: number;
  /** What would be paid in the rest of the period; null as long as that cannot be told. */
  readonly aheadMinor: number | null;
}

/** One channel as it is now. */
export interface ChannelView {
  readonly profile: ChannelProfile;
  readonly estimate: (segment: Segment) => Estimate;
  /** Whether it takes orders of this scene only with the buyer's IP address. */
  readonly needsBuyerIp: (scene: Scene) => boolean;
  /** The breaker of the method it would use is not closed. */
  readonly breakerOpen: boolean;
  /** Its breaker is open, and one small payment may show whether it is back. */
  readonly trialDue: boolean;
  /** An operator has to mend it first; it is tried in no emergency. */
  readonly outOfService: boolean;
  /** The provider asked us to slow down, or its quota is used up. */
  readonly coolingDown: boolean;
  readonly quotaUsedUp: boolean;
  /** What is paid or may yet be paid of the orders of its day, in the payment's currency. */
  readonly usedTodayMinor: number;
  readonly startedThisMinute: number;
  /** What its fee tiers go by, in the payment's currency; absent: it has none. */
  readonly tiers?: TierVolume;
  /** What its daily limit is worth to later payments, as a share of its score: see limit-price.ts; absent: it has none. */
  readonly limitPrice?: number;
}

/** What has to be routed. */
export interface RoutingRequest {
  readonly amount: Money;
  readonly methods: readonly string[];
  readonly scene: Scene;
  /** Whether the shop told us the buyer's IP address. */
  readonly buyerIpKnown: boolean;
  readonly pinnedChannelId: string | null;
  /** The channels that this merchant may use. */
  readonly merchantChannels: 'all' | readonly string[];
  /** Channels that were tried for this payment already. */
  readonly triedChannelIds: readonly string[];
  /** The rules that hold for this payment, as `holdingRules` finds them; absent: none. */
  readonly rules?: readonly RoutingRule[];
}

/** What keeps a channel out of one choice. */
export type Exclusion = Pick<Candidate, 'channelId' | 'method' | 'excluded' | 'rule'>;

/** The channels judged for one request. */
export interface Ranking {
  readonly decidedAt: EpochMs;
  /** The eligible ones best first, then the excluded ones; where there are many, those that matter. */
  readonly candidates: readonly Candidate[];
  /** How many channels are not among the candidates. */
  readonly omitted: number;
  /** Every channel that is excluded, in no order. */
  readonly exclusions: readonly Exclusion[];
  /** The channel to use now with its method; null when every channel is excluded. */
  readonly choice: Choice | null;
}

export interface Choice {
  readonly channelId: string;
  readonly method: string;
  readonly decision: Decision;
  /** What is learnt of it once the payment really goes there. */
  readonly noted: Noted;
}

/** A payment that a channel would get if the bounds of its contract were no matter: what tiers and limits may expect more of. */
export interface Wanted {
  readonly channelId: string;
  readonly currency: string;
  /** The amount times the chance that it is paid. */
  readonly minor: number;
  /** Of a daily limit: by how much the channel is better than the next one, as a share of its score. Null: of fee tiers. */
  readonly lead: number | null;
}

export interface Noted {
  readonly segment: Segment;
  readonly leader: string;
  /** Whether it has taken the lead by its score from a channel that is hardly worse. */
  readonly isClose: boolean;
  /** What the leader was expected to bring, in minor units. */
  readonly bestMinor: number;
  /** By how much less the chosen one is expected to bring; null when nothing was explored. */
  readonly costMinor: number | null;
  readonly wanted: readonly Wanted[];
}

/** The band of an amount: 0 below the first edge. */
export function bandOf(amountMinor: number, edgesMinor: readonly number[]): number {
  let band = 0;
  while (band < edgesMinor.length && amountMinor >= (edgesMinor[band] ?? 0)) band += 1;
  return band;
}
