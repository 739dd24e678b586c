import type { Money, Observation, ObservedState, RefundState } from '../../src/payment/index.ts';
import { fromDecimalString, isCurrency } from '../../src/payment/index.ts';
import { fromBeijing } from './time.ts';

/** `channels.md` 1.6. @see https://opendocs.alipay.com — alipay.trade.query and the payment notice, field trade_status */
const STATE_BY_TRADE_STATUS: ReadonlyMap<string, ObservedState> = new Map([
  ['WAIT_BUYER_PAY', 'open'],
  ['TRADE_SUCCESS', 'succeeded'], // also after a partial refund
  ['TRADE_FINISHED', 'succeeded'], // paid, and past its refund window
  ['TRADE_CLOSED', 'closed'], // never paid, or paid and refunded in full: see `stateOf`
]);

/** @see https://opendocs.alipay.com/open/4b7cc5db_alipay.trade.refund, field fund_change: without a `Y` the query decides */
const STATE_BY_FUND_CHANGE: ReadonlyMap<string, RefundState> = new Map([
  ['Y', 'succeeded'],
  ['N', 'pending'],
  ['', 'pending'],
]);

/** @see https://opendocs.alipay.com/open/8c776df6_alipay.trade.fastpay.refund.query, field refund_status */
const STATE_BY_REFUND_STATUS: ReadonlyMap<string, RefundState> = new Map([
  ['REFUND_SUCCESS', 'succeeded'],
  // Not received, failed, or not decided yet: Alipay says the same of all three, and takes the same number again in each.
  ['', 'absent'],
]);

/** The fields that a query's answer and a notice have in common; `paidText` is `send_pay_date` in one, `gmt_payment` in the other. */
export interface TradeFields {
  readonly tradeStatus: string;
  readonly tradeNo: string | undefined;
  readonly totalAmount: string | undefined;
  /** Only foreign merchants have one: `total_amount` is then in this currency. */
  readonly currency: string | undefined;
  readonly paidText: string | undefined;
  /** Of all refunds together. */
  readonly refundFee: string | undefined;
}

/** `account` is the application that the statement was signed for. */
export function observe(account: string, trade: TradeFields): Observation {
  const amount = readAmount(trade.totalAmount, trade.currency);
  return {
    state: amount === 'unreadable' ? 'unclear' : stateOf(trade),
    account,
    amount: amount === 'unreadable' ? null : amount,
    channelTradeNo: trade.tradeNo || null,
    paidAt: fromBeijing(trade.paidText),
    error: null,
  };
}

/** What the answer to a refund request says. */
export function stateOfTaken(fundChange = ''): RefundState {
  return STATE_BY_FUND_CHANGE.get(fundChange) ?? 'unclear';
}

/** What a refund query says. */
export function stateOfRefund(refundStatus = ''): RefundState {
  return STATE_BY_REFUND_STATUS.get(refundStatus) ?? 'unclear';
}

/** Yuan as Alipay writes them; null where it says nothing, `unreadable` for what is no positive amount. */
export function readAmount(text: string | undefined, currency = 'CNY'): Money | null | 'unreadable' {
  if (text === undefined || text === '') return null;
  if (!isCurrency(currency)) return 'unreadable';
  const parsed = fromDecimalString(text, currency);
  return parsed.ok ? parsed.value : 'unreadable';
}

export function isAmount(seen: Money | null | 'unreadable'): seen is Money {
  return seen !== null && seen !== 'unreadable';
}

/** A full refund closes a trade, too. That it was paid first stays true, and must not depend on which news came first. */
function stateOf(trade: TradeFields): ObservedState {
  const state = STATE_BY_TRADE_STATUS.get(trade.tradeStatus) ?? 'unclear';
  return state === 'closed' && wasPaid(trade) ? 'succeeded' : state;
}

function wasPaid({ paidText, refundFee, currency }: TradeFields): boolean {
  return Boolean(paidText) || isAmount(readAmount(refundFee, currency));
}
