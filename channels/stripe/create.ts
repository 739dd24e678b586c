import type Stripe from 'stripe';
import { type ChannelError, type Created, type CreateRequest, channelError } from '../../src/channel/index.ts';
import { type EpochMs, err, ok, type Result } from '../../src/payment/index.ts';
import { type StripeAmount, toStripeAmount } from './amounts.ts';
import type { StripeClient } from './client.ts';
import { isLivemode, type StripeConfig } from './config.ts';
import { unreadable } from './errors.ts';
import {
  FLOW_KEY,
  type Flow,
  type Intent,
  intentSchema,
  REF_KEY,
  refOf,
  type Session,
  sessionSchema,
} from './objects.ts';

const MINUTE = 60_000;
/** Stripe refuses a life under 30 minutes, counted by its own clock when the request has arrived there. */
const SESSION_LIFE_MS_MIN = 31 * MINUTE;
const SESSION_LIFE_MS_MAX = 24 * 60 * MINUTE - MINUTE;
/** A repeated create has to say the same as the first one, so the shortest life ends at a round time. */
const EXPIRY_STEP_MS = 5 * MINUTE;

/** When a Session ends that should end at `expiresAt`: never before half an hour from now, never after a day. */
export function sessionExpiresAt(expiresAt: EpochMs, now: EpochMs): EpochMs {
  const earliest = Math.ceil((now + SESSION_LIFE_MS_MIN) / EXPIRY_STEP_MS) * EXPIRY_STEP_MS;
  return Math.min(Math.max(expiresAt, earliest), now + SESSION_LIFE_MS_MAX);
}

/** A Checkout Session for a browser, a PaymentIntent for an app. Both under our own idempotency key. */
export function create(client: StripeClient, config: StripeConfig, now: () => EpochMs) {
  return async (request: CreateRequest, signal: AbortSignal): Promise<Result<Created, ChannelError>> => {
    if (request.method !== 'card') return err(notOffered('method_not_offered'));
    const asked = toStripeAmount(request.amount);
    if (!asked.ok) return err(channelError('INVALID_REQUEST', 'no', { providerCode: asked.error }));
    const key = { idempotencyKey: `${request.providerRef}:create` };
    switch (request.scene) {
      case 'redirect':
      case 'wap': {
        const params = sessionParams(request, asked.value, sessionExpiresAt(request.expiresAt, now()));
        const made = await client.ask(sessionSchema, signal, (stripe) => stripe.checkout.sessions.create(params, key));
        return made.ok ? fromSession(made.value, request.providerRef, config) : made;
      }
      case 'inapp': {
        const params = intentParams(request, asked.value);
        const made = await client.ask(intentSchema, signal, (stripe) => stripe.paymentIntents.create(params, key));
        return made.ok ? fromIntent(made.value, request.providerRef, config) : made;
      }
      default:
        return err(notOffered('scene_not_offered'));
    }
  };
}

function sessionParams(
  request: CreateRequest,
  { amount, currency }: StripeAmount,
  expiresAt: EpochMs,
): Stripe.Checkout.SessionCreateParams {
  return {
    mode: 'payment',
    allowed_payment_method_types: ['card'],
    line_items: [
      { quantity: 1, price_data: { currency, unit_amount: amount, product_data: { name: request.subject } } },
    ],
    success_url: request.returnUrl,
    cancel_url: request.returnUrl,
    client_reference_id: request.providerRef,
    metadata: { [REF_KEY]: request.providerRef },
    payment_intent_data: { metadata: ourMetadata(request.providerRef, 'checkout') },
    expires_at: Math.floor(expiresAt / 1_000),
    // The dashboard's default may convert to the buyer's currency; the attempt is bound to the one that was asked for (I5).
    adaptive_pricing: { enabled: false },
  };
}

function intentParams(request: CreateRequest, { amount, currency }: StripeAmount): Stripe.PaymentIntentCreateParams {
  return {
    amount,
    currency,
    allowed_payment_method_types: ['card'],
    description: request.subject,
    metadata: ourMetadata(request.providerRef, 'intent'),
  };
}

function ourMetadata(providerRef: string, flow: Flow): Record<string, string> {
  return { [REF_KEY]: providerRef, [FLOW_KEY]: flow };
}

function fromSession(session: Session, providerRef: string, config: StripeConfig): Result<Created, ChannelError> {
  if (!session.url || !isOurs(session, providerRef, config)) return err(unreadable('forged_response'));
  return ok({ action: { type: 'redirect', url: session.url }, channelTradeNo: session.id });
}

function fromIntent(intent: Intent, providerRef: string, config: StripeConfig): Result<Created, ChannelError> {
  const { client_secret: clientSecret } = intent;
  if (!clientSecret || !isOurs(intent, providerRef, config)) return err(unreadable('forged_response'));
  const action = { type: 'client_secret', clientSecret, publishableKey: config.publishable_key } as const;
  return ok({ action, channelTradeNo: intent.id });
}

/** Whether an object is the one that we asked for, in the mode that our key works in. */
export function isOurs(object: Session | Intent, providerRef: string, config: StripeConfig): boolean {
  return refOf(object) === providerRef && object.livemode === isLivemode(config);
}

/** The router sent what this channel was never configured for; another channel can serve it. */
function notOffered(providerCode: string): ChannelError {
  return channelError('AUTH_MISCONFIGURED', 'no', { providerCode });
}
