import { type ChannelError, channelError, type OrderRef } from '../../src/channel/index.ts';
import { ABSENT, err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import type { ExamplePayConfig } from './config.ts';
import { observe, readOrder } from './status.ts';

type Ask = (order: Pick<OrderRef, 'providerRef'>, signal: AbortSignal) => Promise<Result<Observation, ChannelError>>;

/** What became of an order. */
export function query(client: Client, config: ExamplePayConfig): Ask {
  return async ({ providerRef }, signal) =>
    observed(await client.call('GET', `/orders/${providerRef}`, null, signal), providerRef, config);
}

/** Reads an order out of an answer: it must be the one that was asked for, on our account. */
export function observed(
  answer: Result<string, ChannelError>,
  providerRef: string,
  config: ExamplePayConfig,
): Result<Observation, ChannelError> {
  if (!answer.ok) return answer.error.kind === 'NOT_FOUND' ? ok(ABSENT) : answer;
  const order = readOrder(answer.value);
  if (order?.order_no === providerRef && order.account === config.account) return ok(observe(order));
  return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' }));
}
