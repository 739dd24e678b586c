import { type AdapterPorts, type ChannelError, channelError, type OrderRef } from '../../src/channel/index.ts';
import { err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { StripeClient } from './client.ts';
import type { StripeConfig } from './config.ts';
import { isOurs } from './create.ts';
import { unreadable } from './errors.ts';
import { type Intent, intentSchema, type Session, sessionSchema } from './objects.ts';
import { idOf, observe, observeById } from './query.ts';

/**
 * Refusals that only say "not in this state": the order was paid, closed or is being paid, and a look at it tells which.
 * Expiring a Session that is not open is refused without any code, as a plain invalid request.
 */
const LOOK_AGAIN = new Set(['INVALID_REQUEST', 'ALREADY_PAID', 'ALREADY_CLOSED']);

/** Expires the Session or cancels the PaymentIntent. Also closes an order whose create answer was lost (I7). */
export function close(client: StripeClient, config: StripeConfig, ports: AdapterPorts) {
  return async (order: OrderRef, signal: AbortSignal): Promise<Result<Observation, ChannelError>> => {
    const id = await idOf(client, config, ports.now, order, signal);
    if (!id.ok) return id;
    if (typeof id.value !== 'string') return ok(id.value);
    const before = await observeById(client, config, order, id.value, signal);
    if (!before.ok || before.value.state !== 'open') return before;
    // A key of its own each time: under a repeated one Stripe would replay a stored failure for a day.
    const key = `${order.providerRef}:close:${Buffer.from(ports.randomBytes(8)).toString('hex')}`;
    const closed = await closeById(client, id.value, key, signal);
    if (closed.ok) {
      if (!isOurs(closed.value, order.providerRef, config)) return err(unreadable('forged_response'));
      return ok(observe(closed.value, config.account));
    }
    if (!LOOK_AGAIN.has(closed.error.kind)) return closed;
    return observeById(client, config, order, id.value, signal);
  };
}

async function closeById(
  client: StripeClient,
  id: string,
  idempotencyKey: string,
  signal: AbortSignal,
): Promise<Result<Session | Intent, ChannelError>> {
  const options = { idempotencyKey };
  if (id.startsWith('pi_')) {
    const params = { cancellation_reason: 'abandoned' } as const;
    return client.ask(intentSchema, signal, (stripe) => stripe.paymentIntents.cancel(id, params, options));
  }
  if (id.startsWith('cs_')) {
    return client.ask(sessionSchema, signal, (stripe) =>
      stripe.checkout.sessions.expire(id, { expand: ['payment_intent'] }, options),
    );
  }
  return err(channelError('INVALID_REQUEST', 'no', { providerCode: 'not_a_stripe_id' }));
}
