import { z } from 'zod';
import { ABSENT, AMOUNT_MINOR_MAX, type Observation, type ObservedState } from '../../src/payment/index.ts';
import type { WechatPayConfig } from './config.ts';

/** @see https://pay.weixin.qq.com/doc/v3/merchant/4013070356, field trade_state */
const STATE_BY_TRADE_STATE: ReadonlyMap<string, ObservedState> = new Map([
  ['NOTPAY', 'open'],
  ['USERPAYING', 'open'],
  ['ACCEPT', 'open'],
  ['SUCCESS', 'succeeded'],
  ['REFUND', 'succeeded'], // it was paid first; how much went back is for the refund query to say
  ['CLOSED', 'closed'],
  ['REVOKED', 'closed'],
  ['PAYERROR', 'failed'],
]);

/**
 * What a query answers and a payment callback carries. Fields that WeChat adds later are let pass; those that we use are
 * scalars of the right kind or the whole message is refused.
 */
export const transactionSchema = z.object({
  appid: z.string().min(1),
  mchid: z.string().min(1),
  out_trade_no: z.string().min(1).max(32),
  trade_state: z.string().min(1),
  transaction_id: z.string().max(32).optional(),
  success_time: z.union([z.iso.datetime({ offset: true }), z.literal('')]).optional(),
  amount: z
    .object({
      total: z.int().positive().max(AMOUNT_MINOR_MAX),
      // Documented as optional: a domestic merchant number takes nothing else.
      currency: z.string().length(3).default('CNY'),
    })
    .optional(),
});
export type Transaction = z.infer<typeof transactionSchema>;

/** Turns a verified transaction into our words; an unknown trade_state settles nothing. */
export function observe(transaction: Transaction, config: WechatPayConfig): Observation {
  const state = STATE_BY_TRADE_STATE.get(transaction.trade_state) ?? 'unclear';
  const { amount, success_time: successTime } = transaction;
  return {
    state,
    account: accountOf(transaction, config),
    amount: amount ? { minor: amount.total, currency: amount.currency } : null,
    channelTradeNo: transaction.transaction_id || null,
    paidAt: state === 'succeeded' && successTime ? Date.parse(successTime) : null,
    error: state === 'failed' ? { kind: 'DECLINED', providerCode: transaction.trade_state } : null,
  };
}

/** The account is the merchant number; another app of the same merchant is still not ours, so it must not look like it. */
function accountOf(transaction: Transaction, config: WechatPayConfig): string {
  return transaction.appid === config.appid ? transaction.mchid : `${transaction.mchid}/${transaction.appid}`;
}

/** Whether a message speaks of our account at all. */
export function isOurs(transaction: Transaction, config: WechatPayConfig): boolean {
  return transaction.mchid === config.mchid && transaction.appid === config.appid;
}

/** The observation "it takes no more money", from an answer that says nothing else. */
export const CLOSED: Observation = { ...ABSENT, state: 'closed' };
