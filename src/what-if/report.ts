/** A figure under the live and the proposed configuration. The difference is of the figures as they stand here, so it always adds up. */
export interface Compared<T = number> {
  readonly live: T;
  readonly proposed: T;
  readonly difference: T;
}

/** Expected, in minor units, each rounded once at the end. */
export interface MoneyFigures {
  readonly captured: number;
  readonly fees: number;
  readonly after_fees: number;
}

/** Counts are expected ones (sums of probabilities, two decimals), but for whole first choices and refusals. */
export interface ChannelFigures {
  readonly first_choices: number;
  /** Of all payments that were routed, 0 to 1. */
  readonly share: number;
  readonly failovers: number;
  readonly succeeded: number;
  /** Of its calls that opened an order, 0 to 1; null without any. */
  readonly success_ratio: number | null;
  /** Mean of the calls that opened an order; null without any. */
  readonly latency_ms: number | null;
}

export interface TotalFigures {
  readonly payments: number;
  /** No channel could be asked. */
  readonly refused: number;
  /** All channels that were asked failed technically. */
  readonly exhausted: number;
  /** The provider said no. */
  readonly rejected: number;
  readonly opened: number;
  readonly succeeded: number;
  /** Of all payments, 0 to 1. */
  readonly success_ratio: number;
  readonly failovers: number;
  /** Until the buyer can pay, with the time lost on failed tries; null without any. */
  readonly wait_ms: number | null;
}

export type CurrencyMoney = { readonly currency: string } & Compared<MoneyFigures>;

export interface ChannelReport extends Compared<ChannelFigures> {
  readonly channel: string;
  readonly evidence: {
    readonly basis: 'recorded' | 'scenario' | 'assumed';
    readonly calls: number;
    readonly orders: number;
    /** For a person: "n 14: a guess". */
    readonly words: string;
  };
  readonly money: readonly CurrencyMoney[];
}

export interface Counted extends Compared {
  readonly reason: string;
}

export type TrafficSource =
  | {
      readonly kind: 'recorded';
      /** RFC 3339; payments created from the first on and before the second. */
      readonly from: string;
      readonly to: string;
      /** That many are recorded, so many of them were routed again: every n-th. */
      readonly recorded: number;
      readonly payments: number;
      readonly every: number;
      /** Payments from before the period that the routers learnt from; they are in no figure. */
      readonly warm_up: number;
    }
  | { readonly kind: 'scenario'; readonly name: string; readonly duration_s: number; readonly payments: number };

/** What really became of the recorded payments that were routed again. */
export interface RecordedFigures {
  readonly payments: number;
  readonly succeeded: number;
  /** Their buyers could still pay. */
  readonly pending: number;
  /** Those whose time to pay is over: the only ones whose share of success means something, since who pays fast is known first. */
  readonly expired: { readonly payments: number; readonly succeeded: number };
  readonly channels: readonly {
    readonly channel: string;
    readonly first_choices: number;
    readonly succeeded: number;
  }[];
  readonly money: readonly ({ readonly currency: string } & MoneyFigures)[];
}

/** The answer of `switchyard simulate --json` and of the dry run. Fields are added, never changed. */
export interface WhatIfReport {
  readonly object: 'what_if';
  readonly version: 1;
  readonly headline: string;
  readonly seed: number;
  readonly traffic: TrafficSource;
  readonly totals: Compared<TotalFigures>;
  readonly money: readonly CurrencyMoney[];
  readonly channels: readonly ChannelReport[];
  readonly refused: readonly Counted[];
  readonly exclusions: readonly ({ readonly channel: string } & Counted)[];
  /** Why first choices were made: best score, exploration, pinned, a rule. */
  readonly reasons: readonly Counted[];
  readonly recorded: RecordedFigures | null;
  /** What has to be known before anything above is believed. */
  readonly notes: readonly string[];
}
