import { z } from 'zod';
import { fromDecimalString, isCurrency, type Observation, type ObservedState } from '../../src/payment/index.ts';
import { parseJson } from './json.ts';

/** Their words and ours. Only an explicit success or failure settles anything; a new word is `unclear`. */
const STATE_BY_WORD: ReadonlyMap<string, ObservedState> = new Map([
  ['waiting', 'open'],
  ['paid', 'succeeded'],
  ['declined', 'failed'],
  ['closed', 'closed'],
]);

const orderSchema = z.object({
  account: z.string().min(1),
  order_no: z.string().min(1).max(64),
  trade_no: z.string().min(1).max(64),
  state: z.string().min(1),
  /** A decimal text, `"10.50"`; it never passes through a float (I11). */
  amount: z.string(),
  currency: z.string().refine(isCurrency),
  paid_at: z.int().nullable(),
});
export type WireOrder = z.infer<typeof orderSchema>;

/** An order as answers and callbacks show it, or null when the text is none. Call it on verified text only. */
export function readOrder(text: string): WireOrder | null {
  return orderSchema.safeParse(parseJson(text)).data ?? null;
}

/** What an order says, in our words: account and amount as *they* name them, so that the payment can compare (I5). */
export function observe(order: WireOrder): Observation {
  const amount = fromDecimalString(order.amount, order.currency);
  return {
    state: STATE_BY_WORD.get(order.state) ?? 'unclear',
    account: order.account,
    amount: amount.ok ? amount.value : null,
    channelTradeNo: order.trade_no,
    paidAt: order.paid_at,
    error: order.state === 'declined' ? { kind: 'DECLINED', providerCode: null } : null,
  };
}
