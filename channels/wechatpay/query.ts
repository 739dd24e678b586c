import type { ChannelAdapter, ChannelError } from '../../src/channel/index.ts';
import { ABSENT, err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import type { WechatPayConfig } from './config.ts';
import { forgedAnswer, isCode, unreadableAnswer } from './errors.ts';
import { observe, transactionSchema } from './status.ts';

/** Asks by our number. Only WeChat's own "no such order" is absence; a wrong address says RESOURCE_NOT_EXISTS. */
export function query(client: Client, config: WechatPayConfig): ChannelAdapter['query'] {
  return ({ providerRef }, signal) => queryByRef(client, config, providerRef, signal);
}

export async function queryByRef(
  client: Client,
  config: WechatPayConfig,
  providerRef: string,
  signal: AbortSignal,
): Promise<Result<Observation, ChannelError>> {
  const answer = await client.call((sdk) => sdk.query({ out_trade_no: providerRef }), signal);
  if (!answer.ok) return isCode(answer.error, 'ORDER_NOT_EXIST') ? ok(ABSENT) : answer;
  const read = transactionSchema.safeParse(answer.value);
  if (!read.success) return err(unreadableAnswer());
  // The signature covers the answer, not the question: a genuine answer about another order could be put in its place.
  if (read.data.out_trade_no !== providerRef) return err(forgedAnswer());
  return ok(observe(read.data, config));
}
