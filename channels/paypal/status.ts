import type { Observation, ObservedState, RefundObservation, RefundState } from '../../src/payment/index.ts';
import { fromPayPalAmount } from './amounts.ts';
import { type Capture, type Order, type Refund, unitOf } from './objects.ts';

/** @see https://developer.paypal.com/docs/api/orders/v2/ — `status` of an order from which nothing has been captured */
const STATE_BY_ORDER_STATUS: ReadonlyMap<string, ObservedState> = new Map([
  ['CREATED', 'open'],
  ['SAVED', 'open'],
  ['PAYER_ACTION_REQUIRED', 'open'],
  ['APPROVED', 'approved'],
  ['VOIDED', 'closed'],
]);

/** @see https://developer.paypal.com/docs/api/payments/v2/ — `status` of a capture */
const STATE_BY_CAPTURE_STATUS: ReadonlyMap<string, ObservedState> = new Map([
  ['COMPLETED', 'succeeded'],
  // The money has come, and has gone back since.
  ['PARTIALLY_REFUNDED', 'succeeded'],
  ['REFUNDED', 'succeeded'],
  // A review or an eCheck: taken, and not there yet.
  ['PENDING', 'open'],
  ['DECLINED', 'failed'],
  ['FAILED', 'failed'],
  // Charged back. A payment that has succeeded stays so; one that waited for its money will not get it.
  ['REVERSED', 'failed'],
]);

/** @see https://developer.paypal.com/docs/api/payments/v2/ — `status` of a refund */
const STATE_BY_REFUND_STATUS: ReadonlyMap<string, RefundState> = new Map([
  ['PENDING', 'pending'],
  ['COMPLETED', 'succeeded'],
  ['FAILED', 'failed'],
  ['CANCELLED', 'failed'],
]);

/** What PayPal says of an order. Its trade number is always the order's: only by that it can be asked for. */
export function observeOrder(order: Order): Observation {
  const unit = unitOf(order);
  const account = unit?.payee?.merchant_id ?? null;
  const capture = tellingCapture(order);
  if (capture !== null) return observeCapture(capture, { orderId: order.id, account });
  return {
    state: STATE_BY_ORDER_STATUS.get(order.status) ?? 'unclear',
    account,
    amount: fromPayPalAmount(unit?.amount),
    channelTradeNo: order.id,
    paidAt: null,
    error: null,
  };
}

/** What PayPal says of the capture of an order. */
export function observeCapture(
  capture: Capture,
  { orderId, account }: { readonly orderId: string | null; readonly account: string | null },
): Observation {
  const state = STATE_BY_CAPTURE_STATUS.get(capture.status) ?? 'unclear';
  const providerCode = capture.status_details?.reason ?? capture.status;
  return {
    state,
    account,
    amount: fromPayPalAmount(capture.amount),
    channelTradeNo: orderId,
    paidAt: state === 'succeeded' ? timeOf(capture.create_time) : null,
    error: state === 'failed' ? { kind: 'DECLINED', providerCode } : null,
  };
}

/** `account` stands in where PayPal does not repeat whose refund it is. */
export function observeRefund(refund: Refund, account: string): RefundObservation {
  const state = STATE_BY_REFUND_STATUS.get(refund.status) ?? 'unclear';
  const providerCode = refund.status_details?.reason ?? refund.status;
  return {
    state,
    account: refund.payer?.merchant_id ?? account,
    amount: fromPayPalAmount(refund.amount),
    channelRefundNo: refund.id,
    refundedAt: state === 'succeeded' ? timeOf(refund.update_time ?? refund.create_time) : null,
    error: state === 'failed' ? { kind: 'DECLINED', providerCode } : null,
  };
}

/** The one that took the money, else one that may, else the last that did not; null when nothing was ever captured. */
export function tellingCapture(order: Order): Capture | null {
  const captures = unitOf(order)?.payments?.captures ?? [];
  const is = (state: ObservedState) => (one: Capture) => STATE_BY_CAPTURE_STATUS.get(one.status) === state;
  return captures.find(is('succeeded')) ?? captures.find(is('open')) ?? captures.at(-1) ?? null;
}

function timeOf(text: string | undefined): number | null {
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
