import type { Attempt, Fact, Observation, Payment, Refund, RefundObservation } from '../../src/payment/index.ts';
import { anAttempt, anObservation, aRefundObservation, type CoreModule } from './builders.ts';
import type { Move } from './moves.ts';

const ERROR = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', providerCode: null };
const UNNAMED = { account: null, amount: null, channelTradeNo: null, paidAt: null };

/** What nobody can have paid; adapters do not let it through. */
const IMPOSSIBLE_MINOR = [0, -1, 0.5, 10_000_000_000_001];

/** The fact that a move means to this payment now; null when it means nothing. */
export function factFor(
  core: CoreModule,
  payment: Payment,
  move: Move,
  past: readonly Fact[],
  now: number,
): Fact | null {
  if (move.kind === 'replay') return pickOf(past, move.pick) ?? null;
  return orderFact(core, payment, move, now) ?? observedFact(payment, move) ?? otherFact(payment, move, now);
}

function pickOf<T>(list: readonly T[], pick: number): T | undefined {
  return list[pick % Math.max(1, list.length)];
}

function orderFact(core: CoreModule, payment: Payment, move: Move, now: number): Fact | null {
  if (move.kind === 'start') {
    return { type: 'attempt_started', attempt: anAttempt(core, payment, payment.attempts.length + 1, now) };
  }
  if (move.kind === 'start_chosen') {
    const attempt = anAttempt(core, payment, payment.attempts.length + 1, now);
    return { type: 'attempt_started', attempt: { ...attempt, scene: 'wap', buyerLed: true } };
  }
  const attempt = pickOf(payment.attempts, move.pick);
  if (!attempt) return null;
  const { seq } = attempt;
  switch (move.kind) {
    case 'open': {
      const action = { type: 'qr_code', qrCode: 'https://qr.example/1' } as const;
      return { type: 'attempt_opened', seq, action, channelTradeNo: null, latencyMs: 5 };
    }
    case 'refuse':
    case 'refuse_for_good': {
      const endsPayment = move.kind === 'refuse_for_good';
      return { type: 'attempt_refused', seq, error: ERROR, latencyMs: 5, endsPayment };
    }
    case 'lose':
      return { type: 'attempt_lost', seq, error: ERROR, latencyMs: 3000 };
    case 'in_vain':
      return { type: 'asked_in_vain', seq, by: move.how % 2 === 0 ? 'close' : 'query' };
    case 'give_up':
      return { type: 'attempt_given_up', seq };
    case 'want_query':
      return { type: 'query_wanted', seq };
    case 'capture':
      return { type: 'capture_begun', seq };
    case 'postpone_query':
      return { type: 'postponed', duty: { kind: 'query', seq }, until: now + move.how * 60 - 600 };
    default:
      return null;
  }
}

function observedFact(payment: Payment, move: Move): Fact | null {
  const attempt = pickOf(payment.attempts, move.pick);
  if (!attempt) return null;
  const by = (['callback', 'query', 'close'] as const)[move.how % 3] ?? 'callback';
  const observation = observationOf(attempt, move);
  return observation ? { type: 'observed', seq: attempt.seq, by, observation } : null;
}

function observationOf(attempt: Attempt, { kind, how }: Move): Observation | null {
  const { minor, currency } = attempt.amount;
  switch (kind) {
    case 'paid':
      return anObservation(attempt);
    case 'paid_other_amount':
      return anObservation(attempt, { amount: { minor: minor + (how % 2 === 0 ? 300 : -300), currency } });
    case 'paid_impossible_amount':
      return anObservation(attempt, { amount: { minor: pickOf(IMPOSSIBLE_MINOR, how) ?? 0, currency } });
    case 'paid_other_currency':
      return anObservation(attempt, { amount: { minor, currency: 'USD' } });
    case 'paid_other_account':
      return anObservation(attempt, { account: 'somebody-else' });
    case 'paid_other_trade_no':
      return anObservation(attempt, { channelTradeNo: `other-${how}` });
    case 'paid_without_trade_no':
      return anObservation(attempt, { channelTradeNo: null });
    case 'approved':
      return anObservation(attempt, { state: 'approved', paidAt: null });
    case 'still_open':
      return anObservation(attempt, { ...UNNAMED, state: 'open' });
    case 'closed':
    case 'failed':
    case 'absent':
    case 'unclear':
      return anObservation(attempt, { ...UNNAMED, state: kind });
    default:
      return null;
  }
}

function otherFact(payment: Payment, move: Move, now: number): Fact | null {
  switch (move.kind) {
    case 'merchant_closes':
      return { type: 'close_requested', by: 'merchant' };
    case 'expires':
      return now >= payment.expiresAt ? { type: 'close_requested', by: 'expiry' } : null;
    case 'overtaken':
      return { type: 'overtaken' };
    case 'fulfilled':
      return { type: 'fulfilled' };
    case 'remind':
      return { type: 'reminded' };
    case 'clock_set_back':
      return { type: 'clock_set_back' };
    case 'event_delivered':
    case 'event_failed':
    case 'redeliver':
    case 'postpone_event':
      return eventFact(payment, move, now);
    case 'refund_whole':
    case 'refund_part':
    case 'refund_too_much':
      return refundRequest(payment, move);
    case 'refund_again': {
      const owed = payment.attempts.filter((a) => a.status === 'succeeded' && a.disposition === 'refund');
      const attempt = pickOf(owed.length > 0 ? owed : payment.attempts, move.pick);
      return attempt ? { type: 'refund_due_again', seq: attempt.seq } : null;
    }
    case 'dispose_keep':
    case 'dispose_refund': {
      const held = payment.attempts.filter((a) => a.status === 'succeeded' && a.disposition === 'hold');
      const attempt = pickOf(held.length > 0 ? held : payment.attempts, move.pick);
      const disposition = move.kind === 'dispose_keep' ? 'keep' : 'refund';
      return attempt ? { type: 'money_disposed', seq: attempt.seq, disposition } : null;
    }
    case 'return_money': {
      const waiting = payment.attempts.filter((a) => a.status === 'succeeded' && a.disposition !== 'keep');
      const attempt = pickOf(waiting.length > 0 ? waiting : payment.attempts, move.pick);
      return attempt ? { type: 'money_returned', seq: attempt.seq, reference: `transfer ${move.how}` } : null;
    }
    default:
      return refundFact(payment, move);
  }
}

function eventFact(payment: Payment, move: Move, now: number): Fact | null {
  const event = pickOf(payment.events, move.pick);
  if (!event) return null;
  const eventId = event.id;
  if (move.kind === 'redeliver') return { type: 'redelivery_requested', eventId };
  if (move.kind === 'postpone_event') {
    return { type: 'postponed', duty: { kind: 'notify', eventId }, until: now + move.how * 60 - 600 };
  }
  const tryNo = 'tries' in event.delivery ? event.delivery.tries + 1 : 1;
  return { type: 'event_sent', eventId, tryNo, delivered: move.kind === 'event_delivered' };
}

/** Thirty numbers: mostly a new one, sometimes one that is taken, for the same amount or for another. */
function refundRequest(payment: Payment, { kind, how }: Move): Fact {
  const parts = { refund_whole: how % 2 === 0 ? null : payment.amount.minor, refund_part: 1 + (how % 350) };
  const amountMinor = kind === 'refund_whole' || kind === 'refund_part' ? parts[kind] : payment.amount.minor + 301;
  const merchantRefundNo = `R${how % 30}`;
  return { type: 'refund_requested', merchantRefundNo, requestHash: `hash-${amountMinor}`, amountMinor, reason: null };
}

function refundFact(payment: Payment, move: Move): Fact | null {
  // Mostly about one that is undecided; about those that are decided contradictions are heard, too.
  const pending = payment.refunds.filter((refund) => refund.status === 'pending');
  const refund = pickOf(pending.length > 0 && move.how % 4 !== 0 ? pending : payment.refunds, move.pick);
  if (!refund) return null;
  const refundSeq = refund.seq;
  switch (move.kind) {
    case 'refund_refused':
      return { type: 'refund_refused', refundSeq, error: ERROR };
    case 'refund_in_vain':
      return { type: 'refund_asked_in_vain', refundSeq, error: move.how % 2 === 0 ? ERROR : null };
    default: {
      const observation = refundObservationOf(refund, move);
      const by = (['refund', 'query', 'callback'] as const)[move.how % 3] ?? 'query';
      return observation ? { type: 'refund_observed', refundSeq, by, observation } : null;
    }
  }
}

function refundObservationOf(refund: Refund, { kind, how }: Move): RefundObservation | null {
  const unnamed = { account: null, amount: null, channelRefundNo: null };
  switch (kind) {
    case 'refund_done':
      return aRefundObservation(refund, how % 2 === 0 ? {} : { amount: null });
    case 'refund_taken':
      return aRefundObservation(refund, { state: 'pending' });
    case 'refund_failed':
      return aRefundObservation(refund, { state: 'failed', error: ERROR });
    case 'refund_absent':
      return aRefundObservation(refund, { ...unnamed, state: 'absent' });
    case 'refund_unclear':
      return aRefundObservation(refund, { ...unnamed, state: 'unclear' });
    case 'refund_other_amount':
      return aRefundObservation(refund, { amount: { minor: refund.amountMinor + 1, currency: 'CNY' } });
    case 'refund_other_account':
      return aRefundObservation(refund, { account: 'somebody-else' });
    default:
      return null;
  }
}
