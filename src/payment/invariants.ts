import type { Payment } from './document.ts';
import { providerRefOf } from './ids.ts';
import { hasEnded, isUnresolved } from './inspect.ts';
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
  must(payment.status !== 'succeeded' || effective.length === 1, 'I2 succeeded without an effective success');
  must(
    payment.attempts.filter((a) => a.status === 'creating' || a.status === 'open').length <= 1,
    'I7 two live attempts',
  );
  must(
    payment.attempts.every((a, i) => a.seq === i + 1 && a.providerRef === providerRefOf(payment.id, a.seq)),
    'attempts out of sequence',
  );
  must(new Set(payment.events.map((e) => e.id)).size === payment.events.length, 'I4 an event appears twice');
  const undelivered = payment.events.some((e) => e.delivery.state === 'pending');
  const busy = !hasEnded(payment) || payment.attempts.some(isUnresolved) || undelivered;
  must(!busy || payment.nextDueAt !== null, 'I8 unfinished without a due time');
}
