import { fromDecimalString, type Money, type Observation, type ObservedState } from '../../src/payment/index.ts';
import type { UsdtConfig } from './config.ts';

/** A transfer that is on the chain but not confirmed (5) is still open, and cannot be cancelled. */
const STATE_BY_STATUS: ReadonlyMap<string, ObservedState> = new Map([
  ['1', 'open'],
  ['2', 'succeeded'],
  ['3', 'closed'], // its time is over
  ['4', 'closed'], // we have cancelled it
  ['5', 'open'],
  ['6', 'failed'], // the transfer was not confirmed
]);

/** What answers and notices alike say of an order. */
export interface WireOrder {
  readonly status: string;
  readonly tradeId: string;
  /** In the currency that was asked for. */
  readonly amount: string;
  /** In USDT: what has to arrive, and nothing else is ever matched. */
  readonly actualAmount: string;
  readonly currency: string;
}

/** In our words. They tell no time of the payment. */
export function observe(order: WireOrder, config: UsdtConfig): Observation {
  const state = STATE_BY_STATUS.get(order.status) ?? 'unclear';
  const quoted = readUsdt(order.actualAmount);
  const amount = fromDecimalString(order.amount, order.currency);
  return {
    state,
    account: accountOf(config),
    amount: amount.ok ? amount.value : null,
    ...(quoted === null ? {} : { quoted }),
    channelTradeNo: order.tradeId,
    paidAt: null,
    error: state === 'failed' ? { kind: 'DECLINED', providerCode: 'not confirmed' } : null,
  };
}

export function readUsdt(text: string): Money | null {
  const amount = fromDecimalString(text, 'USDT');
  return amount.ok ? amount.value : null;
}

/** Notices name no account: the token is one instance's alone, and the instance is what its address says. */
export function accountOf({ base_url }: UsdtConfig): string {
  return base_url.replace(/^https?:\/\//, '');
}
