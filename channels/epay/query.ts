import type { ChannelAdapter, ChannelError, OrderRef } from '../../src/channel/index.ts';
import { ABSENT, type EpochMs, err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import { type Client, forgedAnswer } from './client.ts';
import type { EpayConfig } from './config.ts';
import { observe } from './status.ts';

/** What became of an order. Closing is the same question: the protocol has no way to stop an order. */
export function query(client: Client, config: EpayConfig, now: () => EpochMs): ChannelAdapter['query'] {
  const ask = (order: Pick<OrderRef, 'providerRef'>, signal: AbortSignal) =>
    config.version === 'v1'
      ? client.askWithKey(
          new Map([
            ['act', 'order'],
            ['out_trade_no', order.providerRef],
          ]),
          signal,
        )
      : client.post('api/pay/query', new Map([['out_trade_no', order.providerRef]]), signal);
  return async (order, signal): Promise<Result<Observation, ChannelError>> => {
    const answer = await ask(order, signal);
    if (!answer.ok) return answer.error.kind === 'NOT_FOUND' ? ok(ABSENT) : answer;
    const isAsked = answer.value.get('out_trade_no') === order.providerRef && answer.value.get('pid') === config.pid;
    return isAsked ? ok(observe(answer.value, config, now())) : err(forgedAnswer());
  };
}
