import { z } from 'zod';
import type { SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { newId } from './keys.ts';
import type { Entry, Ledger } from './ledger.ts';
import { readMoney } from './money.ts';
import { renderOrder } from './objects.ts';
import { done, notFound, problem, type Reply, unprocessable } from './reply.ts';
import type { Till } from './till.ts';

const HOUR_MS = 3_600_000;
/** How long an order waits for its buyer, and PayPal for a repeated request. */
export const ORDER_LIFE_MS = 6 * HOUR_MS;

const paramsSchema = z.object({
  intent: z.literal('CAPTURE'),
  purchase_units: z
    .array(
      z.object({
        reference_id: z.string().max(256).optional(),
        custom_id: z.string().max(255).optional(),
        invoice_id: z.string().max(127).optional(),
        description: z.string().max(127).optional(),
        amount: z.object({ currency_code: z.string().length(3), value: z.string().max(32) }),
      }),
    )
    .length(1),
  payment_source: z.object({
    paypal: z.object({
      experience_context: z.object({
        return_url: z.url(),
        cancel_url: z.url(),
        user_action: z.enum(['CONTINUE', 'PAY_NOW']).optional(),
        shipping_preference: z.enum(['GET_FROM_FILE', 'NO_SHIPPING', 'SET_PROVIDED_ADDRESS']).optional(),
      }),
    }),
  }),
});

export interface OrdersApi {
  create(body: unknown, requestId: string | null): Reply;
  retrieve(id: string): Reply;
  capture(id: string, requestId: string | null): Reply;
}

/** @see https://developer.paypal.com/docs/api/orders/v2/ */
export function openOrders(options: SimulatorOptions, ledger: Ledger, till: Till, payeeId: string): OrdersApi {
  const { now, randomBytes, baseUrl, books } = options;
  const render = (entry: Entry) => renderOrder(entry, baseUrl());
  const find = (id: string): Entry | undefined => {
    const entry = ledger.find(({ order }) => order.tradeNo === id);
    // What its buyer never came to is gone after a while.
    const isLapsed =
      entry?.order.status === 'open' && entry.detail.capture === null && (entry.order.expiresAt ?? 0) <= now();
    return isLapsed ? undefined : entry;
  };

  return {
    create(body, requestId) {
      if (requestId === null) return problem(400, 'INVALID_REQUEST', 'PAYPAL_REQUEST_ID_REQUIRED');
      const first = ledger.find(
        ({ detail, order }) => detail.requestId === requestId && order.createdAt + ORDER_LIFE_MS > now(),
      );
      if (first !== undefined) return done(200, render(first));
      const parsed = paramsSchema.safeParse(body);
      const [unit] = parsed.success ? parsed.data.purchase_units : [];
      if (!parsed.success || unit === undefined) return problem(400, 'INVALID_REQUEST', 'INVALID_PARAMETER_SYNTAX');
      const minor = readMoney(unit.amount);
      if (typeof minor === 'string') return unprocessable(minor);
      const id = newId(randomBytes);
      const { experience_context: experience } = parsed.data.payment_source.paypal;
      const reference = unit.custom_id ?? id;
      const entry = ledger.put(
        {
          // The number is the merchant's and not unique to PayPal.
          providerRef: books.find(reference) === undefined ? reference : id,
          amountMinor: minor,
          currency: unit.amount.currency_code,
          visible: true,
          status: 'open',
          tradeNo: id,
          paidAmountMinor: null,
          paidAt: null,
          createdAt: now(),
          expiresAt: now() + ORDER_LIFE_MS,
          refunds: [],
          callbacksSent: 0,
          callbacksAcked: 0,
          detail: {},
        },
        {
          requestId,
          customId: unit.custom_id ?? null,
          invoiceId: unit.invoice_id ?? null,
          referenceId: unit.reference_id ?? 'default',
          description: unit.description ?? '',
          returnUrl: experience.return_url,
          cancelUrl: experience.cancel_url,
          payeeId,
          status: 'PAYER_ACTION_REQUIRED',
          instrument: 'good',
          delivery: { mode: 'send' },
          payMinor: null,
          tries: 0,
          capture: null,
        },
      );
      return done(200, render(entry));
    },
    retrieve(id) {
      const entry = find(id);
      return entry === undefined ? notFound() : done(200, render(entry));
    },
    capture(id, requestId) {
      const entry = find(id);
      if (entry === undefined) return notFound();
      const captured = till.capture(entry, requestId);
      return 'json' in captured ? captured : done(201, render(captured));
    },
  };
}
