import { z } from 'zod';
import type { ChannelAdapter, ChannelError, OrderRef } from '../../src/channel/index.ts';
import { ABSENT, err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import { type Client, forgedAnswer } from './client.ts';
import type { UsdtConfig } from './config.ts';
import { orderIdOf } from './order-id.ts';
import { observe } from './status.ts';

const text = z.union([z.number(), z.string()]).transform(String);
const infoSchema = z.object({ order_id: z.string(), status: text, money: text, actual_amount: text });

/**
 * What became of an order. They can be asked by their own number alone. Without it the create's answer was lost, so nobody was ever
 * shown where to send money: such an order counts as absent, which proves nothing before its end (`until_expiry`).
 */
export function query(client: Client, config: UsdtConfig): ChannelAdapter['query'] {
  return async (order, signal) => {
    if (order.channelTradeNo === null) return ok(ABSENT);
    const fields = new Map([['trade_id', order.channelTradeNo]]);
    const answer = await client.call('/api/v1/pay/info', fields, signal);
    if (!answer.ok) return answer.error.kind === 'NOT_FOUND' ? ok(ABSENT) : answer;
    return read(answer.value, order.channelTradeNo, order, config);
  };
}

function read(
  data: unknown,
  tradeId: string,
  { providerRef, amount: { currency } }: OrderRef,
  config: UsdtConfig,
): Result<Observation, ChannelError> {
  const info = infoSchema.safeParse(data).data;
  if (info?.order_id !== orderIdOf(providerRef, currency)) return err(forgedAnswer());
  const { status, money: amount, actual_amount: actualAmount } = info;
  return ok(observe({ status, tradeId, amount, actualAmount, currency }, config));
}

/** Stops the watch for a transfer. One that is on the chain already cannot be stopped: then the order's state is told. */
export function close(client: Client, ask: ChannelAdapter['query']): ChannelAdapter['close'] {
  return async (order, signal) => {
    if (order.channelTradeNo === null) return ok(ABSENT);
    const fields = new Map([['trade_id', order.channelTradeNo]]);
    const answer = await client.call('/api/v1/order/cancel-transaction', fields, signal);
    if (answer.ok) return ok({ ...ABSENT, state: 'closed' });
    if (answer.error.kind === 'NOT_FOUND') return ok(ABSENT);
    return answer.error.kind === 'ALREADY_CLOSED' ? ask(order, signal) : answer;
  };
}
