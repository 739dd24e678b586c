import { planAgenda } from './agenda.ts';
import { onAttemptLost, onAttemptOpened, onAttemptRefused, onAttemptStarted } from './apply-attempt.ts';
import { onEventSent, onRedeliveryRequested } from './apply-delivery.ts';
import { onAskedInVain, onObserved, onQueryWanted } from './apply-observed.ts';
import type { EpochMs, EventType, Payment, PaymentEvent, PaymentStatus } from './document.ts';
import type { AnomalyKind, Fact, IgnoredReason, RejectedReason } from './facts.ts';
import { eventIdOf } from './ids.ts';
import { hasEnded, isUnresolved } from './inspect.ts';
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
  const settled = settleUnpaid(step.payment);
  const event = eventFor(payment.status, settled, now);
  const withEvent = event ? { ...settled, events: [...settled.events, event] } : settled;
  const agenda = planAgenda(withEvent, now);
  const nextDueAt = agenda.length === 0 ? null : Math.min(...agenda.map((item) => item.at));
  const next = { ...withEvent, agenda, nextDueAt, updatedAt: Math.max(now, payment.updatedAt) };
  assertPayment(next);
  return { outcome: 'applied', payment: next, events: event ? [event] : [], anomalies: step.anomalies };
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
      return onAttemptLost(payment, fact);
    case 'observed':
      return onObserved(payment, fact, now);
    case 'asked_in_vain':
      return onAskedInVain(payment, fact, now);
    case 'query_wanted':
      return onQueryWanted(payment, fact, now);
    case 'close_requested':
      return onCloseRequested(payment, fact.by, now);
    case 'event_sent':
      return onEventSent(payment, fact, now);
    case 'redelivery_requested':
      return onRedeliveryRequested(payment, fact, now);
    case 'fulfilled':
      return onFulfilled(payment);
    default:
      return unreachable(fact);
  }
}

function onCloseRequested(payment: Payment, by: 'merchant' | 'expiry', now: EpochMs): Step {
  if (hasEnded(payment)) return ignored('already_ended');
  if (payment.closeRequested !== null) return ignored('repeat');
  return { outcome: 'next', payment: { ...payment, closeRequested: { by, at: now } }, anomalies: [] };
}

const PAID: ReadonlySet<PaymentStatus> = new Set(['succeeded', 'partially_refunded', 'refunded', 'disputed']);

function onFulfilled(payment: Payment): Step {
  if (payment.fulfilment === 'delivered') return ignored('repeat');
  if (!PAID.has(payment.status)) return { outcome: 'rejected', reason: 'wrong_sequence' };
  return { outcome: 'next', payment: { ...payment, fulfilment: 'delivered' }, anomalies: [] };
}

/** Ends an unpaid payment once no provider can take money for it any more, as far as that can be known. */
function settleUnpaid(payment: Payment): Payment {
  if (hasEnded(payment)) return payment;
  const unresolved = payment.attempts.filter(isUnresolved);
  if (payment.closeRequested !== null) {
    // An order that nobody has seen dies at the provider's own expiry; until then a late success is possible and handled.
    if (unresolved.some((a) => !a.unseenAtClose)) return payment;
    return {
      ...payment,
      status: 'closed',
      statusReason: payment.closeRequested.by === 'expiry' ? 'expired' : 'merchant',
    };
  }
  if (unresolved.length > 0 || payment.attempts.at(-1)?.status !== 'failed') return payment;
  return payment.statusReason === null ? payment : { ...payment, status: 'failed' };
}

const EVENT_BY_STATUS: ReadonlyMap<PaymentStatus, EventType> = new Map([
  ['succeeded', 'payment.succeeded'],
  ['failed', 'payment.failed'],
  ['closed', 'payment.closed'],
]);

function eventFor(before: PaymentStatus, payment: Payment, now: EpochMs): PaymentEvent | null {
  const type = payment.status === before ? undefined : EVENT_BY_STATUS.get(payment.status);
  if (type === undefined) return null;
  const delivery =
    payment.notifyUrl === null ? { state: 'none' as const } : { state: 'pending' as const, tries: 0, nextAt: now };
  return { id: eventIdOf(payment.id, payment.status), type, at: now, body: '', delivery };
}
