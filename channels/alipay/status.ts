import type { Money, Observation, ObservedState } from '../../src/payment/index.ts';
import { fromDecimalString, isCurrency } from '../../src/payment/index.ts';
import { fromBeijing } from './time.ts';

/** `channels.md` 1.6. @see https://opendocs.alipay.com — alipay.trade.query and the payment notice, field trade_status */
const STATE_BY_TRADE_STATUS: ReadonlyMap<string, ObservedState> = new Map([
  ['WAIT_BUYER_PAY', 'open'],
  ['TRADE_SUCCESS', 'succeeded'], // also after a partial refund
  ['TRADE_FINISHED', 'succeeded'], // paid, and past its refund window
  // Never paid, or paid and refunded in full: in both cases there is no money. `paidAt` tells them apart, and an attempt that
  // is known as paid is not undone by it.
  ['TRADE_CLOSED', 'closed'],
]);

/** The fields that a query's answer and a notice have in common; `paidText` is `send_pay_date` in one, `gmt_payment` in the other. */
export interface TradeFields {
  readonly tradeStatus: string;
  readonly tradeNo: string | undefined;
  readonly totalAmount: string | undefined;
  /** Only foreign merchants have one: `total_amount` is then in this currency. */
  readonly currency: string | undefined;
  readonly paidText: string | undefined;
}

/** `account` is the application that the statement was signed for. */
export function observe(account: string, trade: TradeFields): Observation {
  const amount = amountOf(trade);
  return {
    state: amount === 'unreadable' ? 'unclear' : (STATE_BY_TRADE_STATUS.get(trade.tradeStatus) ?? 'unclear'),
    account,
    amount: amount === 'unreadable' ? null : amount,
    channelTradeNo: trade.tradeNo || null,
    paidAt: fromBeijing(trade.paidText),
    error: null,
  };
}

function amountOf({ totalAmount, currency = 'CNY' }: TradeFields): Money | null | 'unreadable' {
  if (totalAmount === undefined || totalAmount === '') return null;
  if (!isCurrency(currency)) return 'unreadable';
  const parsed = fromDecimalString(totalAmount, currency);
  return parsed.ok ? parsed.value : 'unreadable';
}
