import { z } from 'zod';
import { askAdmin } from './admin-client.ts';
import { err, isPaymentId, ok, type Result } from './payment/index.ts';

const decidedSchema = z.object({ status: z.string(), status_reason: z.string().nullable() });

/** What can become of the money: it counts, a refund sends it back, or it was sent back by other means. */
export type HeldMoneyDecision =
  | { readonly word: 'keep' | 'return' }
  | { readonly word: 'returned'; readonly reference: string };

const DONE = {
  keep: 'the money counts',
  return: 'the money goes back to the buyer',
  returned: 'it is on record that the money has gone back',
} as const;

/** Decides about the money of a payment that is held, through the running gateway. Answers a sentence to print. */
export async function decideHeldMoney(
  env: Readonly<Record<string, string | undefined>>,
  paymentId: string,
  { word, ...body }: HeldMoneyDecision,
): Promise<Result<string, string>> {
  if (!isPaymentId(paymentId)) return err(`${paymentId} is not a payment id (pay_ and 26 characters)`);
  const path = `/admin/payments/${paymentId}/${word}`;
  const decided = await askAdmin(env, { method: 'POST', path, body, answer: decidedSchema });
  if (!decided.ok) return decided;
  const { status, status_reason: reason } = decided.value;
  return ok(`${paymentId}: ${DONE[word]}; the payment is ${status}${reason === null ? '' : ` (${reason})`}`);
}
