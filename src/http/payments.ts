import type { Router } from '@koa/router';
import { z } from 'zod';
import { candidateView, type GatewayError, isoTime, type Merchant, paymentView } from '../gateway/index.ts';
import { err, isPaymentId, ok, type Payment, type Result } from '../payment/index.ts';
import { forMerchant, type MerchantEndpoint } from './authenticate.ts';
import type { EdgeContext, PublicAppParts, RequestState } from './context.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { idempotencyKey } from './idempotency-key.ts';
import { readJson } from './json-body.ts';
import { parseOrder } from './order.ts';
import { type EdgeError, validationFailed } from './problem.ts';
import { parseListFilter } from './query.ts';
import type { Reply } from './respond.ts';

/** The body of `POST /v1/payments/{id}/fulfilment`. */
export const fulfilmentSchema = z.strictObject(
  { status: z.literal('delivered', 'must be "delivered"').describe('The goods are out.') },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);

/** The payments of `api.md`: create, list, look, close, ask the channel, report the delivery, explain the routing. */
export function addPaymentRoutes(router: Router<RequestState>, parts: PublicAppParts): void {
  const { gateway } = parts;
  const view = (payment: Payment) => paymentView(payment, parts.settings().publicUrl);

  const create: MerchantEndpoint = async (ctx, merchant) => {
    const key = idempotencyKey(ctx);
    if (!key.ok) return key;
    const body = await readJson(ctx.req);
    if (!body.ok) return body;
    const order = parseOrder(body.value, parts.settings().allowHttpUrls);
    if (!order.ok) return order;
    const created = await gateway.createPayment(merchant, order.value, key.value);
    if (!created.ok) return created;
    return ok({ status: created.value.repeat ? 200 : 201, body: view(created.value.payment) });
  };

  const list: MerchantEndpoint = async (ctx, merchant) => {
    const filter = parseListFilter(ctx.querystring);
    if (!filter.ok) return filter;
    const page = await gateway.listPayments(merchant, filter.value);
    return ok({ status: 200, body: { data: page.items.map(view), next_cursor: page.nextCursor } });
  };

  const fulfil: MerchantEndpoint = async (ctx, merchant) => {
    const body = await readJson(ctx.req);
    if (!body.ok) return body;
    const parsed = fulfilmentSchema.safeParse(body.value);
    if (!parsed.success) return err(validationFailed(fieldErrorsOf(parsed.error, { '': ['status'] })));
    return onPayment(ctx, (id) => gateway.markDelivered(merchant, id));
  };

  /** Runs a use case on the payment that the path names. */
  async function onPayment(
    ctx: EdgeContext,
    act: (id: string) => Promise<Result<Payment, GatewayError>>,
    render: (payment: Payment) => unknown = view,
  ): Promise<Result<Reply, EdgeError>> {
    const id = ctx.params.id ?? '';
    // An id that we cannot have made needs no look into the store.
    const done = isPaymentId(id) ? await act(id) : err(NO_SUCH_PAYMENT);
    return done.ok ? ok({ status: 200, body: render(done.value) }) : done;
  }

  const plain = (act: (merchant: Merchant, id: string) => Promise<Result<Payment, GatewayError>>) =>
    forMerchant(parts, (ctx, merchant) => onPayment(ctx, (id) => act(merchant, id)));

  router.post('/v1/payments', forMerchant(parts, create));
  router.get('/v1/payments', forMerchant(parts, list));
  router.get('/v1/payments/:id', plain(gateway.getPayment));
  router.post('/v1/payments/:id/close', plain(gateway.closePayment));
  router.post('/v1/payments/:id/sync', plain(gateway.syncPayment));
  router.post('/v1/payments/:id/fulfilment', forMerchant(parts, fulfil));
  router.get(
    '/v1/payments/:id/routing',
    forMerchant(parts, (ctx, merchant) => onPayment(ctx, (id) => gateway.getPayment(merchant, id), decisionsView)),
  );
}

const NO_SUCH_PAYMENT: EdgeError = { code: 'not_found', detail: 'No such payment of this merchant.' };

/** The decisions as they were stored when they were taken, one per attempt. */
export function decisionsView(payment: Payment) {
  return {
    data: payment.attempts.map(({ seq, channelId, decision }) => ({
      attempt: seq,
      channel: channelId,
      position: decision.position,
      reason: decision.reason,
      explanation: decision.explanation,
      decided_at: isoTime(decision.decidedAt),
      draw: decision.draw,
      rules: decision.rules ?? [],
      candidates: decision.candidates.map(candidateView),
      ...(decision.omitted !== undefined && { omitted: decision.omitted }),
    })),
  };
}
