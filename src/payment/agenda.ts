import type { AgendaItem, Attempt, EpochMs, Payment } from './document.ts';
import { awaitsDecision, effectiveAttempt, hasEnded, isHeld, isOwedAgain, isUnresolved } from './inspect.ts';
import {
  ABANDON_AFTER_MS,
  nextCloseAt,
  nextQueryAt,
  nextRefundAgainAt,
  REFUND_BACKSTOP_MS,
  REMIND_EVERY_MS,
} from './schedule.ts';

/**
 * What is still to be done for a payment, and when (I8). Derived from the rest of the document; only the times of questions
 * already under way are carried over.
 */
export function planAgenda(payment: Payment, now: EpochMs): readonly AgendaItem[] {
  const kept = new Map(payment.agenda.map((item) => [keyOf(item), item]));
  const wanted: AgendaItem[] = [];
  if (!hasEnded(payment) && payment.closeRequested === null) wanted.push({ kind: 'expire', at: payment.expiresAt });
  for (const attempt of payment.attempts) wanted.push(...dutiesOf(payment, attempt, now));
  wanted.push(...refundDuties(payment, now));
  if (payment.attempts.some(isHeld)) wanted.push({ kind: 'remind', at: now + REMIND_EVERY_MS });
  // One at a time: a later event is not sent before an earlier one is delivered or dead.
  for (const event of payment.events) {
    if (event.delivery.state !== 'pending') continue;
    wanted.push({ kind: 'notify', at: event.delivery.nextAt, eventId: event.id });
    break;
  }
  // The times of these two follow from the document itself.
  return wanted.map((item) =>
    item.kind === 'expire' || item.kind === 'notify' ? item : (kept.get(keyOf(item)) ?? item),
  );
}

/** The same agenda with one question counted as asked and its next time set. */
export function afterAsking(payment: Payment, kind: 'query' | 'close', seq: number, now: EpochMs): Payment {
  const attempt = payment.attempts[seq - 1];
  if (!attempt) return payment;
  const agenda = payment.agenda.map((item) => {
    if (item.kind !== kind || item.seq !== seq) return item;
    const at = kind === 'query' ? nextQueryAt(payment, attempt, item.tries + 1, now) : nextCloseAt(item.tries, now);
    return { ...item, tries: item.tries + 1, at };
  });
  return { ...payment, agenda };
}

/** The same duty at another time, without counting it as done. */
export function postpone(payment: Payment, kind: 'query', seq: number, until: EpochMs): Payment {
  const agenda = payment.agenda.map((item) => (item.kind === kind && item.seq === seq ? { ...item, at: until } : item));
  return { ...payment, agenda };
}

/** The same agenda without the plans for one attempt's questions: they are planned afresh from its new state. */
export function forgetPlans(payment: Payment, kind: 'query' | 'close', seq: number): Payment {
  return { ...payment, agenda: payment.agenda.filter((item) => item.kind !== kind || item.seq !== seq) };
}

function dutiesOf(payment: Payment, attempt: Attempt, now: EpochMs): AgendaItem[] {
  if (attempt.status === 'creating') {
    return [{ kind: 'abandon', at: attempt.openedAt + ABANDON_AFTER_MS, seq: attempt.seq }];
  }
  if (!isUnresolved(attempt)) return [];
  const query: AgendaItem = { kind: 'query', at: nextQueryAt(payment, attempt, 0, now), tries: 0, seq: attempt.seq };
  if (!mustClose(payment, attempt)) return [query];
  return [query, { kind: 'close', at: now, tries: 0, seq: attempt.seq }];
}

function refundDuties(payment: Payment, now: EpochMs): AgendaItem[] {
  const duties: AgendaItem[] = [];
  for (const refund of payment.refunds) {
    if (refund.status !== 'pending') continue;
    const at = refund.cause === 'merchant' && !refund.submitted ? now + REFUND_BACKSTOP_MS : now;
    duties.push({ kind: 'refund', at, tries: 0, seq: refund.seq });
  }
  for (const attempt of payment.attempts) {
    if (attempt.status !== 'succeeded' || !isOwedAgain(payment, attempt)) continue;
    const failed = payment.refunds.filter((refund) => refund.attemptSeq === attempt.seq);
    const at = nextRefundAgainAt(failed.length, failed.at(-1)?.resolvedAt ?? now);
    duties.push({ kind: 'refund_again', at, seq: attempt.seq });
  }
  return duties;
}

/** Whether this order has to disappear at its provider: ended, paid elsewhere, or never handed out. */
function mustClose(payment: Payment, attempt: Attempt): boolean {
  if (attempt.unseenAtClose) return false;
  return (
    attempt.status === 'unknown' ||
    payment.closeRequested !== null ||
    hasEnded(payment) ||
    awaitsDecision(payment) ||
    effectiveAttempt(payment) !== undefined
  );
}

function keyOf(item: AgendaItem): string {
  switch (item.kind) {
    case 'expire':
    case 'remind':
      return item.kind;
    case 'notify':
      return `notify/${item.eventId}`;
    default:
      return `${item.kind}/${item.seq}`;
  }
}
