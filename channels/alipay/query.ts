import { z } from 'zod';
import { type ChannelError, channelError, type OrderRef } from '../../src/channel/index.ts';
import { ABSENT, err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { AlipayClient } from './client.ts';
import { observe } from './status.ts';

/** @see https://opendocs.alipay.com/open/bff76748_alipay.trade.query */
const tradeSchema = z.object({
  out_trade_no: z.string(),
  trade_no: z.string().optional(),
  trade_status: z.string(),
  total_amount: z.string().optional(),
  trans_currency: z.string().optional(),
  send_pay_date: z.string().optional(),
  refund_fee: z.string().optional(),
});

/**
 * Asks what became of an order. `absent` is what Alipay says of an order that no buyer has opened yet, too. The answer names no
 * application; it is signed for ours, so the account is ours.
 */
export function query(client: AlipayClient, appId: string) {
  return async (
    { providerRef }: Pick<OrderRef, 'providerRef'>,
    signal: AbortSignal,
  ): Promise<Result<Observation, ChannelError>> => {
    const biz = { out_trade_no: providerRef };
    const answer = await client.call({ operation: 'query', method: 'alipay.trade.query', biz }, signal);
    if (!answer.ok) {
      return answer.error.kind === 'NOT_FOUND' ? ok(ABSENT) : answer;
    }
    const trade = tradeSchema.safeParse(answer.value);
    if (!trade.success) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
    // Answers carry no nonce: a genuine one about another order would verify.
    if (trade.data.out_trade_no !== providerRef) {
      return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
    }
    return ok(
      observe(appId, {
        tradeStatus: trade.data.trade_status,
        tradeNo: trade.data.trade_no,
        totalAmount: trade.data.total_amount,
        currency: trade.data.trans_currency,
        paidText: trade.data.send_pay_date,
        refundFee: trade.data.refund_fee,
      }),
    );
  };
}
