import type { EpochMs, Payment } from './document.ts';
import type { Fact } from './facts.ts';
import { isUnresolved, payableAttempt } from './inspect.ts';
import { ignored, next, rejected, type Step, withAttempt } from './step.ts';

/** Written before each capture is sent, so that nobody gives the order up meanwhile, in whatever process (I7). */
export function onCaptureBegun(
  payment: Payment,
  { seq }: Extract<Fact, { type: 'capture_begun' }>,
  now: EpochMs,
): Step {
  const attempt = payment.attempts[seq - 1];
  if (!attempt) return rejected('unknown_attempt');
  if (!isUnresolved(attempt)) return ignored('already_resolved');
  // What the buyer agreed to in time is taken in time, or not at all.
  if (now >= payment.expiresAt || payableAttempt(payment)?.seq !== seq) return ignored('already_ended');
  return next(withAttempt(payment, { ...attempt, captureBegunAt: now }));
}
