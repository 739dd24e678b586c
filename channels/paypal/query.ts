import type { ChannelError, OrderRef } from '../../src/channel/index.ts';
import { ABSENT, err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { PayPalClient } from './client.ts';
import { isOurs } from './create.ts';
import { unreadable } from './errors.ts';
import { type Order, orderSchema } from './objects.ts';
import { observeOrder } from './status.ts';

/** An id that PayPal never gave out. */
const NOWHERE = '0SWITCHYARDPROBE0';

/**
 * PayPal can be asked by its own id only. An order whose id was lost with the create's answer is out of everybody's reach: nobody has
 * the link to approve it, and without an approval and our capture no money moves. So it counts as not there.
 */
export function query(client: PayPalClient) {
  return async (order: OrderRef, signal: AbortSignal): Promise<Result<Observation, ChannelError>> => {
    const found = await findOrder(client, order, signal);
    if (!found.ok) return found;
    return ok(found.value === null ? ABSENT : observeOrder(found.value));
  };
}

/** A healthy account answers that there is no such order. */
export function probe(client: PayPalClient) {
  return async (signal: AbortSignal): Promise<Result<void, ChannelError>> => {
    const answer = await client.ask(orderSchema, { method: 'GET', path: `/v2/checkout/orders/${NOWHERE}` }, signal);
    if (answer.ok) return err(unreadable('forged_response'));
    return answer.error.kind === 'NOT_FOUND' ? ok(undefined) : answer;
  };
}

/** The order as PayPal has it; null when it has none. */
export async function findOrder(
  client: PayPalClient,
  { channelTradeNo, providerRef }: OrderRef,
  signal: AbortSignal,
): Promise<Result<Order | null, ChannelError>> {
  if (channelTradeNo === null) return ok(null);
  const path = `/v2/checkout/orders/${encodeURIComponent(channelTradeNo)}`;
  const answer = await client.ask(orderSchema, { method: 'GET', path }, signal);
  if (!answer.ok) return answer.error.kind === 'NOT_FOUND' ? ok(null) : answer;
  const isAsked = answer.value.id === channelTradeNo && isOurs(answer.value, providerRef);
  return isAsked ? answer : err(unreadable('forged_response'));
}
