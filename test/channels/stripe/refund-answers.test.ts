import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChannelError, RefundRef } from '../../../src/channel/index.ts';
import { refundRefOf } from '../../../src/payment/index.ts';
import { withServer } from './scripted-server.ts';
import { aPaidOrder, aRef, aRefund, CHANNEL, openStage, patience, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(async () => {
  stage.host.control.faults(CHANNEL, {});
  await stage.wish({ refuse_with: null });
  expect(stage.bugs).toEqual([]);
});
afterAll(() => stage.close());

const UNKNOWN = { ok: false, error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' } };
const refund = (request: Parameters<Stage['adapter']['refund']>[0]) => stage.adapter.refund(request, patience());
const ask = (asked: RefundRef) => stage.adapter.queryRefund(asked, patience());

const refundsOf = (order: { providerRef: string }) => {
  const orders = stage.host.control.orders(CHANNEL, order.providerRef);
  return orders.ok ? orders.value[0]?.refunds : undefined;
};

const INVALID = { type: 'invalid_request_error' };

test.each<[string, number, Record<string, unknown>, Partial<ChannelError>]>([
  ['charge_already_refunded', 400, INVALID, { kind: 'INVALID_REQUEST', created: 'no' }],
  ['charge_disputed', 400, INVALID, { kind: 'INVALID_REQUEST', created: 'no' }],
  ['refund_disputed_payment', 400, INVALID, { kind: 'INVALID_REQUEST', created: 'no' }],
  ['charge_not_refundable', 400, INVALID, { kind: 'INVALID_REQUEST', created: 'no' }],
  ['amount_too_large', 400, INVALID, { kind: 'INVALID_REQUEST', created: 'no' }],
  ['resource_missing', 404, INVALID, { kind: 'NOT_FOUND', created: 'no' }],
  ['balance_insufficient', 400, INVALID, { kind: 'INSUFFICIENT_BALANCE', created: 'no' }],
  ['insufficient_funds', 400, INVALID, { kind: 'INSUFFICIENT_BALANCE', created: 'no' }],
  ['account_closed', 403, INVALID, { kind: 'AUTH_MISCONFIGURED', created: 'no', reason: 'frozen' }],
  ['secret_key_required', 403, INVALID, { kind: 'AUTH_MISCONFIGURED', created: 'no' }],
  ['rate_limit', 429, INVALID, { kind: 'RATE_LIMITED', created: 'no' }],
  ['lock_timeout', 429, INVALID, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['idempotency_key_in_use', 409, INVALID, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['expired_card', 402, { type: 'card_error' }, { kind: 'DECLINED', created: 'no' }],
  ['new_word', 400, INVALID, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'unmapped_code' }],
  ['internal', 500, { type: 'api_error' }, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
])('a refund refused with %s', async (code, status, error, expected) => {
  const order = await aPaidOrder(stage);
  await stage.wish({ refuse_with: { status, error: { message: 'no', code, ...error }, only: 'POST /v1/refunds' } });
  const answer = await refund(aRefund(order));
  expect(answer).toMatchObject({ ok: false, error: { ...expected, providerCode: code } });
  expect(refundsOf(order)).toEqual([]);
});

test.each<[string, number, Partial<ChannelError>]>([
  ['parameter_unknown', 400, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['charge_disputed', 400, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['internal', 500, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['rate_limit', 429, { kind: 'RATE_LIMITED', created: 'no' }],
])('a look that ends with %s never ends the refund, and nothing is sent without it', async (code, status, error) => {
  const order = await aPaidOrder(stage);
  const refuse_with = { status, error: { ...INVALID, message: 'no', code }, only: 'GET /v1/refunds' };
  await stage.wish({ refuse_with });
  expect(await refund(aRefund(order))).toMatchObject({ ok: false, error });
  expect(await ask(aRefund(order))).toMatchObject({ ok: false, error });
  expect(refundsOf(order)).toEqual([]);
});

test('an order of the other mode is not unknown: the key cannot see it', async () => {
  const order = await aPaidOrder(stage);
  const message =
    "No such payment_intent: 'pi_3x'; a similar object exists in live mode, but a test mode key was used.";
  const error = { ...INVALID, code: 'resource_missing', message };
  await stage.wish({ refuse_with: { status: 404, error } });
  const misconfigured = { ok: false, error: { kind: 'AUTH_MISCONFIGURED', created: 'no' } };
  for (const asked of [
    refund(aRefund(order)),
    ask(aRefund(order)),
    ask(aRefund(order, { channelRefundNo: 're_3x' })),
  ]) {
    expect(await asked).toMatchObject(misconfigured);
  }
});

const theOrder = () => ({
  providerRef: aRef(stage.now()),
  channelTradeNo: 'pi_3x',
  amount: { minor: 900, currency: 'USD' },
});
const listOf = (data: readonly unknown[], has_more = false) => JSON.stringify({ object: 'list', has_more, data });

test('among more refunds than we look through, nothing is proven and nothing is sent', async () => {
  await withServer(
    stage,
    (response) => response.end(listOf([{ id: 're_a' }, { id: 're_b' }], true)),
    async (adapter) => {
      const wish = aRefund(theOrder());
      expect(await adapter.refund(wish, patience())).toMatchObject(UNKNOWN);
      expect(await adapter.queryRefund(wish, patience())).toMatchObject({ ok: true, value: { state: 'unclear' } });
      expect(stage.exchanges.slice(-15).map(({ method }) => method)).not.toContain('POST');
    },
  );
});

test('a refund under our number that cannot be read is not made again', async () => {
  const wish = aRefund(theOrder());
  const ours = { id: 're_3x', object: 'refund', metadata: { refund_ref: wish.refundRef }, amount: '450' };
  await withServer(
    stage,
    (response) => response.end(listOf([ours])),
    async (adapter, requests) => {
      expect(await adapter.refund(wish, patience())).toMatchObject(UNKNOWN);
      expect(requests()).toBe(1);
      expect(await adapter.queryRefund(wish, patience())).toMatchObject(UNKNOWN);
    },
  );
});

test.each([
  ['another number', { metadata: { refund_ref: refundRefOf('01kaaaaaaaaaaaaaaaaaaaaaaa01', 1) } }],
  ['another order', { payment_intent: 'pi_3other' }],
  ['another amount', { amount: 451 }],
  ['another currency', { currency: 'eur' }],
  ['no names', { metadata: {} }],
])('an answer that names %s is not believed', async (_what, set) => {
  const wish = aRefund(theOrder());
  const metadata = { refund_ref: wish.refundRef, provider_ref: wish.order.providerRef };
  const good = {
    ...{ id: 're_3x', object: 'refund', created: 1_700_000_000, status: 'succeeded', amount: 450, currency: 'usd' },
    ...{ payment_intent: 'pi_3x', metadata },
  };
  for (const [refundObject, expected] of [
    [good, { ok: true, value: { state: 'succeeded', refundedAt: 1_700_000_000_000 } }],
    [
      { ...good, ...set },
      { ok: false, error: { created: 'maybe', reason: 'forged_response' } },
    ],
  ] as const) {
    await withServer(
      stage,
      (response, { method, url }) =>
        response.end(method === 'GET' && !url?.includes('re_3x') ? listOf([]) : JSON.stringify(refundObject)),
      async (adapter) => {
        expect(await adapter.refund(wish, patience())).toMatchObject(expected);
        expect(await adapter.queryRefund({ ...wish, channelRefundNo: 're_3x' }, patience())).toMatchObject(expected);
      },
    );
  }
});
