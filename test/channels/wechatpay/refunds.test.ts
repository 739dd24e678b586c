import { describe, expect, test } from 'vitest';
import { refundRefOf } from '../../../src/payment/index.ts';
import { cny, startPaid, untilDecided } from './paid-stage.ts';
import { nothingKnownOfRefund, soon, startStage } from './stage.ts';

describe('a refund', () => {
  test('is taken first, and has succeeded a moment later', async () => {
    const stage = await startPaid();
    const { adapter, aRefundOf, order, book } = stage;
    const refund = aRefundOf(order);
    const taken = await adapter.refund(refund, soon());
    const refundNo = taken.ok ? taken.value.channelRefundNo : null;
    expect(refundNo).toMatch(/^50\d{27}$/);
    expect(taken).toEqual({
      ok: true,
      value: { ...nothingKnownOfRefund, state: 'pending', amount: order.amount, channelRefundNo: refundNo },
    });
    const done = await untilDecided(stage, { ...refund, channelRefundNo: refundNo });
    expect(done).toEqual({
      ...nothingKnownOfRefund,
      state: 'succeeded',
      amount: order.amount,
      channelRefundNo: refundNo,
      refundedAt: expect.any(Number),
    });
    expect(Math.abs((done.refundedAt ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(book(order.providerRef).refunds).toMatchObject([{ refundNo: refund.refundRef, status: 'succeeded' }]);
  });

  test('and its end is told by a callback under the same numbers', async () => {
    const { adapter, aRefundOf, order, callbacksOf } = await startPaid();
    const refund = aRefundOf(order, { amount: cny(50) });
    const taken = await adapter.refund(refund, soon());
    const [raw] = await callbacksOf(refund);
    expect(raw && (await adapter.parseCallback(raw, soon()))).toEqual({
      ok: true,
      value: [
        {
          kind: 'refund',
          providerRef: order.providerRef,
          refundRef: refund.refundRef,
          observation: {
            state: 'succeeded',
            account: adapter.account,
            amount: cny(50),
            channelRefundNo: taken.ok && taken.value.channelRefundNo,
            refundedAt: expect.any(Number),
            error: null,
          },
        },
      ],
    });
  });

  test('sent again, or many times at once, moves money once and is answered alike', async () => {
    const { adapter, nth, refunds, faults } = await startPaid();
    faults({ refunds: 'pending' });
    const request = nth(1, 400);
    const answers = await Promise.all(Array.from({ length: 10 }, () => adapter.refund(request, soon())));
    answers.push(await adapter.refund(request, soon()));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ ok: true, value: { state: 'pending' } });
    expect(refunds()).toMatchObject([{ amountMinor: 400 }]);
  });

  test('sent again after it has emptied the order is still its first self', async () => {
    const { adapter, nth, refunds, settleRefund, faults } = await startPaid();
    faults({ refunds: 'pending' });
    const request = nth(1, 1050);
    await adapter.refund(request, soon());
    await settleRefund(request, 'succeeded');
    expect(await adapter.refund(request, soon())).toMatchObject({ ok: true, value: { state: 'succeeded' } });
    expect(refunds()).toHaveLength(1);
  });

  test('under a used number with another amount moves nothing and is in doubt', async () => {
    const { adapter, nth, refunds } = await startPaid();
    await adapter.refund(nth(1, 400), soon());
    expect(await adapter.refund(nth(1, 401), soon())).toEqual({
      ok: false,
      error: { kind: 'INVALID_REQUEST', created: 'maybe', providerCode: 'INVALID_REQUEST' },
    });
    expect(refunds()).toMatchObject([{ amountMinor: 400 }]);
  });

  test('in parts goes as far as the order, and not a fen further', async () => {
    const { adapter, nth, refunds } = await startPaid();
    const refused = { ok: false, error: { kind: 'INVALID_REQUEST', created: 'no', providerCode: 'INVALID_REQUEST' } };
    expect(await adapter.refund(nth(1, 1051), soon())).toEqual(refused);
    expect(await adapter.refund(nth(2, 1000), soon())).toMatchObject({ ok: true });
    expect(await adapter.refund(nth(3, 51), soon())).toEqual(refused);
    expect(await adapter.refund(nth(4, 50), soon())).toMatchObject({ ok: true });
    expect(await adapter.refund(nth(5, 1), soon())).toEqual(refused);
    expect(refunds().map(({ amountMinor }) => amountMinor)).toEqual([1000, 50]);
  });

  test('many at the same time never exceed the order', async () => {
    const { adapter, nth, refunds } = await startPaid();
    await Promise.all(Array.from({ length: 20 }, (_, i) => adapter.refund(nth(i + 1, 100), soon())));
    expect(refunds().map(({ amountMinor }) => amountMinor)).toEqual(Array.from({ length: 10 }, () => 100));
  });

  test('is refused after the fiftieth part', async () => {
    const { adapter, nth, refunds } = await startPaid();
    for (let seq = 1; seq <= 50; seq += 1) {
      expect(await adapter.refund(nth(seq, 1), soon())).toMatchObject({ ok: true });
    }
    expect(await adapter.refund(nth(51, 1), soon())).toMatchObject({
      ok: false,
      error: { kind: 'INVALID_REQUEST', created: 'no' },
    });
    expect(refunds()).toHaveLength(50);
  });

  test('is refused a year after the payment', async () => {
    const { adapter, nth, refunds, advance } = await startPaid();
    advance(365 * 86_400_000 - 60_000);
    expect(await adapter.refund(nth(1, 1), soon())).toMatchObject({ ok: true });
    advance(120_000);
    expect(await adapter.refund(nth(2, 1), soon())).toMatchObject({
      ok: false,
      error: { kind: 'INVALID_REQUEST', created: 'no' },
    });
    expect(refunds()).toHaveLength(1);
  });

  test('too soon after another one has to come later', async () => {
    const { adapter, nth, settings, advance } = await startPaid();
    await settings({ refund_interval_ms: 60_000 });
    expect(await adapter.refund(nth(1, 1), soon())).toMatchObject({ ok: true });
    expect(await adapter.refund(nth(2, 1), soon())).toEqual({
      ok: false,
      error: { kind: 'RATE_LIMITED', created: 'no', providerCode: 'FREQUENCY_LIMITED' },
    });
    advance(60_000);
    expect(await adapter.refund(nth(2, 1), soon())).toMatchObject({ ok: true });
  });

  test('with too little on our account is not taken, and goes through under the same number later', async () => {
    const { adapter, nth, refunds, faults } = await startPaid();
    faults({ refunds: 'no_balance' });
    const request = nth(1, 1050);
    expect(await adapter.refund(request, soon())).toEqual({
      ok: false,
      error: { kind: 'INSUFFICIENT_BALANCE', created: 'no', providerCode: 'NOT_ENOUGH' },
    });
    expect(refunds()).toEqual([]);
    faults({});
    expect(await adapter.refund(request, soon())).toMatchObject({ ok: true });
  });

  test.each([
    ['that nobody made', false],
    ['that nobody has paid', true],
  ])('of an order %s finds nothing', async (_what, isMade) => {
    const { adapter, anOrder, refOf, aRefundOf } = await startStage();
    const order = anOrder();
    if (isMade) await adapter.create(order, soon());
    expect(await adapter.refund(aRefundOf(refOf(order)), soon())).toEqual({
      ok: false,
      error: { kind: 'NOT_FOUND', created: 'no', providerCode: 'RESOURCE_NOT_EXISTS' },
    });
  });

  test.each([
    ['the refund', { amount: { minor: 100, currency: 'USD' } }],
    ['the order', { order: { providerRef: 'x', channelTradeNo: null, amount: { minor: 100, currency: 'USD' } } }],
  ])('with another currency for %s is refused before anything is sent', async (_what, set) => {
    const { adapter, aRefundOf, order, recorded } = await startPaid();
    const before = recorded.length;
    expect(await adapter.refund(aRefundOf(order, set), soon())).toMatchObject({
      ok: false,
      error: { kind: 'INVALID_REQUEST', created: 'no' },
    });
    expect(recorded).toHaveLength(before);
  });

  test('names WeChat’s own number of the order where it is known, ours where it is not', async () => {
    const { adapter, nth, order, recorded } = await startPaid();
    const sent = async (request: ReturnType<typeof nth>) => {
      expect(await adapter.refund(request, soon())).toMatchObject({ ok: true });
      return JSON.parse(recorded.at(-1)?.requestBody ?? '');
    };
    expect(await sent(nth(1, 1))).toEqual({
      transaction_id: order.channelTradeNo,
      out_refund_no: refundRefOf(order.providerRef, 1),
      reason: '商品已售完',
      notify_url: expect.stringMatching(/^http:/),
      amount: { refund: 1, total: 1050, currency: 'CNY' },
    });
    const nameless = await sent(nth(2, 1, { order: { ...order, channelTradeNo: null }, reason: null }));
    expect(nameless).toMatchObject({ out_trade_no: order.providerRef });
    expect(nameless).not.toHaveProperty('transaction_id');
    expect(nameless).not.toHaveProperty('reason');
    expect((await sent(nth(3, 1, { reason: '𝄞'.repeat(81) }))).reason).toBe('𝄞'.repeat(80));
  });
});
