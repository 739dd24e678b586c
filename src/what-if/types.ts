import type { EpochMs, Money, Scene } from '../payment/index.ts';
import type { BreakerSettings, ChannelProfile, RoutingSettings } from '../routing/index.ts';

type Metadata = Readonly<Record<string, string>>;

/** One payment to be routed again. */
export interface Order {
  /** Every draw about this payment hangs on it, under both configurations: 32 bits of its id. */
  readonly key: number;
  readonly at: EpochMs;
  readonly amount: Money;
  readonly methods: readonly string[];
  readonly scene: Scene;
  readonly buyerIpKnown: boolean;
  readonly pinnedChannelId: string | null;
  /** Null in a made-up world: a merchant who may do everything. */
  readonly merchantId: string | null;
  readonly expiresInMs: number;
  /** What else the shop said, for the admin's rules. */
  readonly said: { readonly country: string | null; readonly subject: string; readonly metadata: Metadata };
  /** What really became of it, try by try; empty in a made-up world. */
  readonly tries: readonly Try[];
}

/** One try of a recorded payment. */
export interface Try {
  readonly channelId: string;
  readonly method: string;
  readonly at: EpochMs;
  /** `failed`: another channel had to be asked. `refused`: another would not have helped. Null: nobody knows yet. */
  readonly answer: 'opened' | 'failed' | 'refused' | null;
  readonly latencyMs: number | null;
  readonly feeMinor: number | null;
  /** How an opened order ended; null while its buyer may still pay. */
  readonly outcome: 'paid' | 'unpaid' | null;
  /** From the channel's answer to the moment when the end was known; null without one. */
  readonly endedAfterMs: number | null;
}

/** A glance of a recorded decision at a channel: whether it was shut out for technical failures then. */
export interface Sighting {
  readonly channelId: string;
  readonly at: EpochMs;
  readonly isShut: boolean;
}

/** What a configuration says, as far as the routing of payments goes. */
export interface Setup {
  readonly routing: RoutingSettings;
  readonly failover: { readonly maxAttempts: number; readonly budgetMs: number };
  readonly channels: readonly SetupChannel[];
  /** Undefined: no such merchant. */
  readonly merchantOf: (merchantId: string) => SetupMerchant | undefined;
}

export interface SetupChannel {
  readonly profile: ChannelProfile;
  readonly providerId: string;
  readonly breaker: BreakerSettings;
}

export interface SetupMerchant {
  readonly channels: 'all' | readonly string[];
  readonly maxAmountMinor: number | null;
}

/** What a channel does at a moment with an order of one method; shares are 0 to 1. */
export interface Behaviour {
  /** Of the calls: technical failures, after which another channel is asked. */
  readonly failure: number;
  /** Of the calls that worked: orders that the provider refused. */
  readonly refusal: number;
  /** Of the orders handed out: those that are paid. */
  readonly paid: number;
  /** Mean of the calls that worked, and of those that failed. */
  readonly latencyMs: number;
  readonly failureLatencyMs: number;
  /** Mean, from the order to the payment. */
  readonly paidAfterMs: number;
}

/** What the picture of a channel rests on. */
export interface Evidence {
  /** Recorded calls, and recorded orders whose end is known. Both 0 where nothing was recorded. */
  readonly calls: number;
  readonly orders: number;
  /** `scenario`: as the scenario says. `assumed`: the scenario says nothing of this channel. */
  readonly basis: 'recorded' | 'scenario' | 'assumed';
}

/** How channels behave over time: learnt from what was recorded, or made up by a scenario. */
export interface World {
  behaviour(channelId: string, method: string, at: EpochMs): Behaviour;
  evidence(channelId: string): Evidence;
  needsBuyerIp(providerId: string, scene: Scene): boolean;
}
