import { describe, expect, test } from 'vitest';
import type { Fact, Payment } from '../../src/payment/index.ts';
import { createIntern, recordedPayment } from '../../src/rehearsal/index.ts';
import { afterFact, aPayment, attemptStarted, lastAttempt, NEW_YEAR, observed } from '../contract/payments.ts';

const SECOND = 1_000;
const error = { kind: 'CHANNEL_UNAVAILABLE', providerCode: null };
const action = { type: 'qr_code', qrCode: 'x' } as const;

const live = (payment: Payment, ...facts: readonly (readonly [number, Fact | ((p: Payment) => Fact)])[]): Payment =>
  facts.reduce((p, [at, fact]) => afterFact(p, typeof fact === 'function' ? fact(p) : fact, NEW_YEAR + at), payment);

const opened = (seq: number): Fact => ({ type: 'attempt_opened', seq, action, channelTradeNo: null, latencyMs: 200 });
const refused = (seq: number, kind: string, endsPayment = false): Fact => ({
  ...{ type: 'attempt_refused', seq, error: { ...error, kind }, latencyMs: 300, endsPayment },
});
const lost = (seq: number): Fact => ({
  ...{ type: 'attempt_lost', seq, error: { ...error, kind: 'CHANNEL_TIMEOUT_UNKNOWN' }, latencyMs: 3_000 },
});
const dead = (state: 'failed' | 'closed') => (p: Payment) => observed(lastAttempt(p), { state });
const won = (p: Payment) => observed(lastAttempt(p), { channelTradeNo: 'T1' });
const triesOf = (payment: Payment) => recordedPayment(payment, createIntern()).order.tries;
const started = () => live(aPayment(), [0, (p) => attemptStarted(p)]);

describe('a try of a recorded payment', () => {
  test('that was paid, with its latency and how long its buyer took', () => {
    expect(triesOf(live(started(), [200, opened(1)], [30 * SECOND, won]))).toMatchObject([
      {
        channelId: 'alipay-main',
        answer: 'opened',
        latencyMs: 200,
        feeMinor: 6,
        outcome: 'paid',
        endedAfterMs: 29_800,
      },
    ]);
  });

  test('that is still open says nothing of its end', () => {
    expect(triesOf(live(started(), [200, opened(1)]))).toMatchObject([
      { answer: 'opened', outcome: null, endedAfterMs: null },
    ]);
  });

  test.each(['failed', 'closed'] as const)('that is %s after the buyer had it was opened, and not paid', (state) => {
    const ended = live(started(), [200, opened(1)], [60 * SECOND, dead(state)]);
    expect(triesOf(ended)).toMatchObject([{ answer: 'opened', outcome: 'unpaid' }]);
  });

  test('that failed technically, was refused, or was lost is told apart', () => {
    expect(triesOf(live(started(), [300, refused(1, 'CHANNEL_UNAVAILABLE')]))).toMatchObject([{ answer: 'failed' }]);
    expect(triesOf(live(started(), [300, refused(1, 'AUTH_MISCONFIGURED')]))).toMatchObject([{ answer: 'failed' }]);
    expect(triesOf(live(started(), [300, refused(1, 'INVALID_REQUEST', true)]))).toMatchObject([{ answer: 'refused' }]);
    expect(triesOf(live(started(), [3_000, lost(1)]))).toMatchObject([{ answer: 'failed', outcome: null }]);
    expect(triesOf(live(started(), [3_000, lost(1)], [9_000, dead('closed')]))).toMatchObject([{ answer: 'failed' }]);
  });

  test('under way says nothing at all', () => {
    expect(triesOf(started())).toMatchObject([{ answer: null, outcome: null }]);
  });
});

describe('the decisions of a recorded payment', () => {
  test('tell which channels were shut, and who needed the buyer’s address', () => {
    const payment = aPayment();
    const base = attemptStarted(payment);
    if (base.type !== 'attempt_started') throw new Error('no attempt');
    const [chosen] = base.attempt.decision.candidates;
    if (!chosen) throw new Error('no candidate');
    const candidates = [
      chosen,
      { ...chosen, channelId: 'alipay-backup', excluded: 'breaker_open' as const },
      { ...chosen, channelId: 'wechatpay-main', excluded: 'customer_ip_missing' as const },
      { ...chosen, channelId: 'stripe-main', excluded: 'method' as const },
    ];
    const attempt = { ...base.attempt, decision: { ...base.attempt.decision, candidates } };
    const { order, sightings, withoutIp } = recordedPayment(live(payment, [0, { ...base, attempt }]), createIntern());
    expect(sightings.map(({ channelId, isShut }) => [channelId, isShut])).toEqual([
      ['alipay-main', false],
      ['alipay-backup', true],
    ]);
    expect(withoutIp).toEqual(['wechatpay-main']);
    expect(order.buyerIpKnown).toBe(false);
  });
});
