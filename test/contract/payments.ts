import { createHash } from 'node:crypto';
import {
  type Attempt,
  type AttemptBinding,
  apply,
  createPayment,
  type Fact,
  type NewPayment,
  newId,
  type Observation,
  type Payment,
  providerRefOf,
  REFUND_ABSENT,
} from '../../src/payment/index.ts';

export const NEW_YEAR = Date.UTC(2026, 0, 1);
export const MERCHANT = 'm_demo';

let made = 0;

/** Bytes that differ at every call and are the same in every run. */
function countedBytes(size: number): Uint8Array {
  made += 1;
  return createHash('sha256').update(`payment ${made}`).digest().subarray(0, size);
}

/** A merchant's order as the gateway would accept it; its id and order number are its own. */
export function anOrder(set: Partial<NewPayment> = {}, at = NEW_YEAR): NewPayment {
  const id = newId('pay', at, countedBytes);
  return {
    id,
    merchantId: MERCHANT,
    merchantOrderNo: `A${made}`,
    requestHash: createHash('sha256').update(id).digest('hex'),
    amount: { minor: 1_000, currency: 'CNY' },
    methods: ['alipay'],
    scene: 'qr',
    subject: 'Steam key',
    customer: { country: 'CN', sealed: null },
    metadata: {},
    pinnedChannelId: null,
    notifyUrl: 'https://shop.example/notify',
    returnUrl: null,
    policies: { lateSuccess: 'refund', surplus: 'refund', amountMismatch: 'hold', paidKnownWithinMs: 60_000 },
    expiresInMs: 900_000,
    ...set,
  };
}

export function aPayment(set: Partial<NewPayment> = {}, at = NEW_YEAR): Payment {
  return createPayment(anOrder(set, at), at);
}

/** The next version after a fact that has to be taken, as the gateway would write it: events have their bodies. */
export function afterFact(payment: Payment, fact: Fact, now = NEW_YEAR): Payment {
  const applied = apply(payment, fact, now);
  if (applied.outcome !== 'applied') throw new Error(`${fact.type} changes nothing in ${payment.id}`);
  const events = applied.payment.events.map((e) => (e.body === '' ? { ...e, body: JSON.stringify({ id: e.id }) } : e));
  return { ...applied.payment, events, version: payment.version + 1 };
}

export function attemptStarted(payment: Payment, set: Partial<AttemptBinding> = {}): Fact {
  const seq = payment.attempts.length + 1;
  const channelId = set.channelId ?? 'alipay-main';
  const attempt: AttemptBinding = {
    seq,
    channelId,
    method: 'alipay',
    providerRef: providerRefOf(payment.id, seq),
    callbackToken: 'J3Zc0nW0Vd5mXg',
    account: '2021000118651',
    amount: payment.amount,
    providerExpiresAt: payment.expiresAt,
    absence: 'final',
    decision: {
      decidedAt: NEW_YEAR,
      channelId,
      position: seq === 1 ? 'first' : 'failover',
      reason: 'best_score',
      candidates: [
        {
          channelId,
          method: 'alipay',
          score: 0.8731,
          factors: { success: 0.98, fee: 0.4, latency: 0.71, settlement: 0.5 },
          feeMinor: 6,
          successRatio: 0.981,
          sampleSize: 318.25,
          latencyMs: 212.5,
          excluded: null,
        },
      ],
      draw: 0.12345678901234,
      explanation: 'best of 1',
    },
    openedAt: NEW_YEAR,
    ...set,
  };
  return { type: 'attempt_started', attempt };
}

export function observed(attempt: Pick<Attempt, 'seq' | 'account' | 'amount'>, set: Partial<Observation> = {}): Fact {
  const { seq, account, amount } = attempt;
  const observation: Observation = {
    state: 'succeeded',
    account,
    amount,
    channelTradeNo: null,
    paidAt: null,
    error: null,
    ...set,
  };
  return { type: 'observed', seq, by: 'callback', observation };
}

/** The last attempt of a payment that has one. */
export function lastAttempt(payment: Payment): Attempt {
  const attempt = payment.attempts.at(-1);
  if (!attempt) throw new Error(`${payment.id} has no attempt`);
  return attempt;
}

/** Paid through a new attempt: two versions on. */
export function paid(
  payment: Payment,
  tradeNo: string,
  channelId = 'alipay-main',
  now = NEW_YEAR,
): readonly [Payment, Payment] {
  const started = afterFact(payment, attemptStarted(payment, { channelId }), now);
  return [started, afterFact(started, observed(lastAttempt(started), { channelTradeNo: tradeNo }), now)];
}

const HOUR_MS = 3_600_000;

/** The first event that waits for its delivery is given up: its last try fails after all the time that it had. */
export function givenUp(payment: Payment): Payment {
  const event = payment.events.find(({ delivery }) => delivery.state === 'pending');
  if (event?.delivery.state !== 'pending') throw new Error(`${payment.id} has no event to give up`);
  const tryNo = event.delivery.tries + 1;
  return afterFact(
    payment,
    { type: 'event_sent', eventId: event.id, tryNo, delivered: false },
    payment.updatedAt + 80 * HOUR_MS,
  );
}

/** Paid only after it had expired: the versions from its first attempt to the success that came too late. */
export function paidLate(payment: Payment, tradeNo: string): readonly Payment[] {
  const started = afterFact(payment, attemptStarted(payment));
  const expiring = afterFact(started, { type: 'close_requested', by: 'expiry' }, payment.expiresAt);
  const lost = afterFact(expiring, observed(lastAttempt(expiring), { state: 'closed' }), payment.expiresAt);
  return [
    started,
    expiring,
    lost,
    afterFact(lost, observed(lastAttempt(lost), { channelTradeNo: tradeNo }), payment.expiresAt + HOUR_MS),
  ];
}

/** The merchant wants money back. */
export function refundRequested(set: Partial<FactOf<'refund_requested'>> = {}): Fact {
  return {
    type: 'refund_requested',
    merchantRefundNo: 'R1',
    requestHash: 'hash',
    amountMinor: null,
    reason: null,
    ...set,
  };
}

/** The provider says of a refund that it has succeeded. */
export function refunded(refundSeq: number): Fact {
  const observation = { ...REFUND_ABSENT, state: 'succeeded' as const };
  return { type: 'refund_observed', refundSeq, by: 'query', observation };
}

type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>;
