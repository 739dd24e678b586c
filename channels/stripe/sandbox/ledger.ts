import { z } from 'zod';
import type { Books, Order, SandboxRefund } from '../../../src/channel/sandbox/index.ts';
import { toMinor } from './amounts.ts';

/** What this simulator keeps of an order beside the shared books; amounts in Stripe's units, times in seconds. */
const detailSchema = z.object({
  /** Null for a PaymentIntent that was made without a Checkout Session. */
  session: z
    .object({
      id: z.string(),
      successUrl: z.string(),
      cancelUrl: z.string().nullable(),
      clientReferenceId: z.string().nullable(),
      metadata: z.record(z.string(), z.string()),
    })
    .nullable(),
  /** Null until the buyer of a Session first tries to pay. */
  intent: z
    .object({
      id: z.string(),
      created: z.number(),
      clientSecret: z.string(),
      status: z.string(),
      /** What follows when the buyer passes the bank's challenge. */
      challenge: z.enum(['approved', 'declined']).nullable(),
      returnUrl: z.string().nullable(),
      lastError: z.record(z.string(), z.unknown()).nullable(),
      chargeId: z.string().nullable(),
      amountReceived: z.number(),
      /** What becomes of refunds to the card that paid. */
      refunds: z.enum(['at_once', 'later', 'fail_later']).default('at_once'),
      canceledAt: z.number().nullable(),
      cancellationReason: z.string().nullable(),
    })
    .nullable(),
  intentMetadata: z.record(z.string(), z.string()),
  amount: z.number(),
  currency: z.string(),
  name: z.string(),
});
export type Detail = z.infer<typeof detailSchema>;
export type IntentDetail = NonNullable<Detail['intent']>;

/** What this simulator keeps of a refund; the amount in Stripe's units, `created` in seconds. */
const refundDetailSchema = z.object({
  id: z.string(),
  amount: z.number(),
  created: z.number(),
  reason: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  pendingReason: z.string().nullable(),
  failureReason: z.string().nullable(),
});
export type RefundDetail = z.infer<typeof refundDetailSchema>;

/** A refund of an order with its detail read. */
export interface RefundEntry {
  readonly refund: SandboxRefund;
  readonly detail: RefundDetail;
}

/** An order with its detail read. */
export interface Entry {
  readonly order: Order;
  readonly detail: Detail;
  /** Oldest first. */
  readonly refunds: readonly RefundEntry[];
}

/** The shared books by Stripe's ids. */
export interface Ledger {
  bySession(id: string): Entry | undefined;
  byIntent(id: string): Entry | undefined;
  byCharge(id: string): Entry | undefined;
  byRefund(id: string): Entry | undefined;
  byOrder(order: Order): Entry;
  /** Newest first, back to orders made at `sinceMs`. */
  newestFirst(sinceMs: number): readonly Entry[];
  /** Whether an order of that number is in the books; the number is the merchant's and not unique to Stripe. */
  isTaken(providerRef: string): boolean;
  put(order: Order, detail: Detail): Entry;
  /** Adds a refund to an order, or changes the one with its id. */
  putRefund(entry: Entry, status: SandboxRefund['status'], refund: RefundDetail): Entry;
}

const INDEX_MAX = 500_000;

export function openLedger(books: Books): Ledger {
  const refById = new Map<string, string>();
  const remember = ({ order, detail, refunds }: Entry): void => {
    const { session, intent } = detail;
    for (const id of [session?.id, intent?.id, intent?.chargeId, ...refunds.map((refund) => refund.detail.id)]) {
      if (id) refById.set(id, order.providerRef);
    }
    for (const oldest of refById.keys()) {
      if (refById.size <= INDEX_MAX) break;
      refById.delete(oldest);
    }
  };
  const find = (id: string): Entry | undefined => {
    const order = books.find(refById.get(id) ?? '');
    return order === undefined ? undefined : read(order);
  };
  const keep = (order: Order): Entry => {
    books.put(order);
    const entry = read(order);
    remember(entry);
    return entry;
  };
  for (const order of books.all()) remember(read(order));
  return {
    bySession: find,
    byIntent: find,
    byCharge: find,
    byRefund: find,
    byOrder: (order) => read(books.find(order.providerRef) ?? order),
    newestFirst(sinceMs) {
      const oldestFirst = books.all();
      const start = oldestFirst.findLastIndex((order) => order.createdAt < sinceMs) + 1;
      return oldestFirst.slice(start).reverse().map(read);
    },
    isTaken: (providerRef) => books.find(providerRef) !== undefined,
    put(order, detail) {
      const tradeNo = detail.intent?.id ?? detail.session?.id ?? order.tradeNo;
      return keep({ ...order, tradeNo, detail: { ...detail } });
    },
    putRefund({ order, refunds }, status, detail) {
      const refundNo = detail.metadata.refund_ref ?? detail.id;
      const amountMinor = toMinor(detail.amount, order.currency.toLowerCase());
      const put = { refundNo, amountMinor, status, createdAt: detail.created * 1_000, detail: { ...detail } };
      const isNew = refunds.every((known) => known.detail.id !== detail.id);
      const changed = refunds.map((known) => (known.detail.id === detail.id ? put : known.refund));
      return keep({ ...order, refunds: isNew ? [...changed, put] : changed });
    },
  };
}

function read(order: Order): Entry {
  const refunds = order.refunds.map((refund) => ({ refund, detail: refundDetailSchema.parse(refund.detail) }));
  return { order, detail: detailSchema.parse(order.detail), refunds };
}
