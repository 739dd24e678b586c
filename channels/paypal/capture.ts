import { type ChannelError, channelError, type OrderRef } from '../../src/channel/index.ts';
import { err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { PayPalClient } from './client.ts';
import { isOurs } from './create.ts';
import { orderSchema } from './objects.ts';
import { query } from './query.ts';
import { observeOrder } from './status.ts';

/** The buyer has to choose again on PayPal's page; the order lives on. */
const MAY_TRY_AGAIN = new Set(['INSTRUMENT_DECLINED', 'REDIRECT_PAYER_FOR_ALTERNATE_FUNDING']);
/** Refusals that only say "not in this state": a look at the order tells which. */
const LOOK_AGAIN = new Set(['ALREADY_PAID', 'NOT_FOUND', 'INVALID_REQUEST']);

/**
 * Takes the money of an approved order. An order is captured once, whatever is sent; the request id makes a repeat answer what became
 * of the first.
 */
export function capture(client: PayPalClient) {
  const look = query(client);
  return async (order: OrderRef, signal: AbortSignal): Promise<Result<Observation, ChannelError>> => {
    const { channelTradeNo, providerRef } = order;
    if (channelTradeNo === null) return err(channelError('NOT_FOUND', 'no', { providerCode: 'no_order_id' }));
    const call = {
      method: 'POST',
      path: `/v2/checkout/orders/${encodeURIComponent(channelTradeNo)}/capture`,
      body: {},
      requestId: `${providerRef}-capture`,
    } as const;
    const answer = await client.ask(orderSchema, call, signal);
    if (answer.ok) {
      const seen = isOurs(answer.value, providerRef) ? observeOrder(answer.value) : null;
      // A short answer names neither payee nor amount; the order itself does.
      return seen?.account && seen.amount ? ok(seen) : look(order, signal);
    }
    const { kind, providerCode } = answer.error;
    if (LOOK_AGAIN.has(kind)) return look(order, signal);
    if (kind !== 'DECLINED' && kind !== 'RISK_REJECTED') return answer;
    return ok({
      state: MAY_TRY_AGAIN.has(providerCode ?? '') ? 'open' : 'failed',
      account: null,
      amount: null,
      channelTradeNo,
      paidAt: null,
      error: { kind, providerCode },
    });
  };
}
