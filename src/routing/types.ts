import type { Candidate, Decision, EpochMs, FeeSchedule, Money, Scene } from '../payment/index.ts';
import type { Pacing } from './pacing.ts';
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

export interface RoutingSettings {
  readonly weights: RoutingWeights;
  /** At most this share of payments may go to a channel other than the best, to learn. 0 to 1. */
  readonly explorationShare: number;
  /** The admin's rules in the file's order; absent: none. */
  readonly rules?: readonly RoutingRule[];
}

/** What routing believes of one channel and method at a moment. */
export interface Estimate {
  /** Share of calls that technically worked, 0 to 1. */
  readonly technicalRatio: number;
  /** Share of handed-out orders that were paid, 0 to 1. */
  readonly paymentRatio: number;
  /** How many outcomes these rest on (decayed, so not whole). */
  readonly sampleSize: number;
  readonly latencyMs: number;
}

/** One channel as it is now. */
export interface ChannelView {
  readonly profile: ChannelProfile;
  readonly estimate: (method: string) => Estimate;
  /** Whether it takes orders of this scene only with the buyer's IP address. */
  readonly needsBuyerIp: (scene: Scene) => boolean;
  readonly breakerOpen: boolean;
  /** The provider asked us to slow down, or its quota is used up. */
  readonly coolingDown: boolean;
  /** What is paid or may yet be paid of the orders of its day, in the payment's currency. */
  readonly usedTodayMinor: number;
  readonly startedThisMinute: number;
  /** What was paid over it in the period of its fee tiers, in the payment's currency; absent: it has none. */
  readonly paidInPeriodMinor?: number;
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

/** All channels judged for one request: the eligible ones best first, then the excluded ones. */
export interface Ranking {
  readonly decidedAt: EpochMs;
  readonly candidates: readonly Candidate[];
  /** The channel to use now with its method; null when every channel is excluded. */
  readonly choice: { readonly channelId: string; readonly method: string; readonly decision: Decision } | null;
}
