import { afterAsking, forgetPlans } from './agenda.ts';
import type { Attempt, EpochMs, MoneyPolicy, ObservedBy, Payment, SucceededAttempt } from './document.ts';
import type { AnomalyKind, Fact, Observation } from './facts.ts';
import { awaitsDecision, effectiveAttempt, hasEnded, isUnresolved, mayYetBeCaptured } from './inspect.ts';
import { isAmountMinor } from './money.ts';
import { unreachable } from './result.ts';
import { ABSENCE_SETTLES_MS, HORIZON_MS, PROVIDER_GRACE_MS } from './schedule.ts';
import { ignored, next, rejected, type Step, withAttempt } from './step.ts';

type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>;

/** Something that a channel said of one order: by callback, in answer to a query, or in answer to a close. */
export function onObserved(payment: Payment, fact: FactOf<'observed'>, now: EpochMs): Step {
  const attempt = payment.attempts[fact.seq - 1];
  if (!attempt) return rejected('unknown_attempt');
  const { observation, by } = fact;
  const foreign = foreignPart(attempt, observation, by);
  if (foreign !== null) return rejected(foreign);
  switch (observation.state) {
    case 'succeeded':
      return onSuccess(payment, attempt, fact, now);
    case 'failed':
    case 'closed':
      return onDead(payment, attempt, fact, now);
    case 'open':
      return onStillOpen(payment, attempt, fact, now);
    case 'approved':
      return by === 'callback' ? onApproved(payment, attempt, fact, now) : onStillOpen(payment, attempt, fact, now);
    case 'absent':
      return onAbsent(payment, attempt, fact, now);
    case 'unclear':
      return by === 'callback' || !isUnresolved(attempt) ? ignored('no_news') : askAgain(payment, attempt, by, now);
    default:
      return unreachable(observation.state);
  }
}

/** A query or a close brought no information; plan the next one. */
export function onAskedInVain(payment: Payment, fact: FactOf<'asked_in_vain'>, now: EpochMs): Step {
  const attempt = payment.attempts[fact.seq - 1];
  if (!attempt) return rejected('unknown_attempt');
  return isUnresolved(attempt) ? askAgain(payment, attempt, fact.by, now) : ignored('already_resolved');
}

/** Brings the next query forward to now; the caller limits how often. */
export function onQueryWanted(payment: Payment, fact: FactOf<'query_wanted'>, now: EpochMs): Step {
  const sooner = askNow(payment, fact.seq, now);
  return sooner === payment ? ignored('no_news') : next(sooner);
}

/**
 * I5, I12: whatever the channel names must be what the attempt was bound to; a success must name all of it. A callback with another
 * amount changes nothing; when the provider says the same in answer to our own question, that money is there, and the policy
 * says what becomes of it.
 */
function foreignPart(attempt: Attempt, seen: Observation, by: ObservedBy) {
  if (seen.account !== null && seen.account !== attempt.account) return 'account_mismatch' as const;
  if (seen.amount !== null && seen.amount.currency !== attempt.amount.currency) return 'currency_mismatch' as const;
  // What has arrived is known from then on, whatever was asked for.
  const expectedMinor = attempt.status === 'succeeded' ? attempt.paidMinor : attempt.amount.minor;
  const otherAmount = seen.amount !== null && seen.amount.minor !== expectedMinor;
  const isOther = otherAmount || sentAnother(attempt, seen);
  if (isOther && (by === 'callback' || seen.state !== 'succeeded')) return 'amount_mismatch' as const;
  if (seen.state !== 'succeeded') return null;
  const hasAmount = seen.amount !== null && isAmountMinor(seen.amount.minor);
  return seen.account !== null && hasAmount && seen.channelTradeNo ? null : ('incomplete_success' as const);
}

/** Whether another sum than the quoted one is spoken of, though the payment's own amount may be the right one. */
function sentAnother({ quote, status }: Attempt, { quoted }: Observation): boolean {
  if (quote === undefined || quoted === undefined || status === 'succeeded') return false;
  return quoted.minor !== quote.amount.minor || quoted.currency !== quote.amount.currency;
}

function onSuccess(payment: Payment, attempt: Attempt, fact: FactOf<'observed'>, now: EpochMs): Step {
  const { observation, by } = fact;
  if (attempt.status === 'succeeded') {
    return attempt.channelTradeNo === observation.channelTradeNo ? ignored('repeat') : rejected('second_trade_number');
  }
  const paidMinor = observation.amount?.minor ?? attempt.amount.minor;
  const isWhole = paidMinor === attempt.amount.minor && !sentAnother(attempt, observation);
  const verdict = verdictOf(payment, attempt, isWhole);
  const paidAt = observation.paidAt ?? now;
  const { channelTradeNo } = observation;
  const paid: SucceededAttempt = {
    ...bare(attempt),
    ...verdict,
    status: 'succeeded',
    channelTradeNo,
    paidAt,
    paidMinor,
    resolvedAt: now,
    knownBy: by,
  };
  return next(withSuccess(payment, paid), anomaliesOf(payment, paid));
}

/** What one more success is to the payment, and what the policies make of its money. */
function verdictOf(
  payment: Payment,
  attempt: Attempt,
  isWhole: boolean,
): Pick<SucceededAttempt, 'effect' | 'disposition'> {
  const { lateSuccess, surplus, amountMismatch } = payment.policies;
  const to = (policy: MoneyPolicy) => dispositionOf(attempt, policy);
  if (payment.overtaken || effectiveAttempt(payment) !== undefined) {
    return { effect: 'surplus', disposition: to(surplus) };
  }
  if (hasEnded(payment) && lateSuccess !== 'accept') {
    return { effect: 'late', disposition: to(lateSuccess) };
  }
  if (!isWhole && amountMismatch !== 'accept') {
    return { effect: 'mismatch', disposition: to(amountMismatch) };
  }
  return { effect: 'effective', disposition: 'keep' };
}

/** Where a channel cannot return money, a person has to. */
function dispositionOf({ refundable = true }: Attempt, policy: MoneyPolicy): SucceededAttempt['disposition'] {
  return policy === 'refund' && !refundable ? 'hold' : DISPOSITION[policy];
}

const DISPOSITION: Readonly<Record<MoneyPolicy, SucceededAttempt['disposition']>> = {
  accept: 'keep',
  refund: 'refund',
  hold: 'hold',
};

/** The payment with this success recorded, and its status as far as the success decides it. */
export function withSuccess(payment: Payment, paid: SucceededAttempt): Payment {
  const recorded = withAttempt(payment, paid);
  switch (paid.effect) {
    case 'effective':
      return { ...recorded, status: 'succeeded', statusReason: null, paidAt: paid.paidAt };
    case 'late':
      return { ...recorded, statusReason: 'paid_after_end' };
    case 'mismatch':
      if (hasEnded(payment)) return { ...recorded, statusReason: 'amount_mismatch' };
      return {
        ...recorded,
        status: paid.disposition === 'hold' ? 'review' : 'failed',
        statusReason: 'amount_mismatch',
      };
    default:
      return recorded;
  }
}

function anomaliesOf(before: Payment, paid: SucceededAttempt): AnomalyKind[] {
  const found: AnomalyKind[] = [];
  if (paid.effect === 'surplus') found.push('surplus_payment');
  else if (hasEnded(before)) found.push('late_success');
  if (paid.paidMinor !== paid.amount.minor || paid.effect === 'mismatch') found.push('amount_mismatch');
  if (paid.disposition === 'hold') found.push('money_held');
  return found;
}

function onDead(payment: Payment, attempt: Attempt, fact: FactOf<'observed'>, now: EpochMs): Step {
  const { observation: seen, by, askedAt = now } = fact;
  // Money that has arrived is not undone by a later "closed" (a full refund reads like that at some providers).
  if (!isUnresolved(attempt)) return ignored('already_resolved');
  const status = seen.state === 'failed' ? 'failed' : 'closed';
  // Where money moves by our capture, "closed" only means that we send none, and one may be on its way.
  if (by === 'close' && mayYetBeCaptured(attempt, Math.min(askedAt, now))) return askAgain(payment, attempt, by, now);
  const dead = withAttempt(payment, { ...bare(attempt), status, error: seen.error ?? attempt.error, resolvedAt: now });
  // Only the way to pay that the buyer had last says why the payment failed; earlier ones were never shown or given up.
  if (status === 'closed' || attempt.buyerLed || attempt.seq < payment.attempts.length) return next(dead);
  if (hasEnded(payment) || awaitsDecision(payment)) return next(dead);
  return next({ ...dead, statusReason: (seen.error?.kind ?? 'declined').toLowerCase() });
}

function onStillOpen(payment: Payment, attempt: Attempt, fact: FactOf<'observed'>, now: EpochMs): Step {
  if (!isUnresolved(attempt)) return ignored('already_resolved');
  const { observation, by } = fact;
  const { captureBegunAt, ...others } = attempt;
  // Open with the reason of a decline: the capture has ended, and has taken nothing.
  const isCapturing = captureBegunAt !== undefined && observation.error === null;
  const news: Attempt = {
    ...(isCapturing ? attempt : others),
    channelTradeNo: attempt.channelTradeNo ?? observation.channelTradeNo,
    error: observation.error ?? attempt.error,
    // The buyer has opened it after all: now it can be closed.
    unseenAtClose: false,
  };
  const changed =
    news.channelTradeNo !== attempt.channelTradeNo ||
    news.error?.providerCode !== attempt.error?.providerCode ||
    attempt.unseenAtClose;
  if (by === 'callback') return changed ? next(withAttempt(payment, news)) : ignored('no_news');
  return askAgain(withAttempt(payment, news), news, by, now);
}

/** The buyer has agreed; the query that is brought forward looks for itself, and captures. */
function onApproved(payment: Payment, attempt: Attempt, { observation, seq }: FactOf<'observed'>, now: EpochMs): Step {
  if (!isUnresolved(attempt)) return ignored('already_resolved');
  const channelTradeNo = attempt.channelTradeNo ?? observation.channelTradeNo;
  const known =
    channelTradeNo === attempt.channelTradeNo ? payment : withAttempt(payment, { ...attempt, channelTradeNo });
  const sooner = askNow(known, seq, now);
  return sooner === payment ? ignored('no_news') : next(sooner);
}

/** The payment with its planned query due now; itself when none is planned, or it is due already. */
function askNow(payment: Payment, seq: number, now: EpochMs): Payment {
  const planned = payment.agenda.find((item) => item.kind === 'query' && item.seq === seq);
  if (!planned || planned.at <= now) return payment;
  return { ...payment, agenda: payment.agenda.map((item) => (item === planned ? { ...planned, at: now } : item)) };
}

function onAbsent(payment: Payment, attempt: Attempt, fact: FactOf<'observed'>, now: EpochMs): Step {
  if (!isUnresolved(attempt)) return ignored('already_resolved');
  if (provesAbsence(attempt, Math.min(fact.askedAt ?? now, now))) {
    return next(withAttempt(payment, { ...bare(attempt), status: 'closed', resolvedAt: now }));
  }
  if (fact.by === 'callback') return ignored('no_news');
  if (fact.by === 'close' && attempt.absence === 'until_expiry') {
    const unseen = withAttempt(payment, { ...attempt, unseenAtClose: true });
    return next(forgetPlans(unseen, 'query', attempt.seq));
  }
  return next(afterAsking(payment, fact.by, attempt.seq, now));
}

/** Whether "no such order", to a question put at `askedAt`, means that the order cannot be paid any more. */
function provesAbsence(attempt: Attempt, askedAt: EpochMs): boolean {
  if (attempt.status === 'creating') return false;
  if (askedAt >= attempt.providerExpiresAt + PROVIDER_GRACE_MS) return true;
  if (attempt.absence !== 'final' || attempt.status !== 'unknown') return false;
  return askedAt >= (attempt.lostAt ?? attempt.openedAt) + ABSENCE_SETTLES_MS;
}

/** The question settled nothing: plan the next. A payment that stays unresolved a day past its expiry needs a person. */
function askAgain(payment: Payment, attempt: Attempt, by: 'query' | 'close', now: EpochMs): Step {
  const asked = afterAsking(payment, by, attempt.seq, now);
  if (payment.status !== 'pending' || now <= attempt.providerExpiresAt + HORIZON_MS) return next(asked);
  return next({ ...asked, status: 'review', statusReason: 'unresolved_at_provider' }, ['unresolved_at_provider']);
}

/** The attempt without the fields that belong to its state alone. */
function bare(attempt: Attempt) {
  const { status: _status, ...fields } = attempt;
  if ('action' in fields) {
    const { action: _action, ...rest } = fields;
    return rest;
  }
  if ('lostAt' in fields) {
    const { lostAt: _lostAt, ...rest } = fields;
    return rest;
  }
  return fields;
}
