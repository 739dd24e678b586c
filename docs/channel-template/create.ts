import { z } from 'zod';
import { type ChannelAdapter, channelError } from '../../src/channel/index.ts';
import { err, ok, toDecimalString } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import { parseJson } from './json.ts';

const createdSchema = z.object({
  order_no: z.string(),
  trade_no: z.string().min(1).max(64),
  pay_url: z.url({ protocol: /^https?$/ }),
});

/** Asks for money. Our number makes a repeat the same order; their answer must name it, or it answers another question. */
export function create(client: Client): ChannelAdapter['create'] {
  return async (wish, signal) => {
    if (wish.scene !== 'redirect') return err(channelError('INVALID_REQUEST', 'no'));
    const body = {
      order_no: wish.providerRef,
      amount: toDecimalString(wish.amount),
      currency: wish.amount.currency,
      title: wish.subject,
      // Always sent, so that an order that we lose sight of dies by itself (I7).
      expires_at: wish.expiresAt,
      notify_url: wish.callbackUrl,
      return_url: wish.returnUrl,
    };
    const answer = await client.call('POST', '/orders', body, signal);
    if (!answer.ok) return answer;
    const created = createdSchema.safeParse(parseJson(answer.value)).data;
    if (created?.order_no !== wish.providerRef) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
    return ok({ action: { type: 'redirect', url: created.pay_url }, channelTradeNo: created.trade_no });
  };
}
