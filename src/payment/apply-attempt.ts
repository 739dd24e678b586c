import { forgetPlans } from './agenda.ts';
import type { Attempt, EpochMs, Payment } from './document.ts';
import type { Fact } from './facts.ts';
import { ATTEMPT_SEQ_MAX, providerRefOf } from './ids.ts';
import { awaitsDecision, hasEnded, mayYetBeCaptured } from './inspect.ts';
import { ignored, next, rejected, type Step, withAttempt } from './step.ts';

type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>;

/** Opens a new attempt; refused while the buyer could still pay an earlier one that was shown (I7). */
export function onAttemptStarted(payment: Payment, { attempt }: FactOf<'attempt_started'>): Step {
  const known = payment.attempts[attempt.seq - 1];
  // Two replicas may bind the same number; the token tells whose attempt it is.
  if (known) return known.callbackToken === attempt.callbackToken ? ignored('repeat') : rejected('wrong_sequence');
  if (hasEnded(payment) || payment.closeRequested !== null) return rejected('already_ended');
  if (awaitsDecision(payment)) return rejected('already_paid');
  if (payment.attempts.some((a) => a.status === 'creating' || a.status === 'open')) return rejected('live_attempt');
  if (attempt.seq > ATTEMPT_SEQ_MAX) return rejected('attempt_limit');
  if (attempt.seq !== payment.attempts.length + 1) return rejected('wrong_sequence');
  if (attempt.providerRef !== providerRefOf(payment.id, attempt.seq)) return rejected('wrong_sequence');
  const creating: Attempt = {
    ...attempt,
    status: 'creating',
    channelTradeNo: null,
    latencyMs: null,
    error: null,
    unseenAtClose: false,
  };
  // What went wrong before is over: the buyer tries something else.
  const fresh = attempt.buyerLed ? { ...payment, statusReason: null } : payment;
  return next({ ...fresh, attempts: [...payment.attempts, creating] });
}

/** The channel's answer to our create. A callback may have overtaken it, and it may come after we stopped waiting. */
export function onAttemptOpened(payment: Payment, fact: FactOf<'attempt_opened'>): Step {
  const attempt = payment.attempts[fact.seq - 1];
  if (!attempt) return rejected('unknown_attempt');
  if (attempt.status === 'open') return ignored('repeat');
  // An attempt given up as unknown stays unknown: its action must never be shown beside its successor's.
  if (attempt.status !== 'creating') return ignored('late_answer');
  const { action, channelTradeNo, latencyMs } = fact;
  const quote = fact.quote === undefined ? {} : { quote: fact.quote };
  const opened = withAttempt(payment, { ...attempt, ...quote, status: 'open', action, channelTradeNo, latencyMs });
  return next(opened.status === 'created' ? { ...opened, status: 'pending' } : opened);
}

/** The channel certainly holds no payable order for this attempt. */
export function onAttemptRefused(payment: Payment, fact: FactOf<'attempt_refused'>, now: EpochMs): Step {
  const attempt = payment.attempts[fact.seq - 1];
  if (!attempt) return rejected('unknown_attempt');
  if (attempt.status !== 'creating') return ignored(attempt.status === 'failed' ? 'repeat' : 'late_answer');
  const { error, latencyMs } = fact;
  const refused = withAttempt(payment, { ...attempt, status: 'failed', error, latencyMs, resolvedAt: now });
  if (!fact.endsPayment || attempt.buyerLed || hasEnded(payment) || awaitsDecision(payment)) return next(refused);
  return next({ ...refused, statusReason: error.kind.toLowerCase() });
}

/** Asked without a readable answer: the order may exist (I7). */
export function onAttemptLost(payment: Payment, fact: FactOf<'attempt_lost'>, now: EpochMs): Step {
  const attempt = payment.attempts[fact.seq - 1];
  if (!attempt) return rejected('unknown_attempt');
  if (attempt.status !== 'creating') return ignored(attempt.status === 'unknown' ? 'repeat' : 'late_answer');
  const { error, latencyMs } = fact;
  const lost = withAttempt(payment, { ...attempt, status: 'unknown', error, latencyMs, lostAt: now });
  return next(lost.status === 'created' ? { ...lost, status: 'pending' } : lost);
}

/** The buyer wants another way to pay. The order may still be paid until its provider says that it cannot, so it is unknown (I7). */
export function onAttemptGivenUp(payment: Payment, fact: FactOf<'attempt_given_up'>, now: EpochMs): Step {
  const attempt = payment.attempts[fact.seq - 1];
  if (!attempt) return rejected('unknown_attempt');
  if (hasEnded(payment) || payment.closeRequested !== null || awaitsDecision(payment)) return ignored('already_ended');
  if (attempt.status !== 'open') return ignored(attempt.status === 'unknown' ? 'repeat' : 'already_resolved');
  // The buyer has agreed to this one already, and its money is being taken.
  if (mayYetBeCaptured(attempt, now)) return ignored('already_resolved');
  const { action: _action, ...fields } = attempt;
  const givenUp = withAttempt(payment, { ...fields, status: 'unknown', lostAt: now, buyerLed: true });
  return next(forgetPlans(givenUp, 'query', attempt.seq));
}
