import {
  CHANNEL_ERROR_KINDS,
  type ChannelError,
  channelError,
  type RefundRef,
  type RefundRequest,
} from '../../src/channel/index.ts';
import { err, ok, REFUND_ABSENT, type RefundObservation, type Result } from '../../src/payment/index.ts';
import { fromPayPalAmount, type PayPalAmount, toPayPalAmount } from './amounts.ts';
import type { PayPalClient } from './client.ts';
import type { PayPalConfig } from './config.ts';
import { unreadable } from './errors.ts';
import { type Order, type Refund, refundSchema, unitOf } from './objects.ts';
import { findOrder } from './query.ts';
import { observeCapture, observeRefund, tellingCapture } from './status.ts';

type Said = Result<RefundObservation, ChannelError>;

/**
 * Sends a refund, unless the order shows it already: PayPal keeps request ids of refunds for 45 days, our own books for longer.
 * @see https://developer.paypal.com/docs/api/payments/v2/#captures_refund
 */
export function refund(client: PayPalClient, config: PayPalConfig) {
  return async (wish: RefundRequest, signal: AbortSignal): Promise<Said> => {
    const amount = toPayPalAmount(wish.amount);
    if (!amount.ok) return err(channelError('INVALID_REQUEST', 'no', { providerCode: amount.error }));
    const found = await findOrder(client, wish.order, signal);
    if (!found.ok) return err(whileLooking(found.error));
    if (found.value === null) return err(channelError('NOT_FOUND', 'no', { providerCode: 'no_such_order' }));
    const known = findRefund(found.value, wish.refundRef);
    if (known !== undefined) return ownFirstAnswer(known, wish, config);
    const captureId = paidCaptureOf(found.value);
    if (captureId === null) return err(channelError('INVALID_REQUEST', 'no', { providerCode: 'not_paid' }));
    const call = {
      method: 'POST',
      path: `/v2/payments/captures/${captureId}/refund`,
      body: refundParams(wish, amount.value),
      requestId: `${wish.refundRef}-refund`,
    } as const;
    const made = await client.ask(refundSchema, call, signal);
    return made.ok ? believed(made.value, wish, config) : made;
  };
}

/** Asks by PayPal's number; without it, looks through the refunds of the order. */
export function queryRefund(client: PayPalClient, config: PayPalConfig) {
  return async (asked: RefundRef, signal: AbortSignal): Promise<Said> => {
    const { channelRefundNo } = asked;
    if (channelRefundNo !== null) {
      const path = `/v2/payments/refunds/${encodeURIComponent(channelRefundNo)}`;
      const seen = await client.ask(refundSchema, { method: 'GET', path }, signal);
      if (seen.ok) return believed(seen.value, asked, config);
      if (seen.error.kind !== 'NOT_FOUND') return seen;
    }
    const found = await findOrder(client, asked.order, signal);
    if (!found.ok) return found;
    const known = found.value === null ? undefined : findRefund(found.value, asked.refundRef);
    return known === undefined ? ok(REFUND_ABSENT) : believed(known, asked, config);
  };
}

function refundParams({ refundRef, reason }: RefundRequest, amount: PayPalAmount): unknown {
  return { amount, custom_id: refundRef, invoice_id: refundRef, ...(reason ? { note_to_payer: reason } : {}) };
}

function findRefund(order: Order, refundRef: string): Refund | undefined {
  return unitOf(order)?.payments?.refunds?.find(({ custom_id }) => custom_id === refundRef);
}

function paidCaptureOf(order: Order): string | null {
  const capture = tellingCapture(order);
  if (capture === null) return null;
  return observeCapture(capture, { orderId: order.id, account: null }).state === 'succeeded' ? capture.id : null;
}

/** A repeated request with another amount is our own bug; PayPal would answer the first refund to it. */
function ownFirstAnswer(found: Refund, wish: RefundRequest, config: PayPalConfig): Said {
  if (!isAmount(found, wish)) return err(channelError('DUPLICATE', 'maybe', { providerCode: 'amount_differs' }));
  return believed(found, wish, config);
}

function believed(refund: Refund, asked: RefundRef, { merchant_id: account }: PayPalConfig): Said {
  const isOurs = refund.custom_id === asked.refundRef && isAmount(refund, asked);
  const isFromUs = (refund.payer?.merchant_id ?? account) === account;
  return isOurs && isFromUs ? ok(observeRefund(refund, account)) : err(unreadable('forged_response'));
}

function isAmount({ amount }: Refund, asked: RefundRef): boolean {
  const seen = fromPayPalAmount(amount);
  return seen !== null && seen.minor === asked.amount.minor && seen.currency === asked.amount.currency;
}

/** A look that failed says nothing about the refund, whatever it says about the look. */
function whileLooking(error: ChannelError): ChannelError {
  if (CHANNEL_ERROR_KINDS[error.kind].afterRefund === 'repeat') return error;
  const { providerCode } = error;
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code', providerCode });
}
