import type { AttemptError, EpochMs, Payment, Refund, RefundCause, SucceededAttempt } from './document.ts';
import type { AnomalyKind, Fact, RefundObservation } from './facts.ts';
import { REFUNDS_MAX, refundIdOf, refundRefOf } from './ids.ts';
import { effectiveAttempt, findRefund, isOwedAgain, isPaid, refundableMinor } from './inspect.ts';
import { unreachable } from './result.ts';
import { nextRefundAt, REFUND_HORIZON_MS } from './schedule.ts';
import { ignored, next, rejected, type Step } from './step.ts';

type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>;

/** Room that merchants' refunds leave for those that must be made by ourselves. */
const KEPT_FOR_AUTOMATIC = 20;

/** The merchant wants money back; what is on its way or gone already cannot be asked for again (I6). */
export function onRefundRequested(payment: Payment, fact: FactOf<'refund_requested'>, now: EpochMs): Step {
  const known = findRefund(payment, fact.merchantRefundNo);
  if (known) return known.requestHash === fact.requestHash ? ignored('repeat') : rejected('refund_conflict');
  const paid = effectiveAttempt(payment);
  if (!paid || !isPaid(payment)) return rejected('not_paid');
  if (payment.refunds.length >= REFUNDS_MAX - KEPT_FOR_AUTOMATIC) return rejected('refund_limit');
  const left = refundableMinor(payment, paid);
  const amountMinor = fact.amountMinor ?? left;
  if (amountMinor <= 0 || amountMinor > left) return rejected('refund_exceeds_amount');
  const { merchantRefundNo, requestHash, reason } = fact;
  return next(withNewRefund(payment, paid, 'merchant', { amountMinor, merchantRefundNo, requestHash, reason }, now));
}

/** Money that should not have come goes back without anybody asking (I2): the first refund of each such success. */
export function makeOwedRefunds(payment: Payment, now: EpochMs): Payment {
  let current = payment;
  for (const attempt of payment.attempts) {
    if (attempt.status !== 'succeeded' || attempt.disposition !== 'refund') continue;
    if (current.refunds.some((refund) => refund.attemptSeq === attempt.seq)) continue;
    current = withAutomaticRefund(current, attempt, now);
  }
  return current;
}

/** The last automatic refund failed; money is still owed, so another one is made. */
export function onRefundDueAgain(payment: Payment, fact: FactOf<'refund_due_again'>, now: EpochMs): Step {
  const attempt = payment.attempts[fact.seq - 1];
  if (attempt?.status !== 'succeeded' || attempt.disposition !== 'refund') return rejected('unknown_attempt');
  if (!isOwedAgain(payment, attempt)) return ignored('repeat');
  return next(withAutomaticRefund(payment, attempt, now));
}

/** Something that a channel said of one refund. */
export function onRefundObserved(payment: Payment, fact: FactOf<'refund_observed'>, now: EpochMs): Step {
  const refund = payment.refunds[fact.refundSeq - 1];
  if (!refund) return rejected('unknown_refund');
  const { observation, by } = fact;
  if (isForeign(payment, refund, observation)) return rejected('refund_mismatch');
  if (refund.status === 'failed' && (observation.state === 'succeeded' || observation.state === 'pending')) {
    return onFoundAfterFailure(payment, refund, fact, now);
  }
  switch (observation.state) {
    case 'succeeded':
      if (refund.status !== 'pending') return ignored('repeat');
      return next(settled(payment, refund, 'succeeded', observation, now));
    case 'failed':
      return onFailed(payment, refund, observation, now);
    case 'pending':
      return onPending(payment, refund, fact, now);
    case 'absent':
      if (refund.status !== 'pending') return ignored('already_resolved');
      if (by === 'callback') return ignored('no_news');
      // Whatever became of it, the provider does not have it: the same number is sent again.
      return askAgain(withRefund(payment, { ...refund, submitted: false }), refund.seq, now);
    case 'unclear':
      if (refund.status !== 'pending' || by === 'callback') return ignored('no_news');
      return askAgain(payment, refund.seq, now);
    default:
      return unreachable(observation.state);
  }
}

/** The channel will certainly not make this refund; its amount is free again. */
export function onRefundRefused(payment: Payment, fact: FactOf<'refund_refused'>, now: EpochMs): Step {
  const refund = payment.refunds[fact.refundSeq - 1];
  if (!refund) return rejected('unknown_refund');
  if (refund.status !== 'pending') return ignored('already_resolved');
  // A refund that the provider has cannot be refused any more: only its own word ends it.
  if (refund.submitted) return askAgain(payment, refund.seq, now);
  return next(failed(payment, refund, fact.error, now), anomaliesOfFailure(refund));
}

/** Sending or asking brought no information; plan the next try. */
export function onRefundAskedInVain(payment: Payment, fact: FactOf<'refund_asked_in_vain'>, now: EpochMs): Step {
  const refund = payment.refunds[fact.refundSeq - 1];
  if (!refund) return rejected('unknown_refund');
  if (refund.status !== 'pending') return ignored('already_resolved');
  return askAgain(withRefund(payment, { ...refund, error: fact.error ?? refund.error }), refund.seq, now);
}

/** How much of what a payment brought has gone back decides its status; a reversed refund counts no more. */
export function withRefundStatus(payment: Payment): Payment {
  const { status } = payment;
  if (status !== 'succeeded' && status !== 'partially_refunded' && status !== 'refunded') return payment;
  const paid = effectiveAttempt(payment);
  if (!paid) return payment;
  const returned = payment.refunds
    .filter((refund) => refund.attemptSeq === paid.seq && refund.status === 'succeeded')
    .reduce((sum, refund) => sum + refund.amountMinor, 0);
  const derived = returned === 0 ? 'succeeded' : returned < paid.paidMinor ? 'partially_refunded' : 'refunded';
  return derived === status ? payment : { ...payment, status: derived };
}

function onFailed(payment: Payment, refund: Refund, seen: RefundObservation, now: EpochMs): Step {
  if (refund.status === 'failed') {
    if (refund.submitted) return ignored('repeat');
    // The provider's own word now, which nothing older may undo.
    return next(withRefund(payment, { ...refund, submitted: true, error: seen.error ?? refund.error }));
  }
  // Some banks send money back days after a refund had succeeded.
  const reversed: AnomalyKind[] = refund.status === 'succeeded' ? ['refund_reversed'] : [];
  return next(settled(payment, refund, 'failed', seen, now), [...reversed, ...anomaliesOfFailure(refund)]);
}

/**
 * The provider has a refund that counts as failed, so its money goes or has gone back. One that was only refused lives again. When
 * its amount has been used since, or the provider itself had said "failed", a person has to look: the money may go back twice.
 */
function onFoundAfterFailure(payment: Payment, refund: Refund, fact: FactOf<'refund_observed'>, now: EpochMs): Step {
  const attempt = payment.attempts[refund.attemptSeq - 1];
  if (refund.submitted) {
    const isOldNews = fact.observation.state === 'pending' || hasToldSuccess(payment, refund);
    return isOldNews ? ignored('already_resolved') : rejected('refund_contradicted');
  }
  if (attempt?.status !== 'succeeded' || refundableMinor(payment, attempt) < refund.amountMinor) {
    return rejected('refund_contradicted');
  }
  const alive = withRefund(payment, { ...refund, status: 'pending', error: null, resolvedAt: null });
  const step = onRefundObserved(alive, fact, now);
  return step.outcome === 'next' ? next(step.payment, [...step.anomalies, 'refund_contradicted']) : step;
}

/** Whether this refund has succeeded before it was sent back. */
function hasToldSuccess(payment: Payment, refund: Refund): boolean {
  return payment.events.some((event) => event.refundSeq === refund.seq && event.type === 'refund.succeeded');
}

function onPending(payment: Payment, refund: Refund, fact: FactOf<'refund_observed'>, now: EpochMs): Step {
  if (refund.status !== 'pending') return ignored('already_resolved');
  const { channelRefundNo, error } = fact.observation;
  const taken: Refund = {
    ...refund,
    submitted: true,
    channelRefundNo: refund.channelRefundNo ?? channelRefundNo,
    error: error ?? (refund.submitted ? refund.error : null),
  };
  const changed =
    !refund.submitted ||
    taken.channelRefundNo !== refund.channelRefundNo ||
    taken.error?.providerCode !== refund.error?.providerCode;
  if (fact.by === 'callback') return changed ? next(withRefund(payment, taken)) : ignored('no_news');
  return askAgain(withRefund(payment, taken), refund.seq, now);
}

function isForeign(payment: Payment, refund: Refund, seen: RefundObservation): boolean {
  const attempt = payment.attempts[refund.attemptSeq - 1];
  if (seen.account !== null && seen.account !== attempt?.account) return true;
  if (seen.amount === null) return false;
  return seen.amount.currency !== payment.amount.currency || seen.amount.minor !== refund.amountMinor;
}

function settled(
  payment: Payment,
  refund: Refund,
  status: 'succeeded' | 'failed',
  seen: RefundObservation,
  now: EpochMs,
): Payment {
  return withRefund(payment, {
    ...refund,
    status,
    submitted: true,
    channelRefundNo: refund.channelRefundNo ?? seen.channelRefundNo,
    error: status === 'failed' ? (seen.error ?? refund.error) : null,
    resolvedAt: now,
  });
}

function failed(payment: Payment, refund: Refund, error: AttemptError, now: EpochMs): Payment {
  return withRefund(payment, { ...refund, status: 'failed', error, resolvedAt: now });
}

/** A merchant hears of its own refunds by event; one of ours that fails needs an operator's eye. */
function anomaliesOfFailure(refund: Refund): AnomalyKind[] {
  return refund.cause === 'merchant' ? [] : ['refund_failed'];
}

function askAgain(payment: Payment, refundSeq: number, now: EpochMs): Step {
  const agenda = payment.agenda.map((item) =>
    item.kind === 'refund' && item.seq === refundSeq
      ? { ...item, tries: item.tries + 1, at: nextRefundAt(item.tries, now) }
      : item,
  );
  const refund = payment.refunds[refundSeq - 1];
  const tooLong = refund !== undefined && now > refund.createdAt + REFUND_HORIZON_MS;
  return next({ ...payment, agenda }, tooLong ? ['refund_unresolved'] : []);
}

const CAUSE_BY_EFFECT: Readonly<Record<SucceededAttempt['effect'], RefundCause>> = {
  effective: 'merchant',
  surplus: 'surplus',
  late: 'late',
  mismatch: 'mismatch',
};

function withAutomaticRefund(payment: Payment, attempt: SucceededAttempt, now: EpochMs): Payment {
  const wanted = { amountMinor: attempt.paidMinor, merchantRefundNo: null, requestHash: null, reason: null };
  return withNewRefund(payment, attempt, CAUSE_BY_EFFECT[attempt.effect], wanted, now);
}

function withNewRefund(
  payment: Payment,
  attempt: SucceededAttempt,
  cause: RefundCause,
  wanted: Pick<Refund, 'amountMinor' | 'merchantRefundNo' | 'requestHash' | 'reason'>,
  now: EpochMs,
): Payment {
  const seq = payment.refunds.length + 1;
  const refund: Refund = {
    seq,
    id: refundIdOf(payment.id, seq),
    cause,
    ...wanted,
    attemptSeq: attempt.seq,
    refundRef: refundRefOf(attempt.providerRef, seq),
    status: 'pending',
    submitted: false,
    channelRefundNo: null,
    error: null,
    createdAt: now,
    resolvedAt: null,
  };
  return { ...payment, refunds: [...payment.refunds, refund] };
}

function withRefund(payment: Payment, refund: Refund): Payment {
  return { ...payment, refunds: payment.refunds.map((r) => (r.seq === refund.seq ? refund : r)) };
}
