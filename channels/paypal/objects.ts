import { z } from 'zod';
import { parseRefundRef } from '../../src/payment/index.ts';

/**
 * The parts of PayPal's objects that we read. Unknown fields are let pass; the fields named here have to be of these types, or the
 * message is not believed.
 * @see https://developer.paypal.com/docs/api/orders/v2/ and .../payments/v2/
 */
const id = z.string().regex(/^[A-Z0-9]{5,40}$/);
const amount = z.object({ currency_code: z.string().regex(/^[A-Z]{3}$/), value: z.string().max(32) });
const party = z.object({ merchant_id: z.string().optional() });
const time = z.string().max(40);
const links = z.array(z.object({ href: z.string().max(2_048), rel: z.string() }));
const statusDetails = z.object({ reason: z.string().max(80).optional() });

export const captureSchema = z.object({
  id,
  status: z.string(),
  status_details: statusDetails.optional(),
  amount: amount.optional(),
  custom_id: z.string().optional(),
  payee: party.optional(),
  supplementary_data: z.object({ related_ids: z.object({ order_id: id.optional() }).optional() }).optional(),
  create_time: time.optional(),
  links: links.optional(),
});
export type Capture = z.infer<typeof captureSchema>;

export const refundSchema = z.object({
  id,
  status: z.string(),
  status_details: statusDetails.optional(),
  amount: amount.optional(),
  custom_id: z.string().optional(),
  /** Who pays a refund is the merchant. */
  payer: party.optional(),
  create_time: time.optional(),
  update_time: time.optional(),
});
export type Refund = z.infer<typeof refundSchema>;

const unitSchema = z.object({
  custom_id: z.string().optional(),
  amount: amount.optional(),
  payee: party.optional(),
  payments: z
    .object({ captures: z.array(captureSchema).optional(), refunds: z.array(refundSchema).optional() })
    .optional(),
});
export type Unit = z.infer<typeof unitSchema>;

export const orderSchema = z.object({
  id,
  status: z.string(),
  purchase_units: z.array(unitSchema).optional(),
  links: links.optional(),
});
export type Order = z.infer<typeof orderSchema>;

export const eventSchema = z.object({
  id: z.string().min(1).max(100),
  event_type: z.string(),
  create_time: time.optional(),
  resource: z.unknown(),
});

/** REST errors have `name` and `details`, those of OAuth `error`. */
export const problemSchema = z.object({
  name: z.string().optional(),
  error: z.string().optional(),
  details: z.array(z.object({ issue: z.string().optional() })).optional(),
});

/** We make orders of one unit; another number of them is none of ours. */
export function unitOf({ purchase_units: units = [] }: Order): Unit | null {
  const [unit, ...more] = units;
  return unit !== undefined && more.length === 0 ? unit : null;
}

/** The refund and its order that a refund was made for; null when it is none of ours (made by hand at PayPal). */
export function refundNamesOf({ custom_id: refundRef }: Refund): { refundRef: string; providerRef: string } | null {
  const parsed = refundRef === undefined ? null : parseRefundRef(refundRef);
  return refundRef === undefined || parsed === null ? null : { refundRef, providerRef: parsed.providerRef };
}

/** The order that a capture belongs to, which its own id does not tell. */
export function orderIdOf({ supplementary_data: more, links: found = [] }: Capture): string | null {
  const told = more?.related_ids?.order_id;
  if (told !== undefined) return told;
  const up = found.find(({ rel }) => rel === 'up')?.href ?? '';
  return /\/v2\/checkout\/orders\/([A-Z0-9]{5,40})$/.exec(up)?.[1] ?? null;
}
