import type { AdapterPorts, ChannelAdapter } from '../../src/channel/index.ts';
import { err, ok } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import type { WechatPayConfig } from './config.ts';
import { unreadableAnswer } from './errors.ts';
import { queryByRef } from './query.ts';

/** Asks for an order that was never made: "no such order" takes connection, credentials and account to be in order. */
export function probe(client: Client, config: WechatPayConfig, ports: AdapterPorts): ChannelAdapter['probe'] {
  return async (signal) => {
    // Our order numbers never contain an `o`, so no payment can ever have this one.
    const neverIssued = `probe${Buffer.from(ports.randomBytes(11)).toString('hex')}`;
    const answer = await queryByRef(client, config, neverIssued, signal);
    if (!answer.ok) return answer;
    return answer.value.state === 'absent' ? ok(undefined) : err(unreadableAnswer());
  };
}
