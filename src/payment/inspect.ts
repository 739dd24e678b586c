import type {
  Attempt,
  EpochMs,
  EventType,
  OpenAttempt,
  Payment,
  PaymentStatus,
  Refund,
  SucceededAttempt,
} from './document.ts';
import { REFUNDS_MAX } from './ids.ts';
import { CAPTURE_SETTLES_MS } from './schedule.ts';

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
  if (hasEnded(payment) || payment.closeRequested !== null || awaitsDecision(payment)) return undefined;
  return payment.attempts.find((a): a is OpenAttempt => a.status === 'open');
}

/** Whether a capture that we have sent may still take the money, as far as an answer to a question of `askedAt` can tell. */
export function mayYetBeCaptured(attempt: Attempt, askedAt: EpochMs): boolean {
  if (!isUnresolved(attempt) || attempt.captureBegunAt === undefined) return false;
  return askedAt < attempt.captureBegunAt + CAPTURE_SETTLES_MS;
}

/**
 * Whether the buyer may choose a way to pay: nothing has ended it, no money waits for a decision or is being captured, and no
 * channel is being asked.
 */
export function mayChoose(payment: Payment, now: EpochMs): boolean {
  if (hasEnded(payment) || payment.closeRequested !== null || awaitsDecision(payment)) return false;
  if (payment.attempts.some((attempt) => mayYetBeCaptured(attempt, now))) return false;
  return now < payment.expiresAt && payment.attempts.at(-1)?.status !== 'creating';
}

/** Whether it is the buyer's turn: a payment made without a way to pay, or whose chosen way has come to nothing. */
export function awaitsChoice(payment: Payment): boolean {
  if (hasEnded(payment) || payment.closeRequested !== null || awaitsDecision(payment)) return false;
  const last = payment.attempts.at(-1);
  return last === undefined || (last.buyerLed === true && last.status !== 'creating' && last.status !== 'open');
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

const PAID: ReadonlySet<PaymentStatus> = new Set(['succeeded', 'partially_refunded', 'refunded', 'disputed']);

/** Whether the payment has taken effect: the merchant got its money, whatever has been returned since. */
export function isPaid(payment: Payment): boolean {
  return PAID.has(payment.status);
}

/** Money of another amount than asked for is held: nobody may pay again before a person has decided. */
export function awaitsDecision(payment: Payment): boolean {
  return !hasEnded(payment) && payment.attempts.some((a) => isHeld(a) && a.effect === 'mismatch');
}

/** Money that a person has to decide about. */
export function isHeld(attempt: Attempt): attempt is SucceededAttempt {
  return attempt.status === 'succeeded' && attempt.disposition === 'hold';
}

/** What of one success can still be returned: refunds under way count as gone (I6). Minor units. */
export function refundableMinor(payment: Payment, attempt: SucceededAttempt): number {
  return payment.refunds.reduce(
    (left, refund) =>
      refund.attemptSeq === attempt.seq && refund.status !== 'failed' ? left - refund.amountMinor : left,
    attempt.paidMinor,
  );
}

/** Whether money has to go back, and every refund of it so far has failed. */
export function isOwedAgain(payment: Payment, attempt: SucceededAttempt): boolean {
  if (attempt.disposition !== 'refund' || payment.refunds.length >= REFUNDS_MAX) return false;
  return payment.refunds.every((refund) => refund.attemptSeq !== attempt.seq || refund.status === 'failed');
}

/** A merchant's refund by its own number, if there is one. */
export function findRefund(payment: Payment, merchantRefundNo: string): Refund | undefined {
  return payment.refunds.find((refund) => refund.merchantRefundNo === merchantRefundNo);
}

/** Whether something of this payment is still to be settled with a channel: an order, a refund, or money that may go back. */
export function needsChannel(payment: Payment, channelId: string): boolean {
  return payment.attempts.some((attempt) => {
    if (attempt.channelId !== channelId) return false;
    if (isUnresolved(attempt)) return true;
    if (attempt.status !== 'succeeded') return false;
    if (attempt.disposition === 'hold' || isOwedAgain(payment, attempt)) return true;
    return payment.refunds.some((refund) => refund.attemptSeq === attempt.seq && refund.status === 'pending');
  });
}

/** Whether the shop is sent events of this type: epay knows no word but that an order is paid. */
export function isToldOf(payment: Pick<Payment, 'epay'>, type: EventType): boolean {
  return payment.epay === undefined || type === 'payment.succeeded';
}
