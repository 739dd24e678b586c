import { z } from 'zod';
import type { Order, SandboxRefund } from '../../../src/channel/sandbox/index.ts';
import { money, toDecimalString } from '../../../src/payment/index.ts';

/** How long a payment can be refunded; then it is TRADE_FINISHED. The contract decides, usually twelve months. */
const REFUND_WINDOW_MS = 365 * 86_400_000;

const refundDetailSchema = z.object({ refundedAt: z.number().nullable() });

/** What answers, notices and return pages say of a trade. */
export function tradeStatusOf(
  order: Order,
  now: number,
): 'WAIT_BUYER_PAY' | 'TRADE_SUCCESS' | 'TRADE_FINISHED' | 'TRADE_CLOSED' {
  switch (order.status) {
    case 'paid':
      if (refundedFenOf(order) >= paidFenOf(order)) return 'TRADE_CLOSED';
      return now - (order.paidAt ?? now) > REFUND_WINDOW_MS ? 'TRADE_FINISHED' : 'TRADE_SUCCESS';
    case 'open':
      return 'WAIT_BUYER_PAY';
    default:
      return 'TRADE_CLOSED';
  }
}

export function paidFenOf(order: Order): number {
  return order.paidAmountMinor ?? order.amountMinor;
}

/** What has gone back to the buyer. */
export function refundedFenOf(order: Order): number {
  return sumOf(order.refunds.filter(({ status }) => status === 'succeeded'));
}

/** What has gone back or may yet go. */
export function claimedFenOf(order: Order): number {
  return sumOf(order.refunds.filter(({ status }) => status !== 'failed'));
}

/** The simulator's own part of a refund; null until the money has moved. */
export function refundedAtOf(refund: SandboxRefund): number | null {
  return refundDetailSchema.parse(refund.detail).refundedAt;
}

/** Yuan with two decimals: what was paid, or before that what was asked for. */
export function yuanOf(order: Order, fenTooMuch = 0): string {
  return yuan(paidFenOf(order) + fenTooMuch);
}

/** Yuan with two decimals, zero included. */
export function yuan(fen: number): string {
  return fen === 0 ? '0.00' : toDecimalString(money(fen, 'CNY'));
}

/** The inverse, for text that a schema has let pass: up to two decimals. */
export function fenOf(text: string): number {
  const [whole = '0', cents = ''] = text.split('.');
  return Number(`${whole}${cents.padEnd(2, '0')}`);
}

function sumOf(refunds: readonly SandboxRefund[]): number {
  return refunds.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}
