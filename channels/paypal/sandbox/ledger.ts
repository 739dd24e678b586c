import { z } from 'zod';
import type { Books, CallbackDelivery, Order, SandboxRefund } from '../../../src/channel/sandbox/index.ts';

const delivery: z.ZodType<CallbackDelivery> = z.union([
  z.object({ mode: z.enum(['send', 'drop', 'duplicate']) }),
  z.object({ mode: z.literal('delay'), delayMs: z.number() }),
]);

/** What this simulator keeps of an order beside the shared books; times in epoch milliseconds. */
const detailSchema = z.object({
  requestId: z.string().nullable(),
  customId: z.string().nullable(),
  invoiceId: z.string().nullable(),
  referenceId: z.string(),
  description: z.string(),
  returnUrl: z.string(),
  cancelUrl: z.string(),
  payeeId: z.string(),
  status: z.enum(['CREATED', 'PAYER_ACTION_REQUIRED', 'APPROVED', 'COMPLETED', 'VOIDED']),
  /** What comes of a capture, by the way to pay that the buyer has chosen. */
  instrument: z.enum(['good', 'declined', 'echeck']),
  /** How the callbacks of this buyer's payment are to be delivered. */
  delivery,
  /** The amount that is captured, when it is not the order's. */
  payMinor: z.number().nullable(),
  tries: z.number(),
  capture: z
    .object({
      id: z.string(),
      requestId: z.string().nullable(),
      status: z.enum(['COMPLETED', 'PENDING', 'DECLINED']),
      at: z.number(),
      updatedAt: z.number(),
    })
    .nullable(),
});
export type Detail = z.infer<typeof detailSchema>;
export type CaptureDetail = NonNullable<Detail['capture']>;

const refundDetailSchema = z.object({
  id: z.string(),
  requestId: z.string().nullable(),
  customId: z.string().nullable(),
  invoiceId: z.string().nullable(),
  note: z.string().nullable(),
  updatedAt: z.number(),
});
export type RefundDetail = z.infer<typeof refundDetailSchema>;

/** An order with its details read. */
export interface Entry {
  readonly order: Order;
  readonly detail: Detail;
  readonly refunds: readonly { readonly refund: SandboxRefund; readonly detail: RefundDetail }[];
}

/** The shared books by PayPal's ids. */
export interface Ledger {
  byOrder(order: Order): Entry;
  find(matches: (entry: Entry) => boolean): Entry | undefined;
  put(order: Order, detail: Detail): Entry;
  putRefund(entry: Entry, refund: SandboxRefund, detail: RefundDetail): Entry;
}

export function openLedger(books: Books): Ledger {
  const byOrder = (order: Order): Entry => ({
    order,
    detail: detailSchema.parse(order.detail),
    refunds: order.refunds.map((refund) => ({ refund, detail: refundDetailSchema.parse(refund.detail) })),
  });
  const put = (order: Order, detail: Detail): Entry => {
    books.put({ ...order, detail });
    return byOrder({ ...order, detail });
  };
  return {
    byOrder,
    find(matches) {
      const found = books.findBy((order) => matches(byOrder(order)));
      return found && byOrder(found);
    },
    put,
    putRefund({ order, detail }, refund, refundDetail) {
      const kept = { ...refund, detail: refundDetail };
      const isKnown = order.refunds.some(({ refundNo }) => refundNo === refund.refundNo);
      const refunds = isKnown
        ? order.refunds.map((one) => (one.refundNo === refund.refundNo ? kept : one))
        : [...order.refunds, kept];
      return put({ ...order, refunds }, detail);
    },
  };
}

/** Minor units of an order's money that have gone back or are going back. */
export function returnedMinor({ refunds }: Entry): number {
  return refunds.reduce((sum, { refund }) => sum + (refund.status === 'failed' ? 0 : refund.amountMinor), 0);
}
