import { z } from 'zod';
import { type ChannelAdapter, type ChannelError, channelError, type RefundRef } from '../../src/channel/index.ts';
import {
  err,
  fromDecimalString,
  isCurrency,
  ok,
  REFUND_ABSENT,
  type RefundObservation,
  type RefundState,
  type Result,
  toDecimalString,
} from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import type { ExamplePayConfig } from './config.ts';
import { parseJson } from './json.ts';

/** Their words and ours; as with orders, a new word is `unclear`. */
const STATE_BY_WORD: ReadonlyMap<string, RefundState> = new Map([
  ['processing', 'pending'],
  ['refunded', 'succeeded'],
  ['failed', 'failed'],
]);

const refundSchema = z.object({
  account: z.string().min(1),
  order_no: z.string().min(1).max(64),
  refund_no: z.string().min(1).max(64),
  refund_id: z.string().min(1).max(64),
  refund_state: z.string().min(1),
  amount: z.string(),
  currency: z.string().refine(isCurrency),
  refunded_at: z.int().nullable(),
});
export type WireRefund = z.infer<typeof refundSchema>;

/** A refund as answers and callbacks show it, or null when the text is none. Call it on verified text only. */
export function readRefund(text: string): WireRefund | null {
  return refundSchema.safeParse(parseJson(text)).data ?? null;
}

/** What a refund says, in our words. */
export function observeRefund(refund: WireRefund): RefundObservation {
  const amount = fromDecimalString(refund.amount, refund.currency);
  return {
    state: STATE_BY_WORD.get(refund.refund_state) ?? 'unclear',
    account: refund.account,
    amount: amount.ok ? amount.value : null,
    channelRefundNo: refund.refund_id,
    refundedAt: refund.refunded_at,
    error: refund.refund_state === 'failed' ? { kind: 'DECLINED', providerCode: null } : null,
  };
}

/** Returns money. Our number makes a repeat the same refund, so that a lost answer is mended by sending it again. */
export function refund(client: Client, config: ExamplePayConfig): ChannelAdapter['refund'] {
  return async (wish, signal) => {
    const body = {
      refund_no: wish.refundRef,
      amount: toDecimalString(wish.amount),
      currency: wish.amount.currency,
      reason: wish.reason ?? '',
      notify_url: wish.callbackUrl,
    };
    const answer = await client.call('POST', `/orders/${wish.order.providerRef}/refunds`, body, signal);
    return answer.ok ? observed(answer.value, wish, config) : answer;
  };
}

/** What became of a refund. */
export function queryRefund(client: Client, config: ExamplePayConfig): ChannelAdapter['queryRefund'] {
  return async (asked, signal) => {
    const answer = await client.call('GET', `/refunds/${asked.refundRef}`, null, signal);
    if (answer.ok) return observed(answer.value, asked, config);
    return answer.error.kind === 'NOT_FOUND' ? ok(REFUND_ABSENT) : answer;
  };
}

/** An answer must be about the refund that was asked for, of its order, on our account. */
function observed(text: string, asked: RefundRef, config: ExamplePayConfig): Result<RefundObservation, ChannelError> {
  const said = readRefund(text);
  const isAsked = said?.refund_no === asked.refundRef && said.order_no === asked.order.providerRef;
  if (said !== null && isAsked && said.account === config.account) return ok(observeRefund(said));
  return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
}
