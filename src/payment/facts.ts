import type { Action, AttemptBinding, AttemptError, EpochMs, ObservedBy, Quote } from './document.ts';
import type { Money } from './money.ts';

/**
 * What a channel says of one order, in our words.
 * `approved`: the buyer has agreed, and money moves only once we capture it. `absent`: the provider knows no such order.
 * `unclear`: a word that we do not know; it settles nothing.
 */
export type ObservedState = 'open' | 'approved' | 'succeeded' | 'failed' | 'closed' | 'absent' | 'unclear';

export interface Observation {
  readonly state: ObservedState;
  /** Null where the provider does not repeat them; a success must name all three (I5, I12). */
  readonly account: string | null;
  readonly amount: Money | null;
  /** What the buyer has sent, or has to send, where the order has a quote. */
  readonly quoted?: Money;
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

/**
 * What a channel says of one refund. `pending`: it has the refund and will decide. `absent`: it knows no such refund, so the
 * refund may be sent (again). `failed`: it has refused or reversed the refund, and no money moves or it has come back.
 */
export type RefundState = 'pending' | 'succeeded' | 'failed' | 'absent' | 'unclear';

export interface RefundObservation {
  readonly state: RefundState;
  /** Null where the provider does not repeat them. */
  readonly account: string | null;
  /** Of this refund alone; null where the provider only tells sums. */
  readonly amount: Money | null;
  readonly channelRefundNo: string | null;
  readonly refundedAt: EpochMs | null;
  /** Why it failed. */
  readonly error: AttemptError | null;
}

/** "No such refund", from an answer that says nothing else. */
export const REFUND_ABSENT: RefundObservation = {
  state: 'absent',
  account: null,
  amount: null,
  channelRefundNo: null,
  refundedAt: null,
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
      readonly quote?: Quote;
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
  /** The buyer wants another way to pay: from now on this one is not shown, and its order has to disappear (I7). */
  | { readonly type: 'attempt_given_up'; readonly seq: number }
  /** `askedAt`: when the question was put, since its answer may be as old as that; absent, it is as new as the fact. */
  | {
      readonly type: 'observed';
      readonly seq: number;
      readonly by: ObservedBy;
      readonly observation: Observation;
      readonly askedAt?: EpochMs;
    }
  /** A query or close got no information; only the next try is planned. */
  | { readonly type: 'asked_in_vain'; readonly seq: number; readonly by: 'query' | 'close' }
  /** A callback that could not be believed brings the next query forward. */
  | { readonly type: 'query_wanted'; readonly seq: number }
  /**
   * We are about to capture an approved order. Refused unless the buyer may still pay it: an order that is being given up is not
   * captured, and one that is being captured is not given up until the capture's end is known.
   */
  | { readonly type: 'capture_begun'; readonly seq: number }
  /** The channel or the shop has no room for one more request now. It counts as no try. */
  | { readonly type: 'postponed'; readonly duty: PostponedDuty; readonly until: EpochMs }
  /** The clock was ahead when this payment was planned, and has been set back since. */
  | { readonly type: 'clock_set_back' }
  | { readonly type: 'close_requested'; readonly by: 'merchant' | 'expiry' }
  /** `tryNo` counts deliveries of this event from 1, so that the same news counts once. */
  | { readonly type: 'event_sent'; readonly eventId: string; readonly tryNo: number; readonly delivered: boolean }
  | { readonly type: 'redelivery_requested'; readonly eventId: string }
  /** The shop's order has been paid by another payment, or is for something else by now: this one takes no effect any more. */
  | { readonly type: 'overtaken' }
  | { readonly type: 'fulfilled' }
  /** The merchant wants money returned; `amountMinor` null means all that is left. */
  | {
      readonly type: 'refund_requested';
      readonly merchantRefundNo: string;
      readonly requestHash: string;
      readonly amountMinor: number | null;
      readonly reason: string | null;
    }
  /** Something that a channel said of one refund. `refund` is the answer to our sending it. */
  | {
      readonly type: 'refund_observed';
      readonly refundSeq: number;
      readonly by: 'refund' | 'query' | 'callback';
      readonly observation: RefundObservation;
    }
  /** The channel will certainly not make this refund. */
  | { readonly type: 'refund_refused'; readonly refundSeq: number; readonly error: AttemptError }
  /** Sending or asking settled nothing; only the next try is planned. `error` says what stood in the way. */
  | { readonly type: 'refund_asked_in_vain'; readonly refundSeq: number; readonly error: AttemptError | null }
  /** An automatic refund failed a while ago: the next one is made. */
  | { readonly type: 'refund_due_again'; readonly seq: number }
  /** A person decides what becomes of money that is held: it counts, or it goes back. */
  | { readonly type: 'money_disposed'; readonly seq: number; readonly disposition: 'keep' | 'refund' }
  /**
   * A person has sent money that was held, or owed in vain, back by other means than a refund of ours. `reference` is what proves it:
   * a transfer's number.
   */
  | { readonly type: 'money_returned'; readonly seq: number; readonly reference: string }
  /** Money is still held; somebody has been told again. */
  | { readonly type: 'reminded' };

export type PostponedDuty =
  | { readonly kind: 'query'; readonly seq: number }
  | { readonly kind: 'notify'; readonly eventId: string };

export type AnomalyKind =
  | 'late_success'
  | 'surplus_payment'
  | 'amount_mismatch'
  | 'currency_mismatch'
  | 'account_mismatch'
  | 'incomplete_success'
  | 'second_trade_number'
  | 'unresolved_at_provider'
  | 'money_held'
  | 'refund_failed'
  | 'refund_reversed'
  | 'refund_unresolved'
  /** The provider has or has made a refund that counted as failed: its money may go back twice. */
  | 'refund_contradicted'
  | 'refund_mismatch';

export type IgnoredReason = 'repeat' | 'already_resolved' | 'late_answer' | 'no_news' | 'already_ended';
export type RejectedReason =
  | AnomalyKind
  | 'unknown_attempt'
  | 'unknown_event'
  | 'live_attempt'
  | 'attempt_limit'
  | 'already_ended'
  | 'wrong_sequence'
  | 'already_paid'
  | 'unknown_refund'
  | 'not_paid'
  | 'refund_exceeds_amount'
  | 'refund_conflict'
  | 'refund_limit'
  | 'nothing_held'
  | 'refund_made';
