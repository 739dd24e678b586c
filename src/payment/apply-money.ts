import { withSuccess } from './apply-observed.ts';
import type { EpochMs, Payment } from './document.ts';
import type { Fact } from './facts.ts';
import { awaitsDecision, effectiveAttempt, refundableMinor } from './inspect.ts';
import { ignored, next, rejected, type Step, withAttempt } from './step.ts';

type FactOf<Type extends Fact['type']> = Extract<Fact, { type: Type }>;

/** A person has decided about money that was held. */
export function onMoneyDisposed(payment: Payment, fact: FactOf<'money_disposed'>): Step {
  const attempt = payment.attempts[fact.seq - 1];
  if (!attempt) return rejected('unknown_attempt');
  if (attempt.status !== 'succeeded') return rejected('nothing_held');
  if (attempt.disposition === fact.disposition) return ignored('repeat');
  if (attempt.disposition !== 'hold') return rejected('nothing_held');
  const decided = withAttempt(payment, { ...attempt, disposition: fact.disposition });
  if (fact.disposition === 'refund') return next(withoutMoney(payment, decided));
  // Beside the success that counts, money that stays changes nothing of the payment itself.
  if (payment.overtaken || effectiveAttempt(payment) !== undefined) return next(decided);
  return next(withSuccess(payment, { ...attempt, effect: 'effective', disposition: 'keep' }));
}

/** A person has sent money back by other means, where the channel makes no refunds or makes none of this payment. */
export function onMoneyReturned(payment: Payment, fact: FactOf<'money_returned'>, now: EpochMs): Step {
  const attempt = payment.attempts[fact.seq - 1];
  if (!attempt) return rejected('unknown_attempt');
  if (attempt.status !== 'succeeded' || attempt.disposition === 'keep') return rejected('nothing_held');
  if (attempt.disposition === 'returned') return ignored('repeat');
  // What our refund has returned, or may return yet, must not go back twice.
  if (refundableMinor(payment, attempt) < attempt.paidMinor) return rejected('refund_made');
  const returned = { at: now, reference: fact.reference };
  return next(withoutMoney(payment, withAttempt(payment, { ...attempt, disposition: 'returned', returned })));
}

/** The payment after money of it was sent back; other money of it may still wait for its own decision. */
function withoutMoney(before: Payment, decided: Payment): Payment {
  return awaitsDecision(before) && !awaitsDecision(decided) ? { ...decided, status: 'failed' } : decided;
}
