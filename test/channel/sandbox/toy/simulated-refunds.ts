import type { Order, SandboxRefund, WireAnswer, WireRequest } from '../../../../src/channel/sandbox/index.ts';
import { answer, callBack, type Toy } from './simulated-wire.ts';

const STATES = { pending: 'deciding', succeeded: 'made', failed: 'impossible' } as const;

/** `POST /orders/<ref>/refunds` makes a refund, `GET /refunds/<number>` tells of one; null for any other request. */
export function handleRefunds(toy: Toy, request: WireRequest): WireAnswer | null {
  const { books } = toy.options;
  if (isRefund(request)) {
    const order = books.find(request.path.split('/')[2] ?? '');
    return order === undefined ? answer(toy, 404, { code: 'NO_ORDER' }) : take(toy, order, request);
  }
  const refundNo = /^\/refunds\/(\w+)$/.exec(request.path)?.[1];
  if (refundNo === undefined) return null;
  const order = books.findBy(({ refunds }) => refunds.some((refund) => refund.refundNo === refundNo));
  const refund = order?.refunds.find((candidate) => candidate.refundNo === refundNo);
  if (order === undefined || refund === undefined) return answer(toy, 404, { code: 'NO_REFUND' });
  return answer(toy, 200, show(toy, order, refund));
}

export function isRefund({ method, path }: WireRequest): boolean {
  return method === 'POST' && /^\/orders\/\w+\/refunds$/.test(path);
}

/** The toy decides a pending refund, and calls back. Returns the refund as it then is. */
export function settle(toy: Toy, order: Order, refund: SandboxRefund, status: 'succeeded' | 'failed'): SandboxRefund {
  const madeAt = status === 'succeeded' ? toy.options.now() : null;
  const settled: SandboxRefund = { ...refund, status, detail: { ...refund.detail, madeAt } };
  const others = order.refunds.filter(({ refundNo }) => refundNo !== refund.refundNo);
  toy.options.books.put({ ...order, refunds: [...others, settled] });
  callBack(toy, order, show(toy, order, settled), { mode: 'send' });
  return settled;
}

function take(toy: Toy, order: Order, request: WireRequest): WireAnswer {
  const { books, now } = toy.options;
  const mode = toy.options.faults().refunds;
  const wish: Record<string, unknown> = JSON.parse(request.body.toString());
  const known = order.refunds.find(({ refundNo }) => refundNo === wish.refund_no);
  if (known !== undefined && known.amountMinor !== wish.amount) return answer(toy, 409, { code: 'OTHER_AMOUNT' });
  if (known !== undefined) return answer(toy, 200, show(toy, order, known));
  if (order.status !== 'paid') return answer(toy, 409, { code: 'NOT_PAID' });
  if (Number(wish.amount) > left(order)) return answer(toy, 422, { code: 'TOO_MUCH' });
  if (mode === 'no_balance') return answer(toy, 402, { code: 'NO_BALANCE' });
  const taken: SandboxRefund = {
    refundNo: String(wish.refund_no),
    amountMinor: Number(wish.amount),
    status: 'pending',
    createdAt: now(),
    detail: { id: `R${wish.refund_no}`, madeAt: null },
  };
  const withIt: Order = { ...order, refunds: [...order.refunds, taken] };
  books.put(withIt);
  if (mode === 'normal') return answer(toy, 200, show(toy, order, settle(toy, withIt, taken, 'succeeded')));
  if (mode === 'failed') settle(toy, withIt, taken, 'failed'); // a moment later: the answer does not know it yet
  return answer(toy, 200, show(toy, order, taken));
}

function left({ paidAmountMinor, refunds }: Order): number {
  const back = refunds
    .filter(({ status }) => status !== 'failed')
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  return (paidAmountMinor ?? 0) - back;
}

function show({ keys }: Toy, order: Order, refund: SandboxRefund): Record<string, unknown> {
  return {
    merchant: keys.merchant,
    ref: order.providerRef,
    refund_no: refund.refundNo,
    id: refund.detail.id,
    refund_state: STATES[refund.status],
    amount: refund.amountMinor,
    currency: order.currency,
    made_at: refund.detail.madeAt,
  };
}
