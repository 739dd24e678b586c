import type { ChannelError, OrderRef } from '../../src/channel/index.ts';
import { ABSENT, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { PayPalClient } from './client.ts';
import { findOrder } from './query.ts';
import { observeOrder, tellingCapture } from './status.ts';

/**
 * PayPal cancels no order, and need not: without our capture no money moves, and the buyer's approval lapses by itself. So an order
 * from which nothing was captured is closed by our word; the gateway sends no capture after it.
 */
export function close(client: PayPalClient) {
  return async (order: OrderRef, signal: AbortSignal): Promise<Result<Observation, ChannelError>> => {
    const found = await findOrder(client, order, signal);
    if (!found.ok) return found;
    if (found.value === null) return ok(ABSENT);
    const seen = observeOrder(found.value);
    const isUntouched = tellingCapture(found.value) === null && (seen.state === 'open' || seen.state === 'approved');
    return ok(isUntouched ? { ...seen, state: 'closed' } : seen);
  };
}
