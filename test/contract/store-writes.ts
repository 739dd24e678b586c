import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import * as core from '../../src/payment/index.ts';
import { anyMoves, play } from '../payment/history.ts';
import {
  afterFact,
  anOrder,
  aPayment,
  attemptStarted,
  lastAttempt,
  MERCHANT,
  NEW_YEAR,
  observed,
  paid,
} from './payments.ts';
import type { StoreUnderTest } from './store-harness.ts';

export function describeWrites({ store, reopen }: StoreUnderTest): void {
  describe('insert', () => {
    test('of one order fifty times at once makes one payment and answers it to everybody (I1)', async () => {
      const inserts = Array.from({ length: 50 }, () => aPayment({ merchantOrderNo: 'A1' }));
      const answers = await Promise.all(inserts.map((payment) => store().insert(payment)));
      expect(answers.filter((a) => a.outcome === 'inserted')).toHaveLength(1);
      expect(answers.filter((a) => a.outcome === 'exists')).toHaveLength(49);
      expect(new Set(answers.map((a) => a.payment.id)).size).toBe(1);
    });

    test('answers the existing payment as it is now', async () => {
      const first = aPayment({ merchantOrderNo: 'A1' });
      await store().insert(first);
      const [started] = paid(first, 'T1');
      await store().update(started);
      const again = await store().insert(aPayment({ merchantOrderNo: 'A1' }));
      expect(again).toMatchObject({ outcome: 'exists', payment: started });
    });

    test('lets two merchants use one order number', async () => {
      await store().insert(aPayment({ merchantOrderNo: 'A1' }));
      const other = await store().insert(aPayment({ merchantOrderNo: 'A1', merchantId: 'm_other' }));
      expect(other.outcome).toBe('inserted');
    });
  });

  describe('update', () => {
    test('of one version fifty times at once takes one and calls the others stale', async () => {
      const payment = aPayment();
      await store().insert(payment);
      const rivals = Array.from({ length: 50 }, (_, i) =>
        afterFact(payment, attemptStarted(payment, { channelId: `channel-${i}` })),
      );
      const answers = await Promise.all(rivals.map((rival) => store().update(rival)));
      expect(answers.filter((a) => a.outcome === 'stale')).toHaveLength(49);
      const winner = rivals[answers.findIndex((a) => a.outcome === 'updated')];
      expect((await store().findById(payment.id))?.payment).toEqual(winner);
    });

    test('answers the document that it wrote', async () => {
      const payment = aPayment();
      await store().insert(payment);
      const [started] = paid(payment, 'T1');
      expect(await store().update(started)).toMatchObject({ outcome: 'updated', payment: started });
    });

    test('of a version that was skipped, or of a payment that is not there, is stale', async () => {
      const payment = aPayment();
      const [started, done] = paid(payment, 'T1');
      expect((await store().update(started)).outcome).toBe('stale');
      await store().insert(payment);
      expect((await store().update(done)).outcome).toBe('stale');
      expect((await store().findById(payment.id))?.payment).toEqual(payment);
    });

    test('of many payments at once loses none', async () => {
      const payments = Array.from({ length: 100 }, () => aPayment());
      await Promise.all(payments.map((payment) => store().insert(payment)));
      const histories = payments.map((payment) => paid(payment, `T${payment.id}`));
      await Promise.all(
        histories.map(async ([started, done]) => {
          expect((await store().update(started)).outcome).toBe('updated');
          expect((await store().update(done)).outcome).toBe('updated');
        }),
      );
      for (const [, done] of histories) expect((await store().findById(done.id))?.payment).toEqual(done);
    });
  });

  describe('a trade number of a channel (I12)', () => {
    test('belongs to one payment for ever, however many claim it at once', async () => {
      const histories = Array.from({ length: 20 }, () => paid(aPayment(), 'T1'));
      for (const [started] of histories) {
        await store().insert({ ...started, version: 1 });
      }
      const answers = await Promise.all(histories.map(([, done]) => store().update({ ...done, version: 2 })));
      expect(answers.filter((a) => a.outcome === 'updated')).toHaveLength(1);
      expect(answers.filter((a) => a.outcome === 'trade_no_taken')).toHaveLength(19);
    });

    test('that is taken leaves the second payment as it was, with nothing of the update', async () => {
      const [first, second] = [aPayment(), aPayment()];
      const [firstStarted, firstDone] = paid(first, 'T1');
      const [secondStarted, secondDone] = paid(second, 'T1');
      for (const payment of [first, second]) await store().insert(payment);
      for (const next of [firstStarted, firstDone, secondStarted]) await store().update(next);
      const before = await store().counts();
      expect((await store().update(secondDone)).outcome).toBe('trade_no_taken');
      expect((await store().findById(second.id))?.payment).toEqual(secondStarted);
      expect(await store().listEvents({ merchantId: MERCHANT, limit: 10 })).toHaveLength(1);
      expect(await store().counts()).toEqual(before);
      const otherNumber = afterFact(secondStarted, observed(lastAttempt(secondStarted), { channelTradeNo: 'T2' }));
      expect((await store().update(otherNumber)).outcome).toBe('updated');
    });

    test('does not stand in the way of later changes of its own payment', async () => {
      const payment = aPayment();
      const [started, done] = paid(payment, 'T1');
      await store().insert(payment);
      for (const next of [started, done]) await store().update(next);
      expect((await store().update(afterFact(done, { type: 'fulfilled' }))).outcome).toBe('updated');
    });

    test('may repeat on another channel', async () => {
      for (const channelId of ['alipay-main', 'alipay-backup']) {
        const payment = aPayment();
        const [started, done] = paid(payment, 'T1', channelId);
        await store().insert(payment);
        await store().update(started);
        expect((await store().update(done)).outcome).toBe('updated');
      }
    });

    test('cannot stand for two successes of one payment', async () => {
      const payment = aPayment();
      const started = afterFact(payment, attemptStarted(payment));
      const lost = afterFact(started, {
        type: 'attempt_lost',
        seq: 1,
        error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', providerCode: null },
        latencyMs: 3_000,
      });
      const second = afterFact(lost, attemptStarted(lost));
      const done = afterFact(second, observed(lastAttempt(second), { channelTradeNo: 'T1' }));
      await store().insert(payment);
      for (const next of [started, lost, second, done]) expect((await store().update(next)).outcome).toBe('updated');
      const [first] = done.attempts;
      if (!first) throw new Error('the first attempt is gone');
      const surplus = (tradeNo: string) => afterFact(done, observed(first, { channelTradeNo: tradeNo }));
      expect((await store().update(surplus('T1'))).outcome).toBe('trade_no_taken');
      expect((await store().update(surplus('T2'))).outcome).toBe('updated');
    });
  });

  describe('a document', () => {
    test('comes back as it was written, whatever happened to the payment', async () => {
      await fc.assert(
        fc.asyncProperty(anyOrderPart, anyMoves, async (part, moves) => {
          const steps = play(core, moves, anOrder(part));
          const first = steps[0]?.before;
          if (!first) throw new Error('a history starts with an attempt');
          const versions = steps
            .filter(({ applied }) => applied.outcome === 'applied')
            .map(({ after }) => withOwnTradeNumbers(after));
          const payment = versions.at(-1) ?? first;
          expect((await store().insert(first)).outcome).toBe('inserted');
          for (const next of versions) expect((await store().update(next)).outcome).toBe('updated');
          expect((await store().findById(payment.id))?.payment).toStrictEqual(payment);
          expect((await store().findByOrderNo(MERCHANT, payment.merchantOrderNo))?.payment).toStrictEqual(payment);
        }),
        { seed: 20_260_101, numRuns: 60 },
      );
    });

    test('keeps subjects in every script', async () => {
      const subjects = [
        'Стим ключ',
        '游戏点券 100 元',
        'ключ 🎮👩‍👩‍👧',
        'a\u0000b\u2028c',
        '"quoted\\"',
        "Robert'); DROP TABLE payments;--",
      ];
      for (const subject of subjects) {
        const payment = aPayment({ subject, metadata: { [subject]: subject } });
        await store().insert(payment);
        expect((await store().findById(payment.id))?.payment).toStrictEqual(payment);
      }
    });

    test('is there after the store was closed and opened again, with everything that belongs to it', async () => {
      const payment = aPayment({ merchantOrderNo: 'A1' });
      const [started, done] = paid(payment, 'T1');
      await store().insert(payment);
      for (const next of [started, done]) await store().update(next);
      await store().reserveKey({
        merchantId: MERCHANT,
        key: 'k1',
        requestHash: 'h1',
        subject: payment.id,
        now: NEW_YEAR,
      });
      const counts = await store().counts();
      await reopen();
      expect((await store().findById(payment.id))?.payment).toStrictEqual(done);
      expect((await store().insert(aPayment({ merchantOrderNo: 'A1' }))).outcome).toBe('exists');
      expect(await store().counts()).toEqual(counts);
      expect(await store().listEvents({ merchantId: MERCHANT, limit: 10 })).toHaveLength(1);
      const key = { merchantId: MERCHANT, key: 'k1', requestHash: 'h1', subject: 'other', now: NEW_YEAR };
      expect(await store().reserveKey(key)).toEqual({ outcome: 'repeat', subject: payment.id });
      const [otherStarted, otherDone] = paid(aPayment(), 'T1');
      await store().insert({ ...otherStarted, version: 1 });
      expect((await store().update({ ...otherDone, version: 2 })).outcome).toBe('trade_no_taken');
    });

    test('that was written before the store was closed is kept, though nobody waited for it', async () => {
      const payments = Array.from({ length: 20 }, () => aPayment());
      const answers = Promise.all(payments.map((payment) => store().insert(payment)));
      await reopen();
      expect(new Set((await answers).map((a) => a.outcome))).toEqual(new Set(['inserted']));
      for (const { id } of payments) expect(await store().findById(id)).not.toBeNull();
    });
  });

  describe('an idempotency key', () => {
    const request = { merchantId: MERCHANT, key: 'k1', requestHash: 'h1', subject: 'A1', now: NEW_YEAR };

    test('is reserved once, however many ask at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => store().reserveKey({ ...request, subject: `A${i}` })),
      );
      expect(answers.filter((a) => a.outcome === 'reserved')).toHaveLength(1);
      const first = `A${answers.findIndex((a) => a.outcome === 'reserved')}`;
      expect(answers.filter((a) => a.outcome === 'repeat' && a.subject === first)).toHaveLength(49);
    });

    test('with another request is a conflict', async () => {
      await store().reserveKey(request);
      expect(await store().reserveKey({ ...request, requestHash: 'h2' })).toEqual({ outcome: 'conflict' });
    });

    test('belongs to its merchant', async () => {
      await store().reserveKey(request);
      const other = await store().reserveKey({ ...request, merchantId: 'm_other', requestHash: 'h2' });
      expect(other).toEqual({ outcome: 'reserved' });
    });
  });
}

/** The parts of an order that are free text or choice, in all scripts. */
const anyOrderPart = fc.record(
  {
    amount: fc.record(
      { minor: fc.integer({ min: 1, max: 10_000_000_000_000 }), currency: fc.constantFrom('CNY', 'JPY', 'USDT') },
      { noNullPrototype: true },
    ),
    subject: fc.oneof(
      fc.string({ minLength: 1, maxLength: 128, unit: 'grapheme' }),
      fc.string({ minLength: 1, maxLength: 128, unit: 'binary' }),
    ),
    metadata: fc.dictionary(
      fc.string({ minLength: 1, maxLength: 20 }),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      {
        maxKeys: 20,
        noNullPrototype: true,
      },
    ),
    notifyUrl: fc.option(fc.webUrl()),
  },
  { noNullPrototype: true },
);

/** Histories number their trades alike; in one store every payment needs numbers of its own. */
function withOwnTradeNumbers(payment: Payment): Payment {
  const attempts = payment.attempts.map((attempt) =>
    attempt.channelTradeNo === null
      ? attempt
      : { ...attempt, channelTradeNo: `${payment.id}/${attempt.seq}/${attempt.channelTradeNo}` },
  );
  return { ...payment, attempts };
}
