import { z } from 'zod';
import { parseRefundRef } from '../../src/payment/index.ts';

/**
 * The parts of Stripe's objects that we read. Unknown fields are let pass, since Stripe adds some without a new version;
 * the fields named here have to be of these types, or the message is not believed.
 * @see https://docs.stripe.com/api
 */
const currency = z.string().regex(/^[a-z]{3}$/);
const epochSeconds = z.int().min(0);
const metadata = z.record(z.string(), z.string()).nullable();

const chargeSchema = z.object({
  id: z.string(),
  created: epochSeconds,
});

const payErrorSchema = z.object({
  type: z.string(),
  code: z.string().nullish(),
  decline_code: z.string().nullish(),
});
export type PayError = z.infer<typeof payErrorSchema>;

export const intentSchema = z.object({
  id: z.string().regex(/^pi_[A-Za-z0-9]+$/),
  object: z.literal('payment_intent'),
  livemode: z.boolean(),
  created: epochSeconds,
  status: z.string(),
  amount: z.int(),
  amount_received: z.int(),
  currency,
  client_secret: z.string().nullish(),
  metadata,
  last_payment_error: payErrorSchema.nullish(),
  latest_charge: z.union([z.string(), chargeSchema]).nullish(),
});
export type Intent = z.infer<typeof intentSchema>;

export const sessionSchema = z.object({
  id: z.string().regex(/^cs_(?:test|live)_[A-Za-z0-9]+$/),
  object: z.literal('checkout.session'),
  livemode: z.boolean(),
  created: epochSeconds,
  status: z.string().nullable(),
  payment_status: z.string(),
  amount_total: z.int().nullable(),
  currency: currency.nullable(),
  client_reference_id: z.string().nullable(),
  metadata,
  payment_intent: z.union([z.string(), intentSchema]).nullable(),
  url: z.string().nullish(),
});
export type Session = z.infer<typeof sessionSchema>;

/** Refunds of cards are `re_...`, those of other payments `pyr_...`. */
export const refundSchema = z.object({
  id: z.string().regex(/^(?:re|pyr)_[A-Za-z0-9]+$/),
  object: z.literal('refund'),
  created: epochSeconds,
  status: z.string().nullable(),
  amount: z.int(),
  currency,
  payment_intent: z.string().nullable(),
  metadata,
  failure_reason: z.string().nullish(),
  pending_reason: z.string().nullish(),
});
export type Refund = z.infer<typeof refundSchema>;

export const eventSchema = z.object({
  id: z.string().regex(/^evt_[A-Za-z0-9]+$/),
  object: z.literal('event'),
  type: z.string(),
  created: epochSeconds,
  livemode: z.boolean(),
  /** Named only on events of connected accounts. */
  account: z.string().nullish(),
  data: z.object({ object: z.unknown() }),
});

/** Our words in Stripe's metadata. They come back on every object and event and no buyer can change them. */
export const REF_KEY = 'provider_ref';
export const FLOW_KEY = 'flow';
export const REFUND_KEY = 'refund_ref';
/** The merchant's words; Stripe's own `reason` takes three fixed ones only. */
export const REASON_KEY = 'reason';
/** A PaymentIntent that a Checkout Session made for itself, or one that we made. */
export type Flow = 'checkout' | 'intent';

/** The order that an object was made for; null when it is none of ours (other software on the same account). */
export function refOf(object: Session | Intent): string | null {
  const ref = object.metadata?.[REF_KEY] ?? null;
  if (object.object === 'checkout.session' && object.client_reference_id !== ref) return null;
  return ref;
}

/** The refund and its order that an object was made for; null when it is none of ours (made by hand in the dashboard). */
export function refundNamesOf(refund: Refund): { readonly refundRef: string; readonly providerRef: string } | null {
  const refundRef = refund.metadata?.[REFUND_KEY];
  const providerRef = refund.metadata?.[REF_KEY];
  if (refundRef === undefined || providerRef === undefined) return null;
  return parseRefundRef(refundRef)?.providerRef === providerRef ? { refundRef, providerRef } : null;
}
