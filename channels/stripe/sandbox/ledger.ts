import { z } from 'zod';
import type { Books, Order } from '../../../src/channel/sandbox/index.ts';

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

/** An order with its detail read. */
export interface Entry {
  readonly order: Order;
  readonly detail: Detail;
}

/** The shared books by Stripe's ids. */
export interface Ledger {
  bySession(id: string): Entry | undefined;
  byIntent(id: string): Entry | undefined;
  byOrder(order: Order): Entry;
  /** Newest first, back to orders made at `sinceMs`. */
  newestFirst(sinceMs: number): readonly Entry[];
  /** Whether an order of that number is in the books; the number is the merchant's and not unique to Stripe. */
  isTaken(providerRef: string): boolean;
  put(order: Order, detail: Detail): Entry;
}

const INDEX_MAX = 500_000;

export function openLedger(books: Books): Ledger {
  const refById = new Map<string, string>();
  const remember = ({ order, detail }: Entry): void => {
    for (const id of [detail.session?.id, detail.intent?.id]) if (id !== undefined) refById.set(id, order.providerRef);
    for (const oldest of refById.keys()) {
      if (refById.size <= INDEX_MAX) break;
      refById.delete(oldest);
    }
  };
  const find = (id: string): Entry | undefined => {
    const order = books.find(refById.get(id) ?? '');
    return order === undefined ? undefined : read(order);
  };
  for (const order of books.all()) remember(read(order));
  return {
    bySession: find,
    byIntent: find,
    byOrder: (order) => read(books.find(order.providerRef) ?? order),
    newestFirst(sinceMs) {
      const oldestFirst = books.all();
      const start = oldestFirst.findLastIndex((order) => order.createdAt < sinceMs) + 1;
      return oldestFirst.slice(start).reverse().map(read);
    },
    isTaken: (providerRef) => books.find(providerRef) !== undefined,
    put(order, detail) {
      const tradeNo = detail.intent?.id ?? detail.session?.id ?? order.tradeNo;
      const entry = { order: { ...order, tradeNo, detail: { ...detail } }, detail };
      books.put(entry.order);
      remember(entry);
      return entry;
    },
  };
}

function read(order: Order): Entry {
  return { order, detail: detailSchema.parse(order.detail) };
}
