import { describe, expect, test } from 'vitest';
import type { StoredEntry } from '../../src/evidence/index.ts';
import { describePayment, describeTimeline, momentsOf, recollect } from '../../src/story/index.ts';
import {
  afterFact,
  aPayment,
  givenUp,
  observed,
  paid,
  paidLate,
  refunded,
  refundRequested,
} from '../contract/payments.ts';
import { NEW_YEAR } from './stage.ts';

const HOUR = 3_600_000;

function anEntry(set: Partial<StoredEntry>): StoredEntry {
  return {
    ...{ seq: 1, at: NEW_YEAR, kind: 'change', channelId: null, what: 'observed', outcome: 'succeeded' },
    ...{ details: {}, messages: { state: 'none' } },
    ...set,
  };
}

const words = (set: Partial<StoredEntry>): string | undefined => momentsOf([anEntry(set)])[0]?.words;

describe('an entry in words', () => {
  const call = { kind: 'call', channelId: 'alipay-main', what: 'create' } as const;
  const request = 'POST https://p.example/pay';
  test.each<[string, Partial<StoredEntry>]>([
    ['alipay-main  create -> ok 31 ms', { ...call, outcome: 'ok', details: { durationMs: 31 } }],
    ['alipay-main  create -> DECLINED 7 ms', { ...call, outcome: 'DECLINED', details: { latencyMs: 7 } }],
    [
      'alipay-main  create -> 200 in 31 ms  POST https://p.example/pay',
      { ...call, outcome: '200', details: { request, durationMs: 31 } },
    ],
    [
      'request -> aborted  POST https://p.example/pay',
      { ...call, channelId: null, what: 'request', outcome: 'aborted', details: { request, durationMs: null } },
    ],
    [
      'alipay-main  callback applied  answered status 200, bytes 812',
      {
        ...{ kind: 'callback', channelId: 'alipay-main', what: 'callback', outcome: 'applied' },
        details: { answeredStatus: 200, bytes: 812 },
      },
    ],
    [
      'webhook payment.succeeded -> 200 in 12 ms  try 1',
      { kind: 'webhook', what: 'payment.succeeded', outcome: '200', details: { durationMs: 12, try: 1 } },
    ],
    ['payment pending -> succeeded (observed by callback)', { details: { from: 'pending', by: 'callback' } }],
    [
      'payment pending -> succeeded, attempt 1 succeeded (observed by callback)',
      {
        details: {
          ...{ version: 4, from: 'pending', reason: null },
          ...{ attemptSeq: 1, attemptStatus: 'succeeded', by: 'callback' },
        },
      },
    ],
    [
      'attempt 2 open (attempt opened)',
      {
        what: 'attempt_opened',
        outcome: 'pending',
        details: { from: 'pending', attemptSeq: 2, attemptStatus: 'open', by: null },
      },
    ],
    [
      'payment succeeded -> refunded, refund rf_1 (refund observed by query)',
      { what: 'refund_observed', outcome: 'refunded', details: { from: 'succeeded', refundId: 'rf_1', by: 'query' } },
    ],
    ['fulfilled', { what: 'fulfilled', details: { from: 'succeeded', reason: null } }],
    [
      'payment pending -> closed (close requested by merchant)  reason merchant',
      { what: 'close_requested', outcome: 'closed', details: { from: 'pending', by: 'merchant', reason: 'merchant' } },
    ],
    ['verdict given -> yes  by nobody', { kind: 'verdict', what: 'given', outcome: 'yes', details: { by: 'nobody' } }],
  ])('%s', (expected, set) => {
    expect(words(set)).toBe(expected);
  });
});

describe('a timeline', () => {
  test('has a heading per day and milliseconds in UTC', () => {
    const moments = [0, 61_123, 25 * HOUR].map((later) => ({
      ...{ at: NEW_YEAR + later, words: `after ${later}` },
      messages: { state: 'none' } as const,
    }));
    expect(describeTimeline(moments, { messages: false }).split('\n')).toEqual([
      '  timeline    2026-01-01 (UTC)',
      '    00:00:00.000  after 0',
      '    00:01:01.123  after 61123',
      '  timeline    2026-01-02 (UTC)',
      '    01:00:00.000  after 90000000',
    ]);
  });

  test('shows messages below their moment when asked to', () => {
    const content = { request: { headers: { a: 'b' }, body: 'x=1\ny=2' }, response: null };
    const moments = momentsOf([
      anEntry({ messages: { state: 'open', content } }),
      anEntry({ messages: { state: 'unreadable', why: 'another key' } }),
    ]);
    const text = describeTimeline(moments, { messages: true });
    expect(text).toContain('\n                  request:\n                    headers:\n                      a: b\n');
    expect(text).toContain('                      x=1\n                      y=2\n');
    expect(text).toMatch(/cannot be read: another key$/);
    expect(describeTimeline(moments, { messages: false })).not.toContain('x=1');
  });
});

describe('what a payment tells of itself', () => {
  const [, succeeded] = paid(aPayment(), 'T1');
  const asked = afterFact(succeeded, refundRequested({ amountMinor: 300, reason: 'too late' }), NEW_YEAR + HOUR);
  const returned = afterFact(asked, refunded(1), NEW_YEAR + 2 * HOUR);
  const delivered = afterFact(returned, { type: 'fulfilled' }, NEW_YEAR + 3 * HOUR);
  const id = delivered.refunds[0]?.id;

  test('is its attempts, events, refunds and delivery in the order of time', () => {
    const moments = recollect(delivered);
    expect(moments.map(({ at }) => at)).toEqual(moments.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(moments.map((moment) => moment.words)).toEqual([
      'payment created',
      'alipay-main  attempt 1 begun',
      'alipay-main  attempt 1 succeeded',
      'paid, as the channel says',
      'event payment.succeeded',
      `refund ${id} made (merchant)`,
      `refund ${id} succeeded`,
      'event refund.succeeded',
      'goods delivered, at the latest',
    ]);
  });

  test('includes webhooks that were given up, and attempts that failed', () => {
    expect(recollect(givenUp(succeeded)).map((moment) => moment.words)).toContainEqual(
      expect.stringMatching(/^webhook payment.succeeded -> dead, try 1$/),
    );
    const failed = afterFact(
      { ...aPayment(), ...paid(aPayment(), 'T2')[0] },
      observed(
        { seq: 1, account: '2021000118651', amount: { minor: 1_000, currency: 'CNY' } },
        { state: 'failed', error: { kind: 'DECLINED', providerCode: 'X' } },
      ),
    );
    expect(recollect(failed).map((moment) => moment.words)).toContain('alipay-main  attempt 1 failed  DECLINED');
  });

  test('shows each refund with its sum, its numbers and what became of it', () => {
    const text = describePayment(delivered);
    expect(text).toMatch(/\n {2}refund 1 {4}2026-01-01T01:00:00.000Z {2}3.00 CNY {2}attempt 1 {2}succeeded\n/);
    expect(text).toContain(`\n              ${id}  asked for by the merchant as R1  "too late"\n`);
    expect(text).toMatch(/\n {14}our number [0-9a-z]{28}r001\n/);
    expect(text).toMatch(/\n {14}resolved 2026-01-01T02:00:00.000Z\n/);
    expect(describePayment(asked)).toMatch(/to do .* refund 1$/m);
  });

  test('tells that a person has sent money back by other means, and what proves it', () => {
    const policies = { ...aPayment().policies, lateSuccess: 'hold' as const };
    const late = paidLate({ ...aPayment(), policies }, '2026TN').at(-1);
    if (late === undefined) throw new Error('nothing was paid');
    const settled = afterFact(late, { type: 'money_returned', seq: 1, reference: 'TX-7' }, NEW_YEAR + 30 * HOUR);
    expect(describePayment(settled)).toContain(
      '\n              sent back by other means 2026-01-02T06:00:00.000Z, "TX-7"\n',
    );
    expect(recollect(settled).map(({ words: told }) => told)).toContain(
      'alipay-main  attempt 1: money sent back by other means',
    );
  });
});
