import { describe, expect, test } from 'vitest';
import * as core from '../../src/payment/index.ts';
import { aNewPayment, anAttempt, anObservation, aRefundObservation, NEW_YEAR, SHIPPED_POLICIES } from './builders.ts';

type Payment = core.Payment;
const ERROR = { kind: 'INVALID_REQUEST', providerCode: 'NO' };
const HOUR = 3_600_000;

/** What the payment is after these facts, each a second after the one before, and the anomalies of the last one. */
function tell(start: Payment, ...facts: core.Fact[]) {
  let payment = start;
  let applied: core.Applied | undefined;
  for (const [i, fact] of facts.entries()) {
    applied = core.apply(payment, fact, payment.updatedAt + (i + 1) * 1_000);
    if (applied.outcome === 'applied') payment = applied.payment;
  }
  return { payment, last: applied };
}

const started = (payment: Payment, seq: number): core.Fact => ({
  type: 'attempt_started',
  attempt: anAttempt(core, payment, seq, NEW_YEAR),
});
const lost = (seq: number): core.Fact => ({ type: 'attempt_lost', seq, error: ERROR, latencyMs: 5 });
const paid = (payment: Payment, seq: number, set: Partial<core.Observation> = {}): core.Fact => {
  const observation = anObservation(anAttempt(core, payment, seq, NEW_YEAR), set);
  return { type: 'observed', seq, by: 'query', observation };
};
const asked = (merchantRefundNo: string, amountMinor: number | null): core.Fact => {
  return { type: 'refund_requested', merchantRefundNo, requestHash: `${amountMinor}`, amountMinor, reason: null };
};
const refused = (refundSeq: number): core.Fact => ({ type: 'refund_refused', refundSeq, error: ERROR });
const disposed = (seq: number, disposition: 'keep' | 'refund'): core.Fact => {
  return { type: 'money_disposed', seq, disposition };
};
function said(
  payment: Payment,
  refundSeq: number,
  state: core.RefundState,
  by: 'query' | 'callback' = 'callback',
): core.Fact {
  const refund = payment.refunds[refundSeq - 1];
  if (!refund) throw new Error('no such refund');
  return { type: 'refund_observed', refundSeq, by, observation: aRefundObservation(refund, { state }) };
}

/** A payment of 1000 with so many orders, all of them lost, none of them paid yet. */
function ordered(orders: number, policies: Partial<core.Policies> = {}): Payment {
  const blank = aNewPayment(core, { policies: { ...SHIPPED_POLICIES, ...policies } });
  const facts = Array.from({ length: orders }, (_, i) => [started(blank, i + 1), lost(i + 1)]);
  return tell(blank, ...facts.flat()).payment;
}

/** Paid, with refunds asked for under the numbers R1, R2 … */
function paidWithRefunds(...amounts: number[]): Payment {
  const payment = ordered(1);
  return tell(payment, paid(payment, 1), ...amounts.map((amount, i) => asked(`R${i + 1}`, amount))).payment;
}

const statusOf = (payment: Payment) => payment.refunds.map((refund) => refund.status);
const toldOf = (payment: Payment, refundSeq: number) =>
  payment.events.filter((event) => event.refundSeq === refundSeq).map((event) => event.type);

describe('a refund that was refused and that the provider has after all', () => {
  test('counts again, and the shop hears of it', () => {
    const given = tell(paidWithRefunds(300), refused(1)).payment;
    const { payment, last } = tell(given, said(given, 1, 'succeeded'));
    expect(last).toMatchObject({ outcome: 'applied', anomalies: ['refund_contradicted'] });
    expect(payment).toMatchObject({ status: 'partially_refunded' });
    expect(toldOf(payment, 1)).toEqual(['refund.failed', 'refund.succeeded']);
    expect(tell(payment, asked('R2', 701)).last).toMatchObject({ reason: 'refund_exceeds_amount' });
  });

  test('is asked about again while the provider has not decided', () => {
    const given = tell(paidWithRefunds(300), refused(1)).payment;
    const { payment } = tell(given, said(given, 1, 'pending'));
    expect(payment.refunds[0]).toMatchObject({ status: 'pending', submitted: true, resolvedAt: null });
    expect(payment.agenda).toContainEqual(expect.objectContaining({ kind: 'refund', seq: 1 }));
  });

  test('changes nothing once its amount is on its way under another number, and a person hears of it', () => {
    const given = tell(paidWithRefunds(800), refused(1), asked('R2', 800)).payment;
    const { payment, last } = tell(given, said(given, 1, 'succeeded'));
    expect(last).toEqual({ outcome: 'rejected', reason: 'refund_contradicted' });
    expect(statusOf(payment)).toEqual(['failed', 'pending']);
  });

  test('holds back the next automatic refund', () => {
    const two = ordered(2);
    const given = tell(two, paid(two, 2), paid(two, 1), refused(1)).payment;
    expect(given.agenda.map((item) => item.kind)).toContain('refund_again');
    const { payment } = tell(given, said(given, 1, 'pending'), { type: 'refund_due_again', seq: 1 });
    expect(statusOf(payment)).toEqual(['pending']);
    expect(payment.agenda.map((item) => item.kind)).not.toContain('refund_again');
  });
});

describe('a refund that the provider said to have failed', () => {
  test('stays failed when the provider says the contrary, and a person hears of it', () => {
    const given = paidWithRefunds(300);
    const { payment, last } = tell(given, said(given, 1, 'failed'), said(given, 1, 'succeeded'));
    expect(last).toEqual({ outcome: 'rejected', reason: 'refund_contradicted' });
    expect(statusOf(payment)).toEqual(['failed']);
  });

  test('after it had succeeded is not made good by the success arriving once more', () => {
    const given = paidWithRefunds(300);
    const facts = (['succeeded', 'failed', 'succeeded', 'pending'] as const).map((state) => said(given, 1, state));
    const { payment, last } = tell(given, ...facts);
    expect(last).toEqual({ outcome: 'ignored', reason: 'already_resolved' });
    expect(payment.status).toBe('succeeded');
    expect(toldOf(payment, 1)).toEqual(['refund.succeeded', 'refund.failed']);
    expect(tell(payment, asked('R2', 1000)).last?.outcome).toBe('applied');
  });
});

test('a refund that the provider has cannot be refused; the next question about it comes later', () => {
  const given = paidWithRefunds(300);
  const taken = tell(given, said(given, 1, 'pending')).payment;
  const now = taken.updatedAt + HOUR;
  const applied = core.apply(taken, refused(1), now);
  if (applied.outcome !== 'applied') throw new Error('still due');
  expect(statusOf(applied.payment)).toEqual(['pending']);
  expect(applied.payment.agenda.find((item) => item.kind === 'refund')?.at).toBeGreaterThan(now);
});

test('a refund that the provider does not know any more is sent again under its own number', () => {
  const given = paidWithRefunds(300);
  const { payment } = tell(given, said(given, 1, 'pending'), said(given, 1, 'absent', 'query'));
  expect(payment.refunds).toMatchObject([{ status: 'pending', submitted: false }]);
  expect(payment.refunds[0]?.refundRef).toBe(given.refunds[0]?.refundRef);
});

test('a late success beside one that counts and is fully refunded goes back; nothing else changes', () => {
  const two = ordered(2);
  const refunded = tell(two, paid(two, 2), asked('R1', null)).payment;
  const done = tell(refunded, said(refunded, 1, 'succeeded')).payment;
  const { payment } = tell(done, paid(two, 1));
  expect(payment.status).toBe('refunded');
  expect(payment.refunds[1]).toMatchObject({ cause: 'surplus', attemptSeq: 1, amountMinor: 1000, status: 'pending' });
  expect(tell(payment, said(payment, 2, 'succeeded')).payment.status).toBe('refunded');
});

test('a surplus and the success that counts go back each on its own', () => {
  const two = ordered(2);
  const both = tell(two, paid(two, 2), paid(two, 1), asked('R1', 400)).payment;
  const { payment } = tell(both, said(both, 1, 'succeeded'), said(both, 2, 'succeeded'));
  expect(payment.refunds.map(({ attemptSeq, amountMinor }) => [attemptSeq, amountMinor])).toEqual([
    [1, 1000],
    [2, 400],
  ]);
  expect(payment.status).toBe('partially_refunded');
  expect(tell(payment, asked('R2', 601)).last).toMatchObject({ reason: 'refund_exceeds_amount' });
});

describe('money that is held', () => {
  const other = { amount: { minor: 700, currency: 'CNY' } };

  test('of two orders keeps the payment open until both are decided', () => {
    const two = ordered(2);
    const held = tell(two, paid(two, 1, other), paid(two, 2, other)).payment;
    const first = tell(held, disposed(1, 'refund')).payment;
    expect(first.status).toBe('review');
    expect(tell(first, disposed(2, 'refund')).payment).toMatchObject({
      status: 'failed',
      statusReason: 'amount_mismatch',
    });
    expect(tell(first, disposed(2, 'keep')).payment.status).toBe('succeeded');
  });

  test('and kept beside the success that counts leaves the payment as it is', () => {
    const two = ordered(2, { surplus: 'hold' });
    const held = tell(two, paid(two, 1, other), paid(two, 2)).payment;
    expect(held.status).toBe('succeeded');
    const { payment } = tell(held, disposed(1, 'keep'));
    expect(payment).toMatchObject({ status: 'succeeded', statusReason: null });
    expect(payment.attempts[0]).toMatchObject({ effect: 'mismatch', disposition: 'keep' });
  });
});

test.each([0, -1, 0.5, Number.NaN, 10_000_000_000_001])('a success of %s is believed of nobody', (minor) => {
  const one = ordered(1, { amountMismatch: 'refund' });
  const { payment, last } = tell(one, paid(one, 1, { amount: { minor, currency: 'CNY' } }));
  expect(last).toEqual({ outcome: 'rejected', reason: 'incomplete_success' });
  expect(payment).toBe(one);
});

test('an order that is refused after the payment was paid leaves no reason behind', () => {
  const two = ordered(1);
  const started2 = tell(two, started(two, 2), paid(two, 1)).payment;
  const late: core.Fact = { type: 'attempt_refused', seq: 2, error: ERROR, latencyMs: 5, endsPayment: true };
  expect(tell(started2, late).payment).toMatchObject({ status: 'succeeded', statusReason: null });
});
