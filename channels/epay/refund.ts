import { type ChannelAdapter, type ChannelError, channelError, type RefundRef } from '../../src/channel/index.ts';
import {
  err,
  ok,
  REFUND_ABSENT,
  type RefundObservation,
  type RefundState,
  type Result,
  toDecimalString,
} from '../../src/payment/index.ts';
import { type Client, forgedAnswer } from './client.ts';
import type { EpayConfig } from './config.ts';
import type { Fields } from './fields.ts';
import { readYuan } from './status.ts';
import { fromChinaTime } from './time.ts';

/** `status` of a refund's query; an answer to the refund itself has none, since it is made at once or refused. */
const STATE_BY_STATUS: ReadonlyMap<string, RefundState> = new Map([
  ['1', 'succeeded'],
  ['0', 'failed'],
]);

/** V1 has no number for refunds, so that a lost answer could return money twice: it is not offered there. */
const NOT_OFFERED: Result<RefundObservation, ChannelError> = err(channelError('INVALID_REQUEST', 'no'));

/** Returns money (V2). Our number makes a repeat the same refund. */
export function refund(client: Client, config: EpayConfig): ChannelAdapter['refund'] {
  return async (wish, signal) => {
    if (config.version === 'v1') return NOT_OFFERED;
    const fields: Fields = new Map([
      ['out_trade_no', wish.order.providerRef],
      ['money', toDecimalString(wish.amount)],
      ['out_refund_no', wish.refundRef],
    ]);
    const answer = await client.post('api/pay/refund', fields, signal);
    return answer.ok ? read(answer.value, wish, 'succeeded') : answer;
  };
}

/** What became of a refund (V2). */
export function queryRefund(client: Client, config: EpayConfig): ChannelAdapter['queryRefund'] {
  return async (asked, signal) => {
    if (config.version === 'v1') return NOT_OFFERED;
    const answer = await client.post('api/pay/refundquery', new Map([['out_refund_no', asked.refundRef]]), signal);
    if (!answer.ok) return answer.error.kind === 'NOT_FOUND' ? ok(REFUND_ABSENT) : answer;
    return read(answer.value, asked, STATE_BY_STATUS.get(answer.value.get('status') ?? '') ?? 'unclear');
  };
}

/** An answer must be about the refund that was asked for; a repeat's does not name the order's number. */
function read(answer: Fields, asked: RefundRef, state: RefundState): Result<RefundObservation, ChannelError> {
  const order = answer.get('out_trade_no') ?? asked.order.providerRef;
  if (answer.get('out_refund_no') !== asked.refundRef || order !== asked.order.providerRef) return err(forgedAnswer());
  return ok({
    state,
    account: answer.get('uid') ?? null,
    amount: readYuan(answer.get('money')),
    channelRefundNo: answer.get('refund_no') || null,
    refundedAt: state === 'succeeded' ? fromChinaTime(answer.get('endtime')) : null,
    error: state === 'failed' ? { kind: 'DECLINED', providerCode: null } : null,
  });
}
