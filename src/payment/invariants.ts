import type { Payment } from './document.ts';
import { providerRefOf, refundIdOf } from './ids.ts';
import { hasEnded, isHeld, isPaid, isUnresolved, refundableMinor } from './inspect.ts';
import { isAmountMinor } from './money.ts';

/**
 * What must hold of every payment document, checked when it is made and when it is read back. A failure is a bug of ours (or a
 * damaged store), so it throws instead of going on with a payment that cannot be trusted.
 */
export function assertPayment(payment: Payment): void {
  const must = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`payment ${payment.id}: ${what}`);
  };
  must(isAmountMinor(payment.amount.minor), 'I11 amount is not a safe positive integer');
  const effective = payment.attempts.filter((a) => a.status === 'succeeded' && a.effect === 'effective');
  must(effective.length <= 1, 'I2 more than one effective success');
  must(!isPaid(payment) || effective.length === 1, 'I2 paid without an effective success');
  must(
    payment.attempts.filter((a) => a.status === 'creating' || a.status === 'open').length <= 1,
    'I7 two live attempts',
  );
  must(
    payment.attempts.every((a, i) => a.seq === i + 1 && a.providerRef === providerRefOf(payment.id, a.seq)),
    'attempts out of sequence',
  );
  must(new Set(payment.events.map((e) => e.id)).size === payment.events.length, 'I4 an event appears twice');
  must(
    payment.refunds.every((r, i) => r.seq === i + 1 && r.id === refundIdOf(payment.id, r.seq)),
    'refunds out of sequence',
  );
  must(
    payment.refunds.every((r) => isAmountMinor(r.amountMinor)),
    'I11 a refund is not a safe positive integer',
  );
  for (const attempt of payment.attempts) {
    must(
      attempt.status !== 'succeeded' || refundableMinor(payment, attempt) >= 0,
      'I6 more is returned than was captured',
    );
  }
  const undelivered = payment.events.some((e) => e.delivery.state === 'pending');
  const refunding = payment.refunds.some((r) => r.status === 'pending') || payment.attempts.some(isHeld);
  const busy = !hasEnded(payment) || payment.attempts.some(isUnresolved) || undelivered || refunding;
  must(!busy || payment.nextDueAt !== null, 'I8 unfinished without a due time');
}
