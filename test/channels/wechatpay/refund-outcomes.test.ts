import { describe, expect, test } from 'vitest';
import { startPaid, untilDecided } from './paid-stage.ts';
import { nothingKnownOfRefund, soon } from './stage.ts';

describe('what becomes of a refund', () => {
  test('one that nobody sent is absent', async () => {
    const { adapter, nth } = await startPaid();
    expect(await adapter.queryRefund(nth(1, 1), soon())).toEqual({
      ok: true,
      value: { ...nothingKnownOfRefund, state: 'absent' },
    });
  });

  test.each([
    ['succeeded', null],
    ['failed', { kind: 'INSUFFICIENT_BALANCE', providerCode: 'CLOSED' }],
  ] as const)('one that is left undecided is pending until it has %s', async (outcome, error) => {
    const { adapter, nth, faults, settleRefund, callbacksOf } = await startPaid();
    faults({ refunds: 'pending' });
    const refund = nth(1, 400);
    await adapter.refund(refund, soon());
    expect(await adapter.queryRefund(refund, soon())).toMatchObject({
      ok: true,
      value: { state: 'pending', error: null },
    });
    await settleRefund(refund, outcome);
    expect(await adapter.queryRefund(refund, soon())).toMatchObject({ ok: true, value: { state: outcome, error } });
    const [raw] = await callbacksOf(refund);
    expect(raw && (await adapter.parseCallback(raw, soon()))).toMatchObject({
      ok: true,
      value: [{ kind: 'refund', refundRef: refund.refundRef, observation: { state: outcome, error } }],
    });
  });

  test('one that WeChat gives up has failed, and its amount can be returned under a new number', async () => {
    const stage = await startPaid();
    const { adapter, nth, faults, callbacksOf } = stage;
    faults({ refunds: 'failed' });
    const refund = nth(1, 1050);
    expect(await adapter.refund(refund, soon())).toMatchObject({ ok: true, value: { state: 'pending' } });
    expect(await untilDecided(stage, refund)).toMatchObject({ state: 'failed', refundedAt: null });
    const [raw] = await callbacksOf(refund);
    expect(raw && (await adapter.parseCallback(raw, soon()))).toMatchObject({
      ok: true,
      value: [{ observation: { state: 'failed' } }],
    });
    faults({});
    expect(await adapter.refund(refund, soon())).toMatchObject({ ok: true, value: { state: 'failed' } });
    expect(await adapter.refund(nth(2, 1050), soon())).toMatchObject({ ok: true, value: { state: 'pending' } });
  });

  test('one that is stuck at the buyer’s bank is pending and says so, and may still succeed', async () => {
    const { adapter, nth, faults, settings, settleRefund, callbacksOf } = await startPaid();
    faults({ refunds: 'pending' });
    const refund = nth(1, 1050);
    await adapter.refund(refund, soon());
    await settings({ stuck_refund: { refund_no: refund.refundRef } });
    const stuck = { state: 'pending', error: { kind: 'DECLINED', providerCode: 'ABNORMAL' } };
    expect(await adapter.queryRefund(refund, soon())).toMatchObject({ ok: true, value: stuck });
    const [raw] = await callbacksOf(refund);
    expect(raw && (await adapter.parseCallback(raw, soon()))).toMatchObject({
      ok: true,
      value: [{ observation: stuck }],
    });
    expect(await adapter.refund(nth(2, 1), soon())).toMatchObject({ ok: false, error: { kind: 'INVALID_REQUEST' } });
    await settleRefund(refund, 'succeeded');
    expect(await adapter.queryRefund(refund, soon())).toMatchObject({
      ok: true,
      value: { state: 'succeeded', error: null },
    });
  });

  test.each([
    ['a part', 1],
    ['all', 1050],
  ])('after %s of it went back the order is still a paid one, to query and close alike', async (_what, minor) => {
    const stage = await startPaid();
    const { adapter, nth, order } = stage;
    await adapter.refund(nth(1, minor), soon());
    await untilDecided(stage, nth(1, minor));
    for (const what of ['query', 'close'] as const) {
      expect(await adapter[what](order, soon())).toMatchObject({
        ok: true,
        value: {
          state: 'succeeded',
          account: adapter.account,
          amount: order.amount,
          channelTradeNo: order.channelTradeNo,
          paidAt: expect.any(Number),
        },
      });
    }
  });
});
