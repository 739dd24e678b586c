import { type ChannelError, channelError, type OrderRef } from '../../src/channel/index.ts';
import { ABSENT, type EpochMs, err, type Observation, ok, type Result } from '../../src/payment/index.ts';
import type { StripeClient } from './client.ts';
import { isLivemode, type StripeConfig } from './config.ts';
import { isOurs } from './create.ts';
import { unreadable } from './errors.ts';
import { locate } from './locate.ts';
import { FLOW_KEY, type Intent, intentSchema, type Session, sessionSchema } from './objects.ts';
import { observeIntent, observeSession } from './status.ts';

/** An id that Stripe never gave out. */
const NOWHERE = 'switchyardprobe0000000000';

/** Asks by Stripe's id; when that was lost with the create answer, finds the order first. */
export function query(client: StripeClient, config: StripeConfig, now: () => EpochMs) {
  return async (order: OrderRef, signal: AbortSignal): Promise<Result<Observation, ChannelError>> => {
    const id = await idOf(client, config, now, order, signal);
    if (!id.ok) return id;
    return typeof id.value === 'string' ? observeById(client, config, order, id.value, signal) : ok(id.value);
  };
}

/** A healthy account answers that there is no such Session. */
export function probe(client: StripeClient, config: StripeConfig) {
  const id = `cs_${isLivemode(config) ? 'live' : 'test'}_${NOWHERE}`;
  return async (signal: AbortSignal): Promise<Result<void, ChannelError>> => {
    const answer = await client.ask(sessionSchema, signal, (stripe) => stripe.checkout.sessions.retrieve(id));
    if (answer.ok) return err(unreadable('forged_response'));
    return answer.error.kind === 'NOT_FOUND' ? ok(undefined) : answer;
  };
}

/** The id of the order at Stripe; when there is none, what that means. */
export async function idOf(
  client: StripeClient,
  config: StripeConfig,
  now: () => EpochMs,
  order: OrderRef,
  signal: AbortSignal,
): Promise<Result<string | Observation, ChannelError>> {
  if (order.channelTradeNo !== null) {
    // To a key of the other mode the order does not exist, and that must never pass for an answer about it.
    if (isOfOtherMode(order.channelTradeNo, config)) {
      return err(channelError('AUTH_MISCONFIGURED', 'no', { providerCode: 'livemode_mismatch' }));
    }
    return ok(order.channelTradeNo);
  }
  const located = await locate(client, order.providerRef, now(), signal);
  if (!located.ok) return located;
  if (located.value.found !== null) return ok(located.value.found.id);
  return ok(located.value.because === 'none' ? ABSENT : { ...ABSENT, state: 'unclear' });
}

export async function observeById(
  client: StripeClient,
  config: StripeConfig,
  order: OrderRef,
  id: string,
  signal: AbortSignal,
): Promise<Result<Observation, ChannelError>> {
  const answer = await retrieve(client, id, signal);
  if (!answer.ok) return answer.error.kind === 'NOT_FOUND' ? ok(ABSENT) : answer;
  if (!isOurs(answer.value, order.providerRef, config)) return err(unreadable('forged_response'));
  return ok(observe(answer.value, config.account));
}

export function observe(object: Session | Intent, account: string): Observation {
  if (object.object === 'checkout.session') return observeSession(object, account);
  const seen = observeIntent(object, account);
  // Whether a Session still takes money is for the Session to say; its PaymentIntent can only prove that money came.
  return object.metadata?.[FLOW_KEY] === 'checkout' && seen.state !== 'succeeded'
    ? { ...seen, state: 'unclear' }
    : seen;
}

function retrieve(
  client: StripeClient,
  id: string,
  signal: AbortSignal,
): Promise<Result<Session | Intent, ChannelError>> {
  if (id.startsWith('pi_')) {
    return client.ask(intentSchema, signal, (stripe) =>
      stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] }),
    );
  }
  const expand = ['payment_intent.latest_charge'];
  return client.ask(sessionSchema, signal, (stripe) => stripe.checkout.sessions.retrieve(id, { expand }));
}

function isOfOtherMode(id: string, config: StripeConfig): boolean {
  const mode = /^cs_(test|live)_/.exec(id)?.[1];
  return mode !== undefined && (mode === 'live') !== isLivemode(config);
}
