import { z } from 'zod';
import {
  type ChannelError,
  channelError,
  type OrderRef,
  type RefundRef,
  type RefundRequest,
} from '../../src/channel/index.ts';
import {
  err,
  ok,
  REFUND_ABSENT,
  type RefundObservation,
  type Result,
  toDecimalString,
} from '../../src/payment/index.ts';
import type { AlipayClient } from './client.ts';
import { isAmount, readAmount, stateOfRefund, stateOfTaken } from './status.ts';
import { fromBeijing } from './time.ts';

/** `refund_fee` is the sum of all refunds of the trade. @see https://opendocs.alipay.com/open/4b7cc5db_alipay.trade.refund */
const takenSchema = z.object({
  out_trade_no: z.string(),
  trade_no: z.string().optional(),
  fund_change: z.string().optional(),
  refund_fee: z.string(),
  gmt_refund_pay: z.string().optional(),
});

/** Everything is missing for a number that Alipay does not know. @see https://opendocs.alipay.com/open/8c776df6_alipay.trade.fastpay.refund.query */
const knownSchema = z.object({
  out_trade_no: z.string().optional(),
  trade_no: z.string().optional(),
  out_request_no: z.string().optional(),
  refund_amount: z.string().optional(),
  refund_status: z.string().optional(),
  gmt_refund_pay: z.string().optional(),
});

const UNREADABLE = channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe');
const FORGED = channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' });

/**
 * Returns money. The same number and amount again moves nothing and answers `fund_change=N`, as does a refund that is not decided:
 * both are `pending`, and the query tells them apart. No callback URL goes along: news comes to the trade's own.
 */
export function refund(client: AlipayClient, appId: string) {
  return async (
    { order, refundRef, amount, reason }: RefundRequest,
    signal: AbortSignal,
  ): Promise<Result<RefundObservation, ChannelError>> => {
    if (amount.currency !== 'CNY') return err(channelError('INVALID_REQUEST', 'no'));
    const biz = {
      out_trade_no: order.providerRef,
      refund_amount: toDecimalString(amount),
      // Without it, two partial refunds of one size would be one.
      out_request_no: refundRef,
      ...(reason ? { refund_reason: reason } : {}),
    };
    const answer = await client.call({ operation: 'refund', method: 'alipay.trade.refund', biz }, signal);
    if (!answer.ok) return answer;
    const taken = takenSchema.safeParse(answer.value);
    if (!taken.success) return err(UNREADABLE);
    if (!names(order, taken.data)) return err(FORGED);
    const state = stateOfTaken(taken.data.fund_change);
    const returned = readAmount(taken.data.refund_fee);
    // Money that has moved is part of the sum; an answer that contradicts itself settles nothing.
    if (state === 'succeeded' && !(isAmount(returned) && returned.minor >= amount.minor)) return err(FORGED);
    return ok({
      state,
      account: appId,
      amount: null,
      channelRefundNo: null,
      refundedAt: state === 'succeeded' ? fromBeijing(taken.data.gmt_refund_pay) : null,
      error: null,
    });
  };
}

/**
 * Asks what became of a refund. `absent` is also what Alipay says of a refund that failed or is not decided yet: in every case the
 * same number may be sent again, and moves money once.
 */
export function queryRefund(client: AlipayClient, appId: string) {
  return async (
    { order, refundRef }: RefundRef,
    signal: AbortSignal,
  ): Promise<Result<RefundObservation, ChannelError>> => {
    const biz = {
      out_trade_no: order.providerRef,
      out_request_no: refundRef,
      // The time is left out of an answer to a question that does not name it.
      query_options: ['gmt_refund_pay'],
    };
    const answer = await client.call({ operation: 'query', method: 'alipay.trade.fastpay.refund.query', biz }, signal);
    if (!answer.ok) return answer.error.kind === 'NOT_FOUND' ? ok(REFUND_ABSENT) : answer;
    const known = knownSchema.safeParse(answer.value);
    if (!known.success) return err(UNREADABLE);
    const { out_trade_no, out_request_no = refundRef, refund_status, refund_amount, gmt_refund_pay } = known.data;
    if (out_request_no !== refundRef || !names(order, known.data)) return err(FORGED);
    const state = stateOfRefund(refund_status);
    if (state === 'absent') return ok(REFUND_ABSENT);
    if (out_trade_no === undefined || known.data.out_request_no === undefined) return err(UNREADABLE);
    const amount = readAmount(refund_amount);
    return ok({
      state: amount === 'unreadable' ? 'unclear' : state,
      account: appId,
      amount: amount === 'unreadable' ? null : amount,
      channelRefundNo: null,
      refundedAt: fromBeijing(gmt_refund_pay),
      error: null,
    });
  };
}

/** Answers carry no nonce: a genuine one about another order would verify. What is named has to be ours. */
function names(
  { providerRef, channelTradeNo }: OrderRef,
  answer: { readonly out_trade_no?: string | undefined; readonly trade_no?: string | undefined },
): boolean {
  if (answer.out_trade_no !== undefined && answer.out_trade_no !== providerRef) return false;
  return channelTradeNo === null || !answer.trade_no || answer.trade_no === channelTradeNo;
}
