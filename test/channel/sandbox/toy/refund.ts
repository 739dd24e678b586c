import { z } from 'zod';
import { type ChannelAdapter, type ChannelError, channelError, type RefundRef } from '../../../../src/channel/index.ts';
import {
  err,
  isAmountMinor,
  isCurrency,
  ok,
  REFUND_ABSENT,
  type RefundObservation,
  type Result,
} from '../../../../src/payment/index.ts';
import type { ToyAnswer, ToyClient } from './client.ts';
import type { ToyConfig } from './config.ts';

const shownSchema = z.strictObject({
  merchant: z.string(),
  ref: z.string(),
  refund_no: z.string(),
  id: z.string(),
  refund_state: z.enum(['deciding', 'made', 'impossible']),
  amount: z.int().refine(isAmountMinor),
  currency: z.string().refine(isCurrency),
  made_at: z.number().nullable(),
});
export type ShownRefund = z.infer<typeof shownSchema>;

const STATES = { deciding: 'pending', made: 'succeeded', impossible: 'failed' } as const;

const REFUSALS: ReadonlyMap<string, ChannelError> = new Map(
  [
    channelError('INVALID_REQUEST', 'no', { providerCode: 'NOT_PAID' }),
    channelError('INVALID_REQUEST', 'no', { providerCode: 'TOO_MUCH' }),
    channelError('INSUFFICIENT_BALANCE', 'no', { providerCode: 'NO_BALANCE' }),
    channelError('DUPLICATE', 'maybe', { providerCode: 'OTHER_AMOUNT' }),
    channelError('NOT_FOUND', 'no', { providerCode: 'NO_ORDER' }),
    channelError('AUTH_MISCONFIGURED', 'no', { providerCode: 'SIGN' }),
  ].map((error) => [error.providerCode ?? '', error]),
);

/** What the toy says of one refund, in answers and callbacks alike; null when the text says something else. */
export function readShownRefund(text: string): ShownRefund | null {
  return shownSchema.safeParse(parseJson(text)).data ?? null;
}

export function observeRefund(shown: ShownRefund): RefundObservation {
  const state = STATES[shown.refund_state];
  return {
    state,
    account: shown.merchant,
    amount: { minor: shown.amount, currency: shown.currency },
    channelRefundNo: shown.id,
    refundedAt: shown.made_at,
    error: state === 'failed' ? { kind: 'DECLINED', providerCode: null } : null,
  };
}

export function toyRefunds(client: ToyClient, config: ToyConfig): Pick<ChannelAdapter, 'refund' | 'queryRefund'> {
  return {
    async refund(wish, signal) {
      const body = { refund_no: wish.refundRef, amount: wish.amount.minor, reason: wish.reason };
      const answer = await client.ask('POST', `/orders/${wish.order.providerRef}/refunds`, body, signal);
      return answer.ok ? read(answer.value, wish, config) : answer;
    },
    async queryRefund(refund, signal) {
      const answer = await client.ask('GET', `/refunds/${refund.refundRef}`, null, signal);
      if (!answer.ok) return answer;
      return answer.value.status === 404 ? ok(REFUND_ABSENT) : read(answer.value, refund, config);
    },
  };
}

function read(answer: ToyAnswer, asked: RefundRef, config: ToyConfig): Result<RefundObservation, ChannelError> {
  const shown = answer.status === 200 ? readShownRefund(answer.body) : null;
  if (shown === null) return err(refusalOf(answer));
  const isOurs = shown.refund_no === asked.refundRef && shown.ref === asked.order.providerRef;
  if (isOurs && shown.merchant === config.merchant) return ok(observeRefund(shown));
  return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
}

function refusalOf(answer: ToyAnswer): ChannelError {
  const code = z.object({ code: z.string() }).safeParse(parseJson(answer.body)).data?.code ?? '';
  return REFUSALS.get(code) ?? channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code' });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
