import type { EpochMs } from '../payment/index.ts';
import type { GateSettings } from './breaker-rule.ts';
import type { CallTicket } from './call-record.ts';
import { createExploration, type Exploration } from './exploration.ts';
import { createLimitPrices, type LimitPrices } from './limit-price.ts';
import type { Segment } from './paid-share.ts';
import { createPaymentStage, type PaymentStage } from './payment-stage.ts';
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';
import { createTechnicalStage, type TechnicalStage } from './technical-stage.ts';
import { createThrottle, type Throttle } from './throttle.ts';
import { createOutlook, type Outlook } from './tier-outlook.ts';
import type { Estimate, Noted, Wanted } from './types.ts';

export interface StatisticsOptions {
  /** Asked at every call, so that a reloaded configuration holds from the next call on. */
  readonly settingsOf: (channelId: string) => GateSettings;
  /** Hears when the breaker of `create` opens or closes for a method of the channel. */
  readonly onChange?: (channelId: string, state: 'open' | 'closed', method: string) => void;
}

/** How a call that creates an order ended, as far as routing cares. `refused`: it answered, and it was not the channel's fault. */
export type CallOutcome = 'ok' | 'failed' | 'refused' | 'rate_limit' | 'quota';

/** What routing learns from, in one hand. It holds no clock and no chance: every call says when it happens. */
export interface Statistics {
  readonly payments: PaymentStage;
  readonly technical: TechnicalStage;
  readonly throttle: Throttle;
  readonly exploration: Exploration;
  readonly retries: RetryBudget;
  readonly outlook: Outlook;
  readonly prices: LimitPrices;
  /**
   * A payment goes where it was decided for its first try.
   * @param share of payments that may be explored with
   */
  decided(amountMinor: number, noted: Noted, share: number, now: EpochMs): void;
  /** What a payment has shown of fee tiers and limits; part of `decided`. */
  wanted(one: Wanted, now: EpochMs): void;
  /** A call that creates an order begins; tell how it ends with `callEnded`. */
  callStarted(channelId: string, method: string, now: EpochMs): CallTicket;
  callEnded(ticket: CallTicket, outcome: CallOutcome, now: EpochMs, latencyMs?: number): void;
  estimate(channelId: string, segment: Segment, now: EpochMs): Estimate;
  /** What a restart must not forget, as text. */
  snapshot(now: EpochMs): string;
  /** Takes an earlier snapshot up again; answers why not, or null. */
  restore(text: string, now: EpochMs): 'damaged' | 'too_old' | null;
  /** Drops what is known of a channel that is gone. */
  forget(channelId: string): void;
}

export function createStatistics({ settingsOf, onChange }: StatisticsOptions): Statistics {
  const payments = createPaymentStage();
  const throttle = createThrottle();
  const exploration = createExploration();
  const technical = createTechnicalStage(settingsOf, exploration.paymentsMs, onChange, payments.paceChanged);
  const retries = createRetryBudget();
  const outlook = createOutlook();
  const prices = createLimitPrices();

  function wanted(one: Wanted, now: EpochMs): void {
    if (one.lead === null) outlook.wanted(one, now);
    else prices.wanted(one, one.lead, now);
  }

  return {
    payments,
    technical,
    throttle,
    exploration,
    retries,
    outlook,
    prices,
    wanted,

    decided: (amountMinor, noted, share, now) => {
      exploration.decided({ segment: noted.segment, amountMinor, now }, { ...noted, share });
      retries.firstTry(now);
      for (const one of noted.wanted) wanted(one, now);
    },

    callStarted: (channelId, method, now) => {
      throttle.started(channelId, now);
      payments.begun(channelId, method, now);
      return technical.callStarted(channelId, method, now);
    },

    callEnded: (ticket, outcome, now, latencyMs) => {
      const { channelId } = ticket;
      if (outcome === 'ok') throttle.accepted(channelId, now);
      if (outcome === 'rate_limit' || outcome === 'quota') throttle.refused(channelId, outcome, now);
      const technically = outcome === 'ok' || outcome === 'failed' ? outcome : 'refused';
      technical.callEnded(ticket, technically, now, latencyMs);
    },

    estimate: (channelId, segment, now) => {
      const calls = technical.estimate(channelId, segment.method, now);
      return payments.estimateWith(calls, channelId, segment, now);
    },

    snapshot: (now) => writeSnapshot({ payments, technical, outlook, prices }, now),
    restore: (text, now) => readSnapshot({ payments, technical, outlook, prices }, text, now),

    forget: (channelId) => {
      payments.forget(channelId);
      technical.forget(channelId);
      throttle.forget(channelId);
      outlook.forget(channelId);
      prices.forget(channelId);
    },
  };
}
