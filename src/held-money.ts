import { z } from 'zod';
import { askAdmin } from './admin-client.ts';
import { err, isPaymentId, ok, type Result } from './payment/index.ts';

const decidedSchema = z.object({ status: z.string(), status_reason: z.string().nullable() });

/** Decides about the money of a payment that is held, through the running gateway. Answers a sentence to print. */
export async function decideHeldMoney(
  env: Readonly<Record<string, string | undefined>>,
  paymentId: string,
  word: 'keep' | 'return',
): Promise<Result<string, string>> {
  if (!isPaymentId(paymentId)) return err(`${paymentId} is not a payment id (pay_ and 26 characters)`);
  const path = `/admin/payments/${paymentId}/${word}`;
  const decided = await askAdmin(env, { method: 'POST', path, answer: decidedSchema });
  if (!decided.ok) return decided;
  const { status, status_reason: reason } = decided.value;
  const done = word === 'keep' ? 'the money counts' : 'the money goes back to the buyer';
  return ok(`${paymentId}: ${done}; the payment is ${status}${reason === null ? '' : ` (${reason})`}`);
}
