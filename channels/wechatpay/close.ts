import type { ChannelAdapter } from '../../src/channel/index.ts';
import { ABSENT, ok } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import type { WechatPayConfig } from './config.ts';
import { isCode } from './errors.ts';
import { queryByRef } from './query.ts';
import { CLOSED } from './status.ts';

/** An order that is being paid right now cannot be closed; the query says what became of it, and nothing is tried blindly. */
export function close(client: Client, config: WechatPayConfig): ChannelAdapter['close'] {
  return async ({ providerRef }, signal) => {
    const answer = await client.call((sdk) => sdk.close(providerRef), signal);
    if (answer.ok) return ok(CLOSED);
    const { error } = answer;
    if (error.kind === 'ALREADY_CLOSED') return ok(CLOSED);
    if (isCode(error, 'ORDER_NOT_EXIST')) return ok(ABSENT);
    if (error.kind === 'ALREADY_PAID' || isBeingPaid(error)) return queryByRef(client, config, providerRef, signal);
    return answer;
  };
}

function isBeingPaid(error: Parameters<typeof isCode>[0]): boolean {
  return error.kind === 'RATE_LIMITED' || isCode(error, 'USERPAYING') || isCode(error, 'ACCEPT');
}
