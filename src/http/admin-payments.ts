import type { Router } from '@koa/router';
import { z } from 'zod';
import { type GatewayError, gatewayError } from '../gateway/index.ts';
import { err, isHeld, isPaymentId, ok, type Payment, type Result } from '../payment/index.ts';
import { answer, bodyOf } from './admin-answer.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { visibleLineSchema } from './fields.ts';
import { type EdgeError, validationFailed } from './problem.ts';

export interface HeldMoneyParts {
  disposeMoney(paymentId: string, disposition: 'keep' | 'refund'): Promise<Result<Payment, GatewayError>>;
  recordReturn(paymentId: string, reference: string): Promise<Result<Payment, GatewayError>>;
}

const REFERENCE_CHARS_MAX = 200;
const returnedSchema = z.strictObject(
  { reference: visibleLineSchema(REFERENCE_CHARS_MAX) },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);

/**
 * What an operator decides about money that is held: it counts (`keep`), a refund sends it back (`return`), or it was sent back by
 * other means (`returned`, with what proves that).
 */
export function addHeldMoneyRoutes(router: Router, parts: HeldMoneyParts): void {
  for (const [word, disposition] of [
    ['keep', 'keep'],
    ['return', 'refund'],
  ] as const) {
    router.post(`/admin/payments/:id/${word}`, (ctx) =>
      answer(ctx, () => decided(ctx.params.id, (id) => parts.disposeMoney(id, disposition))),
    );
  }
  router.post('/admin/payments/:id/returned', (ctx) =>
    answer(ctx, async () => {
      const body = await bodyOf(ctx, parseReturned);
      if (!body.ok) return body;
      return decided(ctx.params.id, (id) => parts.recordReturn(id, body.value.reference));
    }),
  );
}

function parseReturned(body: unknown): Result<z.output<typeof returnedSchema>, EdgeError> {
  const parsed = returnedSchema.safeParse(body);
  return parsed.success ? ok(parsed.data) : err(validationFailed(fieldErrorsOf(parsed.error, { '': ['reference'] })));
}

async function decided(
  id: string | undefined,
  decide: (id: string) => Promise<Result<Payment, GatewayError>>,
): Promise<Result<unknown, GatewayError>> {
  const done = isPaymentId(id ?? '') ? await decide(id ?? '') : err(gatewayError('not_found', 'No such payment.'));
  if (!done.ok) return done;
  const { status, statusReason, attempts } = done.value;
  return ok({ id, status, status_reason: statusReason, held: attempts.some(isHeld) });
}
