import type { SandboxRefund } from '../../../src/channel/sandbox/index.ts';
import { type Entry, type RefundDetail, returnedMinor } from './ledger.ts';
import { wireMoney } from './money.ts';

type Json = Record<string, unknown>;

const REFUND_STATUS = { pending: 'PENDING', succeeded: 'COMPLETED', failed: 'FAILED' } as const;

/** An order as `return=representation` and GET show it. */
export function renderOrder(entry: Entry, baseUrl: string): Json {
  const { order, detail } = entry;
  const self = `${baseUrl}/v2/checkout/orders/${order.tradeNo}`;
  const payments = {
    ...(detail.capture === null ? {} : { captures: [renderCapture(entry, baseUrl)] }),
    ...(entry.refunds.length === 0
      ? {}
      : { refunds: entry.refunds.map((one) => renderRefund(entry, one.refund, one.detail, baseUrl)) }),
  };
  const unit = {
    reference_id: detail.referenceId,
    ...(detail.customId === null ? {} : { custom_id: detail.customId }),
    ...(detail.invoiceId === null ? {} : { invoice_id: detail.invoiceId }),
    amount: wireMoney(order.amountMinor, order.currency),
    description: detail.description,
    payee: { email_address: 'shop@business.example.com', merchant_id: detail.payeeId },
    ...(Object.keys(payments).length === 0 ? {} : { payments }),
  };
  const mayApprove = detail.status === 'CREATED' || detail.status === 'PAYER_ACTION_REQUIRED';
  return {
    id: order.tradeNo,
    intent: 'CAPTURE',
    status: detail.status,
    payment_source: { paypal: {} },
    purchase_units: [unit],
    create_time: time(order.createdAt),
    links: [
      { href: self, rel: 'self', method: 'GET' },
      ...(mayApprove
        ? [{ href: `${baseUrl}/checkoutnow?token=${order.tradeNo}`, rel: 'payer-action', method: 'GET' }]
        : []),
      ...(detail.status === 'APPROVED' ? [{ href: `${self}/capture`, rel: 'capture', method: 'POST' }] : []),
    ],
  };
}

export function renderCapture(entry: Entry, baseUrl: string): Json {
  const { order, detail } = entry;
  const { capture } = detail;
  if (capture === null) throw new Error('paypal sandbox: nothing was captured');
  const self = `${baseUrl}/v2/payments/captures/${capture.id}`;
  return {
    id: capture.id,
    status: captureStatus(entry),
    ...(capture.status === 'PENDING' ? { status_details: { reason: 'ECHECK' } } : {}),
    amount: wireMoney(order.paidAmountMinor ?? detail.payMinor ?? order.amountMinor, order.currency),
    final_capture: true,
    ...(detail.invoiceId === null ? {} : { invoice_id: detail.invoiceId }),
    ...(detail.customId === null ? {} : { custom_id: detail.customId }),
    payee: { email_address: 'shop@business.example.com', merchant_id: detail.payeeId },
    supplementary_data: { related_ids: { order_id: order.tradeNo } },
    create_time: time(capture.at),
    update_time: time(capture.updatedAt),
    links: [
      { href: self, rel: 'self', method: 'GET' },
      { href: `${self}/refund`, rel: 'refund', method: 'POST' },
      { href: `${baseUrl}/v2/checkout/orders/${order.tradeNo}`, rel: 'up', method: 'GET' },
    ],
  };
}

export function renderRefund(
  { order, detail: { capture, payeeId } }: Entry,
  refund: SandboxRefund,
  detail: RefundDetail,
  baseUrl: string,
): Json {
  return {
    id: detail.id,
    status: REFUND_STATUS[refund.status],
    ...(refund.status === 'pending' ? { status_details: { reason: 'ECHECK' } } : {}),
    amount: wireMoney(refund.amountMinor, order.currency),
    ...(detail.customId === null ? {} : { custom_id: detail.customId }),
    ...(detail.invoiceId === null ? {} : { invoice_id: detail.invoiceId }),
    ...(detail.note === null ? {} : { note_to_payer: detail.note }),
    payer: { email_address: 'shop@business.example.com', merchant_id: payeeId },
    create_time: time(refund.createdAt),
    update_time: time(detail.updatedAt),
    links: [
      { href: `${baseUrl}/v2/payments/refunds/${detail.id}`, rel: 'self', method: 'GET' },
      { href: `${baseUrl}/v2/payments/captures/${capture?.id}`, rel: 'up', method: 'GET' },
    ],
  };
}

function captureStatus(entry: Entry): string {
  const { order, detail } = entry;
  const returned = returnedMinor(entry);
  if (detail.capture?.status !== 'COMPLETED' || returned === 0) return detail.capture?.status ?? 'PENDING';
  return returned >= (order.paidAmountMinor ?? order.amountMinor) ? 'REFUNDED' : 'PARTIALLY_REFUNDED';
}

/** PayPal tells seconds. */
export function time(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}
