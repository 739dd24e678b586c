import type { Attempt, Payment } from './document.ts';
import type { AnomalyKind, IgnoredReason, RejectedReason } from './facts.ts';

/** What one fact does to the document before status, events and agenda are derived from it. */
export type Step =
  | { readonly outcome: 'next'; readonly payment: Payment; readonly anomalies: readonly AnomalyKind[] }
  | { readonly outcome: 'ignored'; readonly reason: IgnoredReason }
  | { readonly outcome: 'rejected'; readonly reason: RejectedReason };

export function next(payment: Payment, anomalies: readonly AnomalyKind[] = []): Step {
  return { outcome: 'next', payment, anomalies };
}

export function ignored(reason: IgnoredReason): Step {
  return { outcome: 'ignored', reason };
}

export function rejected(reason: RejectedReason): Step {
  return { outcome: 'rejected', reason };
}

/** The payment with one attempt replaced; attempts are never removed or reordered. */
export function withAttempt(payment: Payment, attempt: Attempt): Payment {
  return { ...payment, attempts: payment.attempts.map((a) => (a.seq === attempt.seq ? attempt : a)) };
}
