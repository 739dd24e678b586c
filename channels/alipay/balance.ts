import { z } from 'zod';
import { type Balance, type ChannelError, channelError } from '../../src/channel/index.ts';
import { err, fromDecimalString, ok, type Result } from '../../src/payment/index.ts';
import type { AlipayClient } from './client.ts';
import { lacksRight } from './errors.ts';

/** @see https://opendocs.alipay.com/open/alipay.data.bill.balance.query — in yuan; what is frozen cannot be refunded from */
const balanceSchema = z.object({ available_amount: z.string() });

/** Asks what our account holds. An application without this product is no fault of the account. */
export function balance(client: AlipayClient) {
  return async (signal: AbortSignal): Promise<Result<readonly Balance[], ChannelError>> => {
    const answer = await client.call(
      { operation: 'balance', method: 'alipay.data.bill.balance.query', biz: {} },
      signal,
    );
    if (!answer.ok) return lacksRight(answer.error) ? ok([]) : answer;
    const read = balanceSchema.safeParse(answer.value);
    const availableMinor = read.success ? fenOf(read.data.available_amount) : null;
    if (availableMinor === null) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
    return ok([{ currency: 'CNY', availableMinor }]);
  };
}

/** Null for what is no amount. An empty account is one; an order of nothing would not be. */
function fenOf(yuan: string): number | null {
  if (/^0+(?:\.0{1,2})?$/.test(yuan)) return 0;
  const amount = fromDecimalString(yuan, 'CNY');
  return amount.ok ? amount.value.minor : null;
}
