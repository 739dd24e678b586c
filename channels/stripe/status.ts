import type { Observation, ObservedState, RefundObservation, RefundState } from '../../src/payment/index.ts';
import { fromStripeAmount } from './amounts.ts';
import { toAttemptError, toRefundError } from './errors.ts';
import type { Intent, Refund, Session } from './objects.ts';

/** @see https://docs.stripe.com/payments/paymentintents/lifecycle — `failed` is no word of Stripe's: a declined order stays open. */
const STATE_BY_INTENT_STATUS: ReadonlyMap<string, ObservedState> = new Map([
  ['requires_payment_method', 'open'],
  ['requires_confirmation', 'open'],
  ['requires_action', 'open'],
  ['processing', 'open'],
  ['requires_capture', 'open'],
  ['succeeded', 'succeeded'],
  ['canceled', 'closed'],
]);

/** @see https://docs.stripe.com/api/checkout/sessions/object — `status`, and for a complete Session `payment_status` */
const STATE_BY_SESSION: ReadonlyMap<string, ObservedState> = new Map([
  ['open/unpaid', 'open'],
  ['complete/paid', 'succeeded'],
  ['complete/no_payment_required', 'succeeded'],
  // A delayed method: the buyer is done, the money is on its way.
  ['complete/unpaid', 'open'],
  ['expired/unpaid', 'closed'],
]);

/** @see https://docs.stripe.com/api/refunds/object — `status` */
const STATE_BY_REFUND_STATUS: ReadonlyMap<string, RefundState> = new Map([
  ['pending', 'pending'],
  // The buyer has to say where the money shall go.
  ['requires_action', 'pending'],
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
]);

/** What Stripe says of a PaymentIntent that we made ourselves. */
export function observeIntent(intent: Intent, account: string): Observation {
  const state = STATE_BY_INTENT_STATUS.get(intent.status) ?? 'unclear';
  const { currency, latest_charge: charge } = intent;
  const amount = state === 'succeeded' ? intent.amount_received : intent.amount;
  return {
    state,
    account,
    amount: fromStripeAmount({ amount, currency }),
    channelTradeNo: intent.id,
    paidAt: state === 'succeeded' && typeof charge === 'object' && charge !== null ? charge.created * 1_000 : null,
    error: state !== 'succeeded' && intent.last_payment_error ? toAttemptError(intent.last_payment_error) : null,
  };
}

/**
 * What Stripe says of a Checkout Session. Until it is paid its trade number is the Session's id, which is what can be asked
 * for and closed; a success is named by its PaymentIntent, so that both events of a payment and every query name the same.
 */
export function observeSession(session: Session, account: string): Observation {
  const intent = typeof session.payment_intent === 'object' ? session.payment_intent : null;
  // Money that has arrived counts whatever the Session says, and an expired one may have left a payment under way.
  if (intent?.status === 'succeeded') return observeIntent(intent, account);
  if (session.status === 'expired' && intent?.status === 'processing') {
    return { ...observeIntent(intent, account), channelTradeNo: session.id };
  }
  // An event does not say how the PaymentIntent of an expired Session ended; the next query does.
  const isHalfTold = session.status === 'expired' && typeof session.payment_intent === 'string';
  const told = STATE_BY_SESSION.get(`${session.status}/${session.payment_status}`);
  const state = told === undefined || isHalfTold ? 'unclear' : told;
  const { amount_total: amount, currency } = session;
  const intentId = intent?.id ?? (typeof session.payment_intent === 'string' ? session.payment_intent : null);
  return {
    state,
    account,
    amount: amount === null || currency === null ? null : fromStripeAmount({ amount, currency }),
    channelTradeNo: state === 'succeeded' ? intentId : session.id,
    paidAt: null,
    error: state !== 'succeeded' && intent?.last_payment_error ? toAttemptError(intent.last_payment_error) : null,
  };
}

/**
 * What Stripe says of a refund. It tells when a refund was made, not when it succeeded; for cards that is the same. A refund
 * that waits for money in our own account says so, since somebody has to pay in.
 */
export function observeRefund(refund: Refund, account: string): RefundObservation {
  const { amount, currency } = refund;
  const state = STATE_BY_REFUND_STATUS.get(refund.status ?? '') ?? 'unclear';
  return {
    state,
    account,
    amount: fromStripeAmount({ amount, currency }),
    channelRefundNo: refund.id,
    refundedAt: state === 'succeeded' ? refund.created * 1_000 : null,
    error: toRefundError(state, refund),
  };
}
