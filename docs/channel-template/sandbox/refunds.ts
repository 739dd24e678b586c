import { z } from 'zod';
import type { Order, SandboxRefund, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import { fromDecimalString, money, toDecimalString } from '../../../src/payment/index.ts';
import { answer, callBack, type Sim } from './wire.ts';

const REFUNDS_PATH = /^\/orders\/(\w+)\/refunds$/;
const WORDS = { pending: 'processing', succeeded: 'refunded', failed: 'failed' } as const;

const wishSchema = z.object({
  refund_no: z.string().regex(/^[0-9a-z]{1,64}$/),
  amount: z.string(),
  currency: z.literal('CNY'),
  reason: z.string().max(80),
  notify_url: z.url(),
});

export function isRefund({ method, path }: WireRequest): boolean {
  return method === 'POST' && REFUNDS_PATH.test(path);
}

/** `POST /orders/<order_no>/refunds` takes a refund, `GET /refunds/<refund_no>` tells of one; null for anything else. */
export function handleRefunds(sim: Sim, request: WireRequest): WireAnswer | null {
  const { books } = sim.options;
  const orderNo = REFUNDS_PATH.exec(request.path)?.[1];
  if (orderNo !== undefined) {
    const order = books.find(orderNo);
    return order === undefined ? answer(sim, 404, { code: 'NO_SUCH_ORDER' }) : take(sim, order, request);
  }
  const refundNo = /^\/refunds\/(\w+)$/.exec(request.path)?.[1];
  if (refundNo === undefined) return null;
  const order = books.findBy(({ refunds }) => refunds.some((candidate) => candidate.refundNo === refundNo));
  const refund = order?.refunds.find((candidate) => candidate.refundNo === refundNo);
  if (order === undefined || refund === undefined) return answer(sim, 404, { code: 'NO_SUCH_REFUND' });
  return answer(sim, 200, show(sim, order, refund));
}

/** They decide a refund that they took, and call back. */
export function settle(sim: Sim, order: Order, refund: SandboxRefund, status: 'succeeded' | 'failed'): void {
  const refundedAt = status === 'succeeded' ? sim.options.now() : null;
  const settled: SandboxRefund = { ...refund, status, detail: { ...refund.detail, refundedAt } };
  const refunds = order.refunds.map((other) => (other.refundNo === refund.refundNo ? settled : other));
  sim.options.books.put({ ...order, refunds });
  const url = String(refund.detail.notifyUrl);
  const about = { order, url, show: (fenTooMuch: number) => show(sim, order, settled, fenTooMuch) };
  callBack(sim, about, { mode: 'send' });
}

function take(sim: Sim, order: Order, request: WireRequest): WireAnswer {
  const { books, now, faults } = sim.options;
  const wish = wishSchema.safeParse(JSON.parse(request.body.toString('utf8'))).data;
  const amount = wish === undefined ? null : fromDecimalString(wish.amount, wish.currency);
  if (wish === undefined || !amount?.ok) return answer(sim, 400, { code: 'BAD_FIELD' });
  const amountMinor = amount.value.minor;
  const known = order.refunds.find(({ refundNo }) => refundNo === wish.refund_no);
  if (known !== undefined && known.amountMinor !== amountMinor) return answer(sim, 409, { code: 'REFUND_CONFLICT' });
  if (known !== undefined) return answer(sim, 200, show(sim, order, known));
  if (order.status !== 'paid') return answer(sim, 409, { code: 'NOT_PAID' });
  if (amountMinor > leftMinor(order)) return answer(sim, 409, { code: 'EXCEEDS_LEFT' });
  const mode = faults().refunds;
  if (mode === 'no_balance') return answer(sim, 402, { code: 'LOW_BALANCE' });

  const taken: SandboxRefund = {
    refundNo: wish.refund_no,
    amountMinor,
    status: 'pending',
    createdAt: now(),
    detail: { refundId: `ER${wish.refund_no.toUpperCase()}`, notifyUrl: wish.notify_url, refundedAt: null },
  };
  const withIt = { ...order, refunds: [...order.refunds, taken] };
  books.put(withIt);
  // They answer that they work on it, and decide a moment later; here that moment is the answer itself.
  if (mode !== 'pending') settle(sim, withIt, taken, mode === 'failed' ? 'failed' : 'succeeded');
  return answer(sim, 200, show(sim, withIt, taken));
}

function leftMinor({ paidAmountMinor, refunds }: Order): number {
  const going = refunds.filter(({ status }) => status !== 'failed');
  return (paidAmountMinor ?? 0) - going.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

function show({ keys }: Sim, order: Order, refund: SandboxRefund, fenTooMuch = 0): Record<string, unknown> {
  return {
    account: keys.account,
    order_no: order.providerRef,
    refund_no: refund.refundNo,
    refund_id: refund.detail.refundId,
    refund_state: WORDS[refund.status],
    amount: toDecimalString(money(refund.amountMinor + fenTooMuch, order.currency)),
    currency: order.currency,
    refunded_at: refund.detail.refundedAt,
  };
}
