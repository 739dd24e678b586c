import { createHash } from 'node:crypto';
import type { Order, QuoteRequest } from '../gateway/index.ts';
import { err, money, ok, type Result } from '../payment/index.ts';
import { canonicalJson } from './canonical-json.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { type OrderBody, orderSchema, quoteSchema } from './order-schema.ts';
import { type EdgeError, validationFailed } from './problem.ts';

const ORDER_FIELDS = {
  '': Object.keys(orderSchema(false).shape),
  customer: ['id', 'ip', 'email', 'device_id', 'country'],
};

// A schema is built once for each answer to "is plain http allowed?"; the setting may change at a reload.
const schemas = { true: orderSchema(true), false: orderSchema(false) };
const quoteSchemas = { true: quoteSchema(true), false: quoteSchema(false) };

/** Checks the body of a create. Every fault is named with its path; nothing is corrected in silence. */
export function parseOrder(body: unknown, allowHttpUrls: boolean): Result<Order, EdgeError> {
  const parsed = schemas[`${allowHttpUrls}`].safeParse(body);
  if (!parsed.success) return err(validationFailed(fieldErrorsOf(parsed.error, ORDER_FIELDS)));
  const order = orderOf(parsed.data);
  return ok({ ...order, requestHash: hashOf(order) });
}

/** Checks the body of a quote. */
export function parseQuote(body: unknown, allowHttpUrls: boolean): Result<QuoteRequest, EdgeError> {
  const parsed = quoteSchemas[`${allowHttpUrls}`].safeParse(body);
  if (!parsed.success) return err(validationFailed(fieldErrorsOf(parsed.error, ORDER_FIELDS)));
  const { amount, currency, methods, scene, channel, customer, subject = '', metadata = {} } = parsed.data;
  const buyerIpKnown = customer?.ip !== undefined;
  const read = { subject, metadata, country: customer?.country ?? null };
  return ok({
    ...{ amount: money(amount, currency), methods, scene, pinnedChannelId: channel ?? null, buyerIpKnown },
    ...read,
  });
}

function orderOf(body: OrderBody): Omit<Order, 'requestHash'> {
  const { id, ip, email, device_id: deviceId, country } = body.customer;
  return {
    merchantOrderNo: body.merchant_order_no,
    amount: money(body.amount, body.currency),
    methods: body.methods,
    scene: body.scene,
    subject: body.subject,
    customer: {
      ...(id === undefined ? {} : { id }),
      ...(ip === undefined ? {} : { ip }),
      ...(email === undefined ? {} : { email }),
      ...(deviceId === undefined ? {} : { deviceId }),
      ...(country === undefined ? {} : { country }),
    },
    notifyUrl: body.notify_url ?? null,
    returnUrl: body.return_url ?? null,
    expiresInMs: body.expires_in * 1_000,
    metadata: body.metadata,
    pinnedChannelId: body.channel ?? null,
    // Absent where it is not set, so that the hash of a request from before it existed is the same.
    ...(body.deferred ? { deferred: true } : {}),
  };
}

/** Over the parsed order with its defaults, so that key order, blanks and a default written out make no difference (I1). */
function hashOf(order: Omit<Order, 'requestHash'>): string {
  return createHash('sha256').update(canonicalJson(order)).digest('hex');
}
