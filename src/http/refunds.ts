import { createHash } from 'node:crypto';
import type { Router } from '@koa/router';
import { z } from 'zod';
import { type RefundOrder, refundView } from '../gateway/index.ts';
import { err, isPaymentId, ok, type Result } from '../payment/index.ts';
import { forMerchant, type MerchantEndpoint } from './authenticate.ts';
import { canonicalJson } from './canonical-json.ts';
import type { PublicAppParts, RequestState } from './context.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { amountSchema, lineSchema, orderNoSchema } from './fields.ts';
import { idempotencyKey } from './idempotency-key.ts';
import { readJson } from './json-body.ts';
import { type EdgeError, validationFailed } from './problem.ts';

/** Providers show it to the buyer and have no room for more. */
const REASON_CHARS_MAX = 80;

/** The body of `POST /v1/payments/{id}/refunds`. */
export const refundSchema = z.strictObject(
  {
    merchant_refund_no: orderNoSchema.describe(
      'Your number of the refund. One number is one refund, however often it is sent.',
    ),
    amount: amountSchema.describe("In the payment's minor unit. Absent: all that is left.").optional(),
    reason: lineSchema(REASON_CHARS_MAX).describe('The buyer may read it.').optional(),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);
const FIELDS = { '': Object.keys(refundSchema.shape) };

/** Refunds of `api.md`: make one, look at one. Both answer what is known now; the outcome comes by event as well. */
export function addRefundRoutes(router: Router<RequestState>, parts: PublicAppParts): void {
  const { gateway } = parts;

  const create: MerchantEndpoint = async (ctx, merchant) => {
    const key = idempotencyKey(ctx);
    if (!key.ok) return key;
    const body = await readJson(ctx.req);
    if (!body.ok) return body;
    const order = parseRefund(body.value, ctx.params.id ?? '');
    if (!order.ok) return order;
    if (!isPaymentId(ctx.params.id ?? '')) return err(NO_SUCH_PAYMENT);
    const made = await gateway.refundPayment(merchant, ctx.params.id ?? '', order.value, key.value);
    if (!made.ok) return made;
    const { payment, refund, repeat } = made.value;
    return ok({ status: repeat ? 200 : 201, body: refundView(refund, payment) });
  };

  const look: MerchantEndpoint = async (ctx, merchant) => {
    const { id = '', refundId = '' } = ctx.params;
    if (!isPaymentId(id)) return err(NO_SUCH_PAYMENT);
    const found = await gateway.getRefund(merchant, id, refundId);
    return found.ok ? ok({ status: 200, body: refundView(found.value.refund, found.value.payment) }) : found;
  };

  router.post('/v1/payments/:id/refunds', forMerchant(parts, create));
  router.get('/v1/payments/:id/refunds/:refundId', forMerchant(parts, look));
}

const NO_SUCH_PAYMENT: EdgeError = { code: 'not_found', detail: 'No such payment of this merchant.' };

/** The hash covers the payment too: an Idempotency-Key that was used for another payment's refund is a conflict. */
function parseRefund(body: unknown, paymentId: string): Result<RefundOrder, EdgeError> {
  const parsed = refundSchema.safeParse(body);
  if (!parsed.success) return err(validationFailed(fieldErrorsOf(parsed.error, FIELDS)));
  const { merchant_refund_no: merchantRefundNo, amount: amountMinor = null, reason = null } = parsed.data;
  const order = { merchantRefundNo, amountMinor, reason };
  const requestHash = createHash('sha256')
    .update(canonicalJson({ paymentId, ...order }))
    .digest('hex');
  return ok({ ...order, requestHash });
}
