import { planAgenda } from './agenda.ts';
import {
  onAttemptGivenUp,
  onAttemptLost,
  onAttemptOpened,
  onAttemptRefused,
  onAttemptStarted,
} from './apply-attempt.ts';
import { onCaptureBegun } from './apply-capture.ts';
import { onEventSent, onRedeliveryRequested } from './apply-delivery.ts';
import { onMoneyDisposed, onMoneyReturned } from './apply-money.ts';
import { onAskedInVain, onObserved, onQueryWanted } from './apply-observed.ts';
import {
  makeOwedRefunds,
  onRefundAskedInVain,
  onRefundDueAgain,
  onRefundObserved,
  onRefundRefused,
  onRefundRequested,
  withRefundStatus,
} from './apply-refund.ts';
import { onClockSetBack, onPostponed, onReminded } from './apply-timing.ts';
import type { Delivery, EpochMs, EventType, Payment, PaymentEvent, PaymentStatus } from './document.ts';
import type { AnomalyKind, Fact, IgnoredReason, RejectedReason } from './facts.ts';
import { eventIdOf } from './ids.ts';
import { awaitsDecision, hasEnded, isPaid, isToldOf, isUnresolved } from './inspect.ts';
import { assertPayment } from './invariants.ts';
import { unreachable } from './result.ts';
import { ignored, type Step } from './step.ts';

export type Applied =
  | {
      readonly outcome: 'applied';
      readonly payment: Payment;
      /** Events that this fact caused; they are already in the payment's outbox, without their bodies. */
      readonly events: readonly PaymentEvent[];
      readonly anomalies: readonly AnomalyKind[];
    }
  | { readonly outcome: 'ignored'; readonly reason: IgnoredReason }
  | { readonly outcome: 'rejected'; readonly reason: RejectedReason };

/**
 * The state machine of a payment. Pure: the next document depends on nothing but the arguments. Applying a fact twice equals
 * applying it once: the second time it is ignored or only moves a timer. `ignored` is harmless news; `rejected` must not
 * happen and is worth an anomaly. The version is not touched: the store's compare-and-set owns it.
 */
export function apply(payment: Payment, fact: Fact, now: EpochMs): Applied {
  const step = stepFor(payment, fact, now);
  if (step.outcome !== 'next') return step;
  const settled = withRefundStatus(makeOwedRefunds(settleUnpaid(step.payment), now));
  const events = eventsOf(payment, settled, now);
  const withEvents = events.length > 0 ? { ...settled, events: [...settled.events, ...events] } : settled;
  const agenda = planAgenda(withEvents, now);
  const nextDueAt = agenda.length === 0 ? null : Math.min(...agenda.map((item) => item.at));
  const updatedAt = fact.type === 'clock_set_back' ? now : Math.max(now, payment.updatedAt);
  const next = { ...withEvents, agenda, nextDueAt, updatedAt };
  assertPayment(next);
  return { outcome: 'applied', payment: next, events, anomalies: step.anomalies };
}

function stepFor(payment: Payment, fact: Fact, now: EpochMs): Step {
  switch (fact.type) {
    case 'attempt_started':
      return onAttemptStarted(payment, fact);
    case 'attempt_opened':
      return onAttemptOpened(payment, fact);
    case 'attempt_refused':
      return onAttemptRefused(payment, fact, now);
    case 'attempt_lost':
      return onAttemptLost(payment, fact, now);
    case 'attempt_given_up':
      return onAttemptGivenUp(payment, fact, now);
    case 'observed':
      return onObserved(payment, fact, now);
    case 'asked_in_vain':
      return onAskedInVain(payment, fact, now);
    case 'query_wanted':
      return onQueryWanted(payment, fact, now);
    case 'capture_begun':
      return onCaptureBegun(payment, fact, now);
    case 'close_requested':
      return onCloseRequested(payment, fact.by, now);
    case 'overtaken':
      return onOvertaken(payment, now);
    case 'event_sent':
      return onEventSent(payment, fact, now);
    case 'redelivery_requested':
      return onRedeliveryRequested(payment, fact, now);
    case 'fulfilled':
      return onFulfilled(payment);
    case 'refund_requested':
      return onRefundRequested(payment, fact, now);
    case 'refund_observed':
      return onRefundObserved(payment, fact, now);
    case 'refund_refused':
      return onRefundRefused(payment, fact, now);
    case 'refund_asked_in_vain':
      return onRefundAskedInVain(payment, fact, now);
    case 'refund_due_again':
      return onRefundDueAgain(payment, fact, now);
    case 'money_disposed':
      return onMoneyDisposed(payment, fact);
    case 'money_returned':
      return onMoneyReturned(payment, fact, now);
    case 'postponed':
      return onPostponed(payment, fact, now);
    case 'clock_set_back':
      return onClockSetBack(payment, now);
    case 'reminded':
      return onReminded(payment, now);
    default:
      return unreachable(fact);
  }
}

function onCloseRequested(payment: Payment, by: 'merchant' | 'expiry', now: EpochMs): Step {
  if (hasEnded(payment)) return ignored('already_ended');
  if (payment.closeRequested !== null) return ignored('repeat');
  return { outcome: 'next', payment: { ...payment, closeRequested: { by, at: now } }, anomalies: [] };
}

function onOvertaken(payment: Payment, now: EpochMs): Step {
  if (payment.overtaken) return ignored('repeat');
  if (isPaid(payment)) return { outcome: 'rejected', reason: 'already_paid' };
  const closeRequested = payment.closeRequested ?? (hasEnded(payment) ? null : { by: 'overtaken' as const, at: now });
  return { outcome: 'next', payment: { ...payment, overtaken: true, closeRequested }, anomalies: [] };
}

function onFulfilled(payment: Payment): Step {
  if (payment.fulfilment === 'delivered') return ignored('repeat');
  if (!isPaid(payment)) return { outcome: 'rejected', reason: 'wrong_sequence' };
  return { outcome: 'next', payment: { ...payment, fulfilment: 'delivered' }, anomalies: [] };
}

/** Ends an unpaid payment once no provider can take money for it any more, as far as that can be known. */
function settleUnpaid(payment: Payment): Payment {
  if (hasEnded(payment) || awaitsDecision(payment)) return payment;
  const unresolved = payment.attempts.filter(isUnresolved);
  if (payment.closeRequested !== null) {
    // An order that nobody has seen dies at the provider's own expiry; until then a late success is possible and handled.
    if (unresolved.some((a) => !a.unseenAtClose)) return payment;
    return {
      ...payment,
      status: 'closed',
      statusReason: REASON_OF_CLOSE[payment.closeRequested.by],
    };
  }
  if (unresolved.length > 0 || payment.attempts.at(-1)?.status !== 'failed') return payment;
  return payment.statusReason === null ? payment : { ...payment, status: 'failed' };
}

const REASON_OF_CLOSE = { expiry: 'expired', merchant: 'merchant', overtaken: 'overtaken' } as const;

const EVENT_BY_STATUS: ReadonlyMap<PaymentStatus, EventType> = new Map([
  ['succeeded', 'payment.succeeded'],
  ['failed', 'payment.failed'],
  ['closed', 'payment.closed'],
]);

/** What the shop has to hear of the step from `before` to `after`. */
function eventsOf(before: Payment, after: Payment, now: EpochMs): PaymentEvent[] {
  const deliveryOf = (of: EventType): Delivery =>
    after.notifyUrl === null || !isToldOf(after, of) ? { state: 'none' } : { state: 'pending', tries: 0, nextAt: now };
  const told = new Set(after.events.map((event) => event.id));
  const found: PaymentEvent[] = [];
  const type = after.status === before.status ? undefined : EVENT_BY_STATUS.get(after.status);
  if (type !== undefined) {
    found.push({ id: eventIdOf(after.id, after.status), type, at: now, body: '', delivery: deliveryOf(type) });
  }
  for (const refund of after.refunds) {
    const { seq, status } = refund;
    const was = before.refunds[seq - 1]?.status;
    if (status === 'pending' || was === status) continue;
    // Another transition than "failed": the shop may have heard of both.
    const transition = was === 'succeeded' ? 'reversed' : status;
    const id = eventIdOf(after.id, `refund${String(seq).padStart(3, '0')}${transition}`);
    const kind = `refund.${status}` as const;
    found.push({ id, type: kind, at: now, refundSeq: seq, body: '', delivery: deliveryOf(kind) });
  }
  return found.filter((event) => !told.has(event.id));
}
