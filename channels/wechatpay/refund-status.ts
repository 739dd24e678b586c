import { z } from 'zod';
import {
  AMOUNT_MINOR_MAX,
  type AttemptError,
  type RefundObservation,
  type RefundState,
} from '../../src/payment/index.ts';

/**
 * WeChat's word for a refund in ours, and what has to be said about it.
 * @see https://pay.weixin.qq.com/doc/v3/merchant/4013071031, refund states
 */
const MEANING_BY_STATUS: ReadonlyMap<string, { readonly state: RefundState; readonly error?: AttemptError }> = new Map([
  ['SUCCESS', { state: 'succeeded' }],
  ['PROCESSING', { state: 'pending' }],
  // The buyer's card is gone: the money has left our account and waits at WeChat until a person sends it elsewhere in the
  // merchant platform. It can still become SUCCESS, so nothing is freed.
  ['ABNORMAL', { state: 'pending', error: { kind: 'DECLINED', providerCode: 'ABNORMAL' } }],
  // Given up after seven days in which our account could not pay for it. Trying again takes a new number.
  ['CLOSED', { state: 'failed', error: { kind: 'INSUFFICIENT_BALANCE', providerCode: 'CLOSED' } }],
]);

const successTime = z.union([z.iso.datetime({ offset: true }), z.literal('')]).optional();
const amount = z.object({
  /** Of the order. */
  total: z.int().positive().max(AMOUNT_MINOR_MAX),
  /** Of this refund alone. */
  refund: z.int().positive().max(AMOUNT_MINOR_MAX),
  // Callbacks leave it out: a domestic merchant number takes nothing else.
  currency: z.string().length(3).default('CNY'),
});
const names = {
  refund_id: z.string().min(1).max(32),
  out_refund_no: z.string().min(1).max(64),
  transaction_id: z.string().min(1).max(32),
  out_trade_no: z.string().min(1).max(32),
};

/** What the refund and its query answer. They name no account. */
export const refundSchema = z.object({ ...names, status: z.string().min(1), success_time: successTime, amount });

/** What a refund callback carries; it names the merchant number, but no app. */
export const refundNoticeSchema = z
  .object({ ...names, mchid: z.string().min(1), refund_status: z.string().min(1), success_time: successTime, amount })
  .transform(({ refund_status: status, ...rest }) => ({ ...rest, status }));

export type Refund = z.infer<typeof refundSchema>;

/** Turns a verified refund into our words; an unknown status settles nothing. `account`: null where it was not named. */
export function observeRefund(refund: Refund, account: string | null): RefundObservation {
  const { state, error = null } = MEANING_BY_STATUS.get(refund.status) ?? { state: 'unclear' };
  return {
    state,
    account,
    amount: { minor: refund.amount.refund, currency: refund.amount.currency },
    channelRefundNo: refund.refund_id,
    refundedAt: state === 'succeeded' && refund.success_time ? Date.parse(refund.success_time) : null,
    error,
  };
}
