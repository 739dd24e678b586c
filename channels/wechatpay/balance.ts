import { z } from 'zod';
import type { ChannelAdapter } from '../../src/channel/index.ts';
import { err, ok } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import { isCode, unreadableAnswer } from './errors.ts';

/** @see https://pay.weixin.qq.com/doc/v3/partner/4012476702 — in fen; what is pending cannot be refunded from yet */
const balanceSchema = z.object({ available_amount: z.int().min(0) });

/**
 * Asks what the account for payments (BASIC) holds, in CNY. WeChat documents this for service providers and platforms alone: an
 * ordinary merchant is told NO_AUTH, and nothing is wrong with it.
 */
export function balance(client: Client): NonNullable<ChannelAdapter['balance']> {
  return async (signal) => {
    const answer = await client.call((sdk) => sdk.balance(), signal);
    if (!answer.ok) {
      const { error } = answer;
      return isCode(error, 'NO_AUTH') && error.reason !== 'frozen' ? ok([]) : answer;
    }
    const read = balanceSchema.safeParse(answer.value);
    if (!read.success) return err(unreadableAnswer());
    return ok([{ currency: 'CNY', availableMinor: read.data.available_amount }]);
  };
}
