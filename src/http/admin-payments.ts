import type { Router } from '@koa/router';
import type { GatewayError } from '../gateway/index.ts';
import { isHeld, isPaymentId, type Payment, type Result } from '../payment/index.ts';

export interface HeldMoneyParts {
  disposeMoney(paymentId: string, disposition: 'keep' | 'refund'): Promise<Result<Payment, GatewayError>>;
}

/** What an operator decides about money that is held: it counts (`keep`), or it goes back (`return`). */
export function addHeldMoneyRoutes(router: Router, parts: HeldMoneyParts): void {
  for (const [word, disposition] of [
    ['keep', 'keep'],
    ['return', 'refund'],
  ] as const) {
    router.post(`/admin/payments/:id/${word}`, async (ctx) => {
      const id = ctx.params.id ?? '';
      ctx.set('Content-Type', 'application/json; charset=utf-8');
      const done = isPaymentId(id) ? await parts.disposeMoney(id, disposition) : null;
      if (done?.ok) {
        const { status, statusReason, attempts } = done.value;
        ctx.body = JSON.stringify({ id, status, status_reason: statusReason, held: attempts.some(isHeld) });
        return;
      }
      const { code, detail } = done?.error ?? { code: 'not_found', detail: 'No such payment.' };
      ctx.status = code === 'not_found' ? 404 : 409;
      ctx.body = JSON.stringify({ error: code, detail });
    });
  }
}
