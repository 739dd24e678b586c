import type { AgendaItem, Fact, ObservedState, Payment, RefundState } from '../../src/payment/index.ts';
import { anObservation, aRefundObservation, type CoreModule } from './builders.ts';
import { isUnresolved } from './property.ts';

/** What the world answers to the worker: each call draws one of `count` answers. */
export type Draw = (count: number) => number;

const ERROR = { kind: 'CHANNEL_UNAVAILABLE', providerCode: null };
/** The first answers of a draw, in this order; what follows is no information. */
export const ORDER_STATES: readonly ObservedState[] = ['open', 'succeeded', 'failed', 'closed', 'absent', 'unclear'];
export const REFUND_STATES: readonly RefundState[] = ['pending', 'succeeded', 'failed', 'absent', 'unclear'];

/** Does one item as `src/gateway` does it (agenda-worker, orders, refunds, webhook), with any answer that the world can give. */
export function perform(core: CoreModule, payment: Payment, item: AgendaItem, now: number, draw: Draw): Payment {
  const change = (from: Payment, fact: Fact): { payment: Payment; rejected: boolean } => {
    const applied = core.apply(from, fact, now);
    if (applied.outcome === 'applied') return { payment: applied.payment, rejected: false };
    return { payment: from, rejected: applied.outcome === 'rejected' };
  };
  /** What could not be taken is recorded as asked in vain. */
  const record = (fact: Fact, inVain: Fact): Payment => {
    const told = change(payment, fact);
    return told.rejected ? change(payment, inVain).payment : told.payment;
  };
  switch (item.kind) {
    case 'expire':
      return change(payment, { type: 'close_requested', by: 'expiry' }).payment;
    case 'abandon':
      return change(payment, { type: 'attempt_lost', seq: item.seq, error: ERROR, latencyMs: null }).payment;
    case 'query':
    case 'close': {
      const attempt = payment.attempts[item.seq - 1];
      if (!attempt || !isUnresolved(attempt)) return payment;
      return record(aboutOrder(attempt, item.kind, now, draw), { type: 'asked_in_vain', seq: item.seq, by: item.kind });
    }
    case 'refund': {
      const said = aboutRefund(payment, item.seq, draw);
      return record(said, { type: 'refund_asked_in_vain', refundSeq: item.seq, error: null });
    }
    case 'refund_again':
      return change(payment, { type: 'refund_due_again', seq: item.seq }).payment;
    case 'remind':
      return change(payment, { type: 'reminded' }).payment;
    default:
      return change(payment, aboutEvent(payment, item.eventId, now, draw)).payment;
  }
}

function aboutOrder(attempt: Payment['attempts'][number], by: 'query' | 'close', now: number, draw: Draw): Fact {
  const { seq } = attempt;
  const answer = draw(ORDER_STATES.length + 3);
  const state = ORDER_STATES[answer];
  if (state === undefined) {
    if (answer === ORDER_STATES.length && by === 'query') {
      return { type: 'postponed', duty: { kind: 'query', seq }, until: now + 1 + draw(900) };
    }
    if (answer === ORDER_STATES.length + 1) return { type: 'asked_in_vain', seq, by };
    return { type: 'observed', seq, by, observation: anObservation(attempt, { account: 'somebody-else' }) };
  }
  if (state === 'succeeded') return { type: 'observed', seq, by, observation: anObservation(attempt) };
  const unnamed = { account: null, amount: null, channelTradeNo: null, paidAt: null };
  return { type: 'observed', seq, by, observation: anObservation(attempt, { ...unnamed, state }) };
}

function aboutRefund(payment: Payment, refundSeq: number, draw: Draw): Fact {
  const refund = payment.refunds[refundSeq - 1];
  const answer = draw(REFUND_STATES.length + 3);
  const state = REFUND_STATES[answer];
  if (!refund || answer === REFUND_STATES.length) return { type: 'refund_asked_in_vain', refundSeq, error: ERROR };
  // Also when it was taken: a channel that can return no money any more refuses whatever is left to do.
  if (answer === REFUND_STATES.length + 1) return { type: 'refund_refused', refundSeq, error: ERROR };
  const by = refund.submitted ? 'query' : 'refund';
  const seen = state === undefined ? { account: 'somebody-else' } : { state };
  return { type: 'refund_observed', refundSeq, by, observation: aRefundObservation(refund, seen) };
}

function aboutEvent(payment: Payment, eventId: string, now: number, draw: Draw): Fact {
  const event = payment.events.find((e) => e.id === eventId);
  const tryNo = event && 'tries' in event.delivery ? event.delivery.tries + 1 : 1;
  const answer = draw(3);
  if (answer === 2) return { type: 'postponed', duty: { kind: 'notify', eventId }, until: now + 1 + draw(900) };
  return { type: 'event_sent', eventId, tryNo, delivered: answer === 1 };
}

export const dueOf = (payment: Payment, now: number): AgendaItem[] => payment.agenda.filter((item) => item.at <= now);

/** Two items that are the same duty at different times. */
export function isSameDuty(a: AgendaItem, b: AgendaItem): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'notify') return b.kind === 'notify' && a.eventId === b.eventId;
  return 'seq' in a && 'seq' in b ? a.seq === b.seq : true;
}
