import type { Order, SandboxRefund, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { claimedFenOf, paidFenOf, tradeStatusOf } from './trade-fields.ts';
import type { Notify, TradeRefusal } from './trades.ts';

/** `refundNo` is null where the request names none. */
export interface RefundWish {
  readonly refundNo: string | null;
  readonly amountFen: number;
  readonly reason: string | null;
}

/** A refund that Alipay has, and whether this very request moved the money. */
export interface TakenRefund {
  readonly order: Order;
  readonly refund: SandboxRefund;
  readonly fundChange: boolean;
}

/** Alipay's side of every refund. */
export interface Refunds {
  take(order: Order, wish: RefundWish): TakenRefund | TradeRefusal;
  /** Decides a refund that was left undecided. */
  settle(order: Order, refund: SandboxRefund, outcome: 'succeeded' | 'failed'): void;
}

const BUYER_ERROR: TradeRefusal = { code: 'BUYER_ERROR', message: '买家状态异常' };

/** @see https://opendocs.alipay.com/open/4b7cc5db_alipay.trade.refund */
export function openRefunds({ books, faults, now }: SimulatorOptions, notify: Notify): Refunds {
  const put = (order: Order, refund: SandboxRefund): Order => {
    const others = order.refunds.filter(({ refundNo }) => refundNo !== refund.refundNo);
    const next = { ...order, refunds: [...others, refund] };
    books.put(next);
    return next;
  };
  const made = (order: Order, refund: SandboxRefund): TakenRefund => {
    const succeeded: SandboxRefund = {
      ...refund,
      status: 'succeeded',
      detail: { ...refund.detail, refundedAt: now() },
    };
    const next = put(order, succeeded);
    notify(next, { mode: 'send' }, succeeded);
    return { order: next, refund: succeeded, fundChange: true };
  };

  return {
    take(order, wish) {
      const refundNo = wish.refundNo ?? order.providerRef;
      const known = order.refunds.find((refund) => refund.refundNo === refundNo);
      if (known !== undefined) return repeated(order, known, wish);
      const refusal =
        stateRefusal(order, now()) ?? amountRefusal(order, wish) ?? REFUSAL_BY_FAULT.get(faults().refunds);
      if (refusal !== undefined) return refusal;
      const refund: SandboxRefund = {
        refundNo,
        amountMinor: wish.amountFen,
        status: 'pending',
        createdAt: now(),
        detail: { reason: wish.reason, refundedAt: null },
      };
      if (faults().refunds !== 'pending') return made(order, refund);
      return { order: put(order, refund), refund, fundChange: false };
    },
    settle(order, refund, outcome) {
      const current = books.find(order.providerRef) ?? order;
      if (outcome === 'succeeded') made(current, refund);
      else put(current, { ...refund, status: 'failed' });
    },
  };
}

const REFUSAL_BY_FAULT: ReadonlyMap<string, TradeRefusal> = new Map([
  ['failed', BUYER_ERROR],
  ['no_balance', { code: 'SELLER_BALANCE_NOT_ENOUGH', message: '卖家余额不足' }],
]);

/** One number is one refund: the first result stands, and nothing moves a second time. */
function repeated(order: Order, known: SandboxRefund, wish: RefundWish): TakenRefund | TradeRefusal {
  if (known.status === 'failed') return BUYER_ERROR;
  if (known.amountMinor !== wish.amountFen) return { code: 'DISCORDANT_REPEAT_REQUEST', message: '请求信息不一致' };
  return { order, refund: known, fundChange: false };
}

function stateRefusal(order: Order, now: number): TradeRefusal | undefined {
  switch (tradeStatusOf(order, now)) {
    case 'WAIT_BUYER_PAY':
      return { code: 'TRADE_STATUS_ERROR', message: '交易状态非法' };
    case 'TRADE_CLOSED':
      return { code: 'TRADE_HAS_CLOSE', message: '交易已经关闭' };
    case 'TRADE_FINISHED':
      return { code: 'TRADE_HAS_FINISHED', message: '交易已完结' };
    default:
      return undefined;
  }
}

function amountRefusal(order: Order, { refundNo, amountFen }: RefundWish): TradeRefusal | undefined {
  if (refundNo === null && amountFen !== paidFenOf(order)) {
    return { code: 'REFUND_AMT_NOT_EQUAL_TOTAL', message: '撤销或退款金额与订单金额不一致' };
  }
  if (claimedFenOf(order) + amountFen <= paidFenOf(order)) return undefined;
  return { code: 'REASON_TRADE_REFUND_FEE_ERR', message: '退款金额无效' };
}
