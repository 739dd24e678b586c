import { z } from 'zod';
import { type ChannelError, channelError, type OrderRef } from '../../src/channel/index.ts';
import { ABSENT, err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { AlipayClient } from './client.ts';
import { closeNeedsQuery } from './errors.ts';
import { query } from './query.ts';

/** @see https://opendocs.alipay.com/open/e84f0d79_alipay.trade.close */
const closedSchema = z.object({ out_trade_no: z.string(), trade_no: z.string().optional() });

/**
 * Closes an unpaid order. An order that no buyer has opened cannot be closed: `absent`, and it dies at its time_expire. Where the
 * order's own state forbids the close, a query says what that state is.
 */
export function close(client: AlipayClient, appId: string) {
  const ask = query(client, appId);
  return async (order: OrderRef, signal: AbortSignal): Promise<Result<Observation, ChannelError>> => {
    const biz = { out_trade_no: order.providerRef };
    const answer = await client.call({ operation: 'close', method: 'alipay.trade.close', biz }, signal);
    if (!answer.ok) {
      if (answer.error.kind === 'NOT_FOUND') return ok(ABSENT);
      return closeNeedsQuery(answer.error) ? await ask(order, signal) : answer;
    }
    const closed = closedSchema.safeParse(answer.value);
    if (!closed.success) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
    if (closed.data.out_trade_no !== order.providerRef) {
      return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
    }
    return ok({ ...ABSENT, state: 'closed', account: appId, channelTradeNo: closed.data.trade_no || null });
  };
}
