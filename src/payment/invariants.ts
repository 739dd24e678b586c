import type { Payment } from './document.ts';
import { providerRefOf, refundIdOf } from './ids.ts';
import { hasEnded, isHeld, isPaid, isUnresolved, refundableMinor } from './inspect.ts';
import { isAmountMinor } from './money.ts';

/**
 * What must hold of every payment document, checked when it is made and when it is read back. A failure is a bug of ours (or a
 * damaged store), so it throws instead of going on with a payment that cannot be trusted.
 */
export function assertPayment(payment: Payment): void {
  const broken = brokenInvariant(payment);
  if (broken !== null) throw new Error(`payment ${payment.id}: ${broken}`);
}

/** Loops where a word would do: each document is checked several times on its way, and lists would be made for nothing. */
function brokenInvariant(payment: Payment): string | null {
  const { amount, attempts, refunds, events, nextDueAt } = payment;
  if (!isAmountMinor(amount.minor)) return 'I11 amount is not a safe positive integer';
  let effective = 0;
  let live = 0;
  let busy = !hasEnded(payment);
  for (const [i, attempt] of attempts.entries()) {
    if (attempt.seq !== i + 1 || attempt.providerRef !== providerRefOf(payment.id, attempt.seq))
      return 'attempts out of sequence';
    if (attempt.status === 'creating' || attempt.status === 'open') live += 1;
    if (isUnresolved(attempt) || isHeld(attempt)) busy = true;
    if (attempt.status !== 'succeeded') continue;
    if (attempt.effect === 'effective') effective += 1;
    if (refundableMinor(payment, attempt) < 0) return 'I6 more is returned than was captured';
  }
  if (effective > 1) return 'I2 more than one effective success';
  if (isPaid(payment) && effective !== 1) return 'I2 paid without an effective success';
  if (live > 1) return 'I7 two live attempts';
  for (const [i, refund] of refunds.entries()) {
    if (refund.seq !== i + 1 || refund.id !== refundIdOf(payment.id, refund.seq)) return 'refunds out of sequence';
    if (!isAmountMinor(refund.amountMinor)) return 'I11 a refund is not a safe positive integer';
    if (refund.status === 'pending') busy = true;
  }
  for (const [i, { id, delivery }] of events.entries()) {
    if (events.findIndex((event) => event.id === id) !== i) return 'I4 an event appears twice';
    if (delivery.state === 'pending') busy = true;
  }
  return busy && nextDueAt === null ? 'I8 unfinished without a due time' : null;
}
