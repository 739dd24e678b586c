import { z } from 'zod';
import type { SandboxRefund, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { newId } from './keys.ts';
import { type Entry, type Ledger, type RefundDetail, returnedMinor } from './ledger.ts';
import { readMoney } from './money.ts';
import { renderRefund } from './objects.ts';
import { done, notFound, problem, type Reply, unprocessable } from './reply.ts';
import type { Publish } from './webhooks.ts';

/** @see https://developer.paypal.com/docs/api/payments/v2/#captures_refund — within 180 days */
const REFUND_WINDOW_MS = 180 * 24 * 3_600_000;

const paramsSchema = z.object({
  amount: z.object({ currency_code: z.string(), value: z.string() }).optional(),
  custom_id: z.string().max(127).optional(),
  invoice_id: z.string().max(127).optional(),
  note_to_payer: z.string().max(255).optional(),
});
type Params = z.infer<typeof paramsSchema>;

export interface RefundsApi {
  create(captureId: string, body: unknown, requestId: string | null): Reply;
  retrieve(id: string): Reply;
  settle(entry: Entry, refundNo: string, outcome: 'succeeded' | 'failed'): void;
}

export function openRefunds(options: SimulatorOptions, ledger: Ledger, publish: Publish): RefundsApi {
  const { now, randomBytes, baseUrl } = options;

  const put = (entry: Entry, refund: SandboxRefund, detail: RefundDetail): Record<string, unknown> => {
    const kept = ledger.putRefund(entry, refund, detail);
    const resource = renderRefund(kept, refund, detail, baseUrl());
    if (refund.status === 'succeeded') {
      publish({ type: 'PAYMENT.CAPTURE.REFUNDED', resourceType: 'refund', resource }, kept, { mode: 'send' });
    }
    return resource;
  };

  const make = (entry: Entry, params: Params, amountMinor: number, requestId: string | null): Reply => {
    const id = newId(randomBytes);
    const status = options.faults().refunds === 'pending' ? 'pending' : 'succeeded';
    const refund = { refundNo: params.custom_id ?? id, amountMinor, status, createdAt: now(), detail: {} } as const;
    const detail = {
      id,
      requestId,
      customId: params.custom_id ?? null,
      invoiceId: params.invoice_id ?? null,
      note: params.note_to_payer ?? null,
      updatedAt: now(),
    };
    return done(201, put(entry, refund, detail));
  };

  return {
    create(captureId, body, requestId) {
      const entry = ledger.find(({ detail }) => detail.capture?.id === captureId);
      if (entry === undefined) return notFound();
      const first = entry.refunds.find(({ detail }) => requestId !== null && detail.requestId === requestId);
      if (first !== undefined) return done(200, renderRefund(entry, first.refund, first.detail, baseUrl()));
      const parsed = paramsSchema.safeParse(body ?? {});
      if (!parsed.success) return problem(400, 'INVALID_REQUEST', 'INVALID_PARAMETER_SYNTAX');
      const { order, detail } = entry;
      if (detail.capture?.status !== 'COMPLETED') return unprocessable('PENDING_CAPTURE');
      if (detail.capture.at + REFUND_WINDOW_MS < now()) return unprocessable('REFUND_TIME_LIMIT_EXCEEDED');
      const left = (order.paidAmountMinor ?? order.amountMinor) - returnedMinor(entry);
      const { amount } = parsed.data;
      const asked = amount === undefined ? left : readMoney(amount);
      if (left === 0) return unprocessable('CAPTURE_FULLY_REFUNDED');
      if (typeof asked === 'string' || (amount && amount.currency_code !== order.currency))
        return unprocessable('CURRENCY_MISMATCH');
      if (asked > left) return unprocessable('REFUND_AMOUNT_EXCEEDED');
      const { refunds } = options.faults();
      if (refunds === 'failed') return unprocessable('REFUND_NOT_ALLOWED');
      if (refunds === 'no_balance') return unprocessable('REFUND_FAILED_INSUFFICIENT_FUNDS');
      return make(entry, parsed.data, asked, requestId);
    },
    retrieve(id) {
      const entry = ledger.find(({ refunds }) => refunds.some(({ detail }) => detail.id === id));
      const found = entry?.refunds.find(({ detail }) => detail.id === id);
      if (entry === undefined || found === undefined) return notFound();
      return done(200, renderRefund(entry, found.refund, found.detail, baseUrl()));
    },
    settle(entry, refundNo, outcome) {
      const found = entry.refunds.find(({ refund }) => refund.refundNo === refundNo && refund.status === 'pending');
      if (found !== undefined) put(entry, { ...found.refund, status: outcome }, { ...found.detail, updatedAt: now() });
    },
  };
}
