import { describe, expect, test } from 'vitest';
import { soon, startStage } from './stage.ts';

/** The error list of the refund API: code, HTTP status, our kind, and whether the refund may have been taken. */
const CODES = [
  ['SYSTEM_ERROR', 500, 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['USER_ACCOUNT_ABNORMAL', 403, 'DECLINED', 'no'],
  ['NOT_ENOUGH', 403, 'INSUFFICIENT_BALANCE', 'no'],
  ['NOTENOUGH', 403, 'INSUFFICIENT_BALANCE', 'no'],
  ['PARAM_ERROR', 400, 'INVALID_REQUEST', 'no'],
  ['MCH_NOT_EXISTS', 404, 'AUTH_MISCONFIGURED', 'no'],
  ['RESOURCE_NOT_EXISTS', 404, 'NOT_FOUND', 'no'],
  ['SIGN_ERROR', 401, 'AUTH_MISCONFIGURED', 'no'],
  ['FREQUENCY_LIMITED', 429, 'RATE_LIMITED', 'no'],
  ['NO_AUTH', 403, 'AUTH_MISCONFIGURED', 'no'],
  ['REQUEST_BLOCKED', 403, 'RISK_REJECTED', 'no'],
] as const;

describe('what WeChat answers to a refund', () => {
  test.each(CODES)('%s (%i) is %s, taken: %s', async (code, status, kind, created) => {
    const { adapter, aPaidOrder, aRefundOf, settings } = await startStage();
    const order = await aPaidOrder();
    await settings({ refuse_with: { status, code, message: 'some words' } });
    expect(await adapter.refund(aRefundOf(order), soon())).toEqual({
      ok: false,
      error: { kind, created, providerCode: code },
    });
  });

  test('INVALID_REQUEST to the refund and to the question after it leaves the refund in doubt', async () => {
    const { adapter, aPaidOrder, aRefundOf, settings } = await startStage();
    const order = await aPaidOrder();
    await settings({ refuse_with: { status: 400, code: 'INVALID_REQUEST', message: '' } });
    expect(await adapter.refund(aRefundOf(order), soon())).toMatchObject({
      ok: false,
      error: { kind: 'INVALID_REQUEST', created: 'maybe' },
    });
  });

  test('a code that nobody knows leaves the refund in doubt', async () => {
    const { adapter, aPaidOrder, aRefundOf, settings } = await startStage();
    const order = await aPaidOrder();
    await settings({ refuse_with: { status: 400, code: 'BIZERR_NEED_RETRY', message: '' } });
    expect(await adapter.refund(aRefundOf(order), soon())).toMatchObject({
      ok: false,
      error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'unmapped_code' },
    });
  });
});

describe('no believable answer to a refund', () => {
  test.each(['reset_before', 'reset_after', 'html_502', 'truncated', 'unsigned', 'wrong_key', 'stale'] as const)(
    'answer fault %s: it may have been taken, and the same number again moves money once',
    async (answer) => {
      const { adapter, aPaidOrder, aRefundOf, faults, book } = await startStage();
      const order = await aPaidOrder();
      const refund = aRefundOf(order);
      faults({ answer });
      expect(await adapter.refund(refund, soon())).toMatchObject({
        ok: false,
        error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' },
      });
      expect(await adapter.queryRefund(refund, soon())).toMatchObject({ ok: false, error: { created: 'maybe' } });
      faults({});
      const state = answer === 'reset_before' ? 'absent' : expect.stringMatching(/^(pending|succeeded)$/);
      expect(await adapter.queryRefund(refund, soon())).toMatchObject({ ok: true, value: { state } });
      expect(await adapter.refund(refund, soon())).toMatchObject({ ok: true });
      expect(book(order.providerRef).refunds).toMatchObject([{ amountMinor: order.amount.minor }]);
    },
  );

  test('an answer that never comes ends with the signal', async () => {
    const { adapter, aPaidOrder, aRefundOf, faults } = await startStage();
    const refund = aRefundOf(await aPaidOrder());
    faults({ timeout_after_refund_rate: 1 });
    expect(await adapter.refund(refund, AbortSignal.timeout(200))).toEqual({
      ok: false,
      error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'timeout', providerCode: null },
    });
    faults({});
    expect(await adapter.queryRefund(refund, soon())).toMatchObject({ ok: true, value: { amount: refund.amount } });
  });

  test('an abort before anything was sent moves nothing', async () => {
    const { adapter, aPaidOrder, aRefundOf, book } = await startStage();
    const order = await aPaidOrder();
    expect(await adapter.refund(aRefundOf(order), AbortSignal.abort())).toMatchObject({
      ok: false,
      error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no' },
    });
    expect(book(order.providerRef).refunds).toEqual([]);
  });
});
