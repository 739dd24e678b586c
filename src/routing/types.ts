import type { Candidate, Decision, EpochMs, FeeSchedule, Money, Scene } from '../payment/index.ts';

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
  };
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
  readonly usedTodayMinor: number;
  readonly startedThisMinute: number;
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
}

/** All channels judged for one request: the eligible ones best first, then the excluded ones. */
export interface Ranking {
  readonly decidedAt: EpochMs;
  readonly candidates: readonly Candidate[];
  /** The channel to use now with its method; null when every channel is excluded. */
  readonly choice: { readonly channelId: string; readonly method: string; readonly decision: Decision } | null;
}
