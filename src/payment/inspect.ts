import type { Attempt, OpenAttempt, Payment, PaymentStatus, SucceededAttempt } from './document.ts';

/** The provider may still hold a payable order for this attempt. */
export function isUnresolved(attempt: Attempt): boolean {
  return attempt.status === 'creating' || attempt.status === 'open' || attempt.status === 'unknown';
}

/** The one success that counts, if there is one (I2). */
export function effectiveAttempt(payment: Payment): SucceededAttempt | undefined {
  return payment.attempts.find((a): a is SucceededAttempt => a.status === 'succeeded' && a.effect === 'effective');
}

/** The one attempt whose action may be shown to the buyer now (I7), if there is one. */
export function payableAttempt(payment: Payment): OpenAttempt | undefined {
  if (hasEnded(payment) || payment.closeRequested !== null) return undefined;
  return payment.attempts.find((a): a is OpenAttempt => a.status === 'open');
}

/** The attempt that an observer would name as "the" attempt: the effective one, else the latest. */
export function currentAttempt(payment: Payment): Attempt | undefined {
  return effectiveAttempt(payment) ?? payment.attempts.at(-1);
}

const UNDECIDED: ReadonlySet<PaymentStatus> = new Set(['created', 'pending', 'review']);

/** Whether the payment's outcome is decided; money may still arrive late. */
export function hasEnded(payment: Payment): boolean {
  return !UNDECIDED.has(payment.status);
}
