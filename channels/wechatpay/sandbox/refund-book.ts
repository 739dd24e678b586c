import { z } from 'zod';
import type { Order, SandboxRefund, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import type { AccountKeys } from './keys.ts';
import { chinaTime } from './orders.ts';

export type RefundStatus = 'PROCESSING' | 'SUCCESS' | 'CLOSED' | 'ABNORMAL';

const detailSchema = z.object({
  refundId: z.string(),
  notifyUrl: z.string().nullable(),
  /** When it is decided without anybody's doing, and how; null: not before somebody decides it. */
  decision: z.object({ at: z.number(), outcome: z.enum(['succeeded', 'failed']) }).nullable(),
  decidedAt: z.number().nullable(),
  /** The buyer's bank cannot take it. */
  isStuck: z.boolean(),
});
export type RefundDetail = z.infer<typeof detailSchema>;

/** A refund together with its order, as the books have them. */
export interface Held {
  readonly order: Order;
  readonly refund: SandboxRefund;
}

/** What this simulator keeps with a refund; throws on one that it did not make. */
export function refundDetailOf(refund: SandboxRefund): RefundDetail {
  return detailSchema.parse(refund.detail);
}

export function statusOf(refund: SandboxRefund): RefundStatus {
  if (refund.status === 'pending') return refundDetailOf(refund).isStuck ? 'ABNORMAL' : 'PROCESSING';
  return refund.status === 'succeeded' ? 'SUCCESS' : 'CLOSED';
}

type Ports = Pick<SimulatorOptions, 'now' | 'books'>;

/** Our numbers of refunds are unique per merchant. A refund whose time has come is decided when it is looked for. */
export function findRefund(refundNo: string, ports: Ports): Held | null {
  const order = ports.books.findBy(({ refunds }) => refunds.some((one) => one.refundNo === refundNo));
  const refund = order?.refunds.find((one) => one.refundNo === refundNo);
  if (order === undefined || refund === undefined) return null;
  const { decision } = refundDetailOf(refund);
  if (refund.status !== 'pending' || decision === null || decision.at > ports.now()) return { order, refund };
  return decide({ order, refund }, decision.outcome, ports);
}

/** Decides a pending refund; one that is decided stays as it is. */
export function decide(held: Held, outcome: 'succeeded' | 'failed', { now, books }: Ports): Held {
  if (held.refund.status !== 'pending') return held;
  const detail = { ...refundDetailOf(held.refund), decidedAt: now(), isStuck: false };
  return keepRefund(held.order, { ...held.refund, status: outcome, detail }, books);
}

/** Puts a refund into its order, in the place of the one with its number if there is one. */
export function keepRefund(order: Order, refund: SandboxRefund, books: Ports['books']): Held {
  const others = order.refunds.filter(({ refundNo }) => refundNo !== refund.refundNo);
  const kept = { ...order, refunds: [...others, refund] };
  books.put(kept);
  return { order: kept, refund };
}

/** What the refund and its query answer. They name neither merchant nor app. */
export function answerOf({ order, refund }: Held): Record<string, unknown> {
  const { refundId, decidedAt } = refundDetailOf(refund);
  const { total, refund: amount } = amountsOf(order, refund);
  const status = statusOf(refund);
  return {
    amount: {
      currency: 'CNY',
      discount_refund: 0,
      from: [],
      payer_refund: amount,
      payer_total: total,
      refund: amount,
      settlement_refund: amount,
      settlement_total: total,
      total,
    },
    channel: 'ORIGINAL',
    create_time: chinaTime(refund.createdAt),
    funds_account: 'AVAILABLE',
    out_refund_no: refund.refundNo,
    out_trade_no: order.providerRef,
    promotion_detail: [],
    refund_id: refundId,
    status,
    ...(status === 'SUCCESS' && decidedAt !== null ? { success_time: chinaTime(decidedAt) } : {}),
    transaction_id: order.tradeNo,
    user_received_account: '支付用户零钱',
  };
}

/** What a refund callback carries inside. `wrongByMinor` is the fault of a wrong amount. */
export function noticeOf({ order, refund }: Held, keys: AccountKeys, wrongByMinor: number): Record<string, unknown> {
  const { refundId, decidedAt } = refundDetailOf(refund);
  const { total, refund: amount } = amountsOf(order, refund);
  const status = statusOf(refund);
  return {
    mchid: keys.mchid,
    out_trade_no: order.providerRef,
    transaction_id: order.tradeNo,
    out_refund_no: refund.refundNo,
    refund_id: refundId,
    refund_status: status,
    ...(status === 'SUCCESS' && decidedAt !== null ? { success_time: chinaTime(decidedAt) } : {}),
    user_received_account: '支付用户零钱',
    amount: { total, refund: amount + wrongByMinor, payer_total: total, payer_refund: amount + wrongByMinor },
  };
}

/** What the buyer paid, which is what an order's `total` is. */
export function totalOf(order: Order): number {
  return order.paidAmountMinor ?? order.amountMinor;
}

function amountsOf(order: Order, refund: SandboxRefund): { total: number; refund: number } {
  return { total: totalOf(order), refund: refund.amountMinor };
}
