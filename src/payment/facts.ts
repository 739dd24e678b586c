import type { Action, AttemptBinding, AttemptError, EpochMs, ObservedBy } from './document.ts';
import type { Money } from './money.ts';

/**
 * What a channel says of one order, in our words.
 * `absent`: the provider knows no such order. `unclear`: a word that we do not know; it settles nothing.
 */
export type ObservedState = 'open' | 'succeeded' | 'failed' | 'closed' | 'absent' | 'unclear';

export interface Observation {
  readonly state: ObservedState;
  /** Null where the provider does not repeat them; a success must name all three (I5, I12). */
  readonly account: string | null;
  readonly amount: Money | null;
  readonly channelTradeNo: string | null;
  readonly paidAt: EpochMs | null;
  /** The buyer's last declined try on an order that is still open, or the reason of a failure. */
  readonly error: AttemptError | null;
}

/** "No such order", from an answer that says nothing else. */
export const ABSENT: Observation = {
  state: 'absent',
  account: null,
  amount: null,
  channelTradeNo: null,
  paidAt: null,
  error: null,
};

/** Everything that can happen to a payment. `apply` turns a payment and a fact into the next payment. */
export type Fact =
  /** We are about to ask a channel. Refused while another attempt could still be handed to the buyer (I7). */
  | { readonly type: 'attempt_started'; readonly attempt: AttemptBinding }
  | {
      readonly type: 'attempt_opened';
      readonly seq: number;
      readonly action: Action;
      readonly channelTradeNo: string | null;
      readonly latencyMs: number;
    }
  /** The channel certainly holds no payable order. `endsPayment`: a refusal that no other channel would mend. */
  | {
      readonly type: 'attempt_refused';
      readonly seq: number;
      readonly error: AttemptError;
      readonly latencyMs: number;
      readonly endsPayment: boolean;
    }
  /** Asked, but no readable answer: an order may exist there. */
  | {
      readonly type: 'attempt_lost';
      readonly seq: number;
      readonly error: AttemptError;
      readonly latencyMs: number | null;
    }
  | { readonly type: 'observed'; readonly seq: number; readonly by: ObservedBy; readonly observation: Observation }
  /** A query or close got no information; only the next try is planned. */
  | { readonly type: 'asked_in_vain'; readonly seq: number; readonly by: 'query' | 'close' }
  /** A callback that could not be verified, or the merchant's sync, brings the next query forward. */
  | { readonly type: 'query_wanted'; readonly seq: number }
  | { readonly type: 'close_requested'; readonly by: 'merchant' | 'expiry' }
  /** `tryNo` counts deliveries of this event from 1, so that the same news counts once. */
  | { readonly type: 'event_sent'; readonly eventId: string; readonly tryNo: number; readonly delivered: boolean }
  | { readonly type: 'redelivery_requested'; readonly eventId: string }
  | { readonly type: 'fulfilled' };

export type AnomalyKind =
  | 'late_success'
  | 'surplus_payment'
  | 'amount_mismatch'
  | 'currency_mismatch'
  | 'account_mismatch'
  | 'incomplete_success'
  | 'second_trade_number'
  | 'unresolved_at_provider';

export type IgnoredReason = 'repeat' | 'already_resolved' | 'late_answer' | 'no_news' | 'already_ended';
export type RejectedReason =
  | AnomalyKind
  | 'unknown_attempt'
  | 'unknown_event'
  | 'live_attempt'
  | 'attempt_limit'
  | 'already_ended'
  | 'wrong_sequence'
  | 'already_paid';
