import { type EpochMs, isHeld, type Payment, type PaymentStatus } from '../payment/index.ts';

/** What one payment adds to `StoreCounts`; kept beside the document so that nobody has to count documents. */
export interface GaugeShare {
  readonly unknown: 0 | 1;
  readonly undelivered: 0 | 1;
  /** Events that the merchant still has to be told. */
  readonly webhooks: number;
  readonly oldestWebhookAt: EpochMs | null;
  /** Events that were given up. */
  readonly deadEvents: number;
  /** Refunds whose outcome is not known yet. */
  readonly refundsPending: number;
  /** Whether a person has to decide about money of this payment. */
  readonly held: 0 | 1;
}

/** A refunded payment owes the buyer nothing any more, so it does not wait for a delivery. */
const OWES_GOODS: ReadonlySet<PaymentStatus> = new Set(['succeeded', 'partially_refunded', 'disputed']);

export function gaugeShareOf(payment: Payment): GaugeShare {
  const pending = payment.events.filter((event) => event.delivery.state === 'pending');
  return {
    unknown: payment.attempts.some((attempt) => attempt.status === 'unknown') ? 1 : 0,
    undelivered: OWES_GOODS.has(payment.status) && payment.fulfilment === 'none' ? 1 : 0,
    webhooks: pending.length,
    oldestWebhookAt: pending.length === 0 ? null : Math.min(...pending.map((event) => event.at)),
    deadEvents: payment.events.filter((event) => event.delivery.state === 'dead').length,
    refundsPending: payment.refunds.filter((refund) => refund.status === 'pending').length,
    held: payment.attempts.some(isHeld) ? 1 : 0,
  };
}
