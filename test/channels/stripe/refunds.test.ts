import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RefundRef } from '../../../src/channel/index.ts';
import { REFUND_ABSENT, refundRefOf } from '../../../src/payment/index.ts';
import { aPaidOrder, aRef, aRefund, aRequest, CHANNEL, openStage, orderOf, patience, type Stage } from './stage.ts';

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

const HOUR = 3_600_000;
const UNKNOWN = { ok: false, error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' } };
const refund = (request: Parameters<Stage['adapter']['refund']>[0]) => stage.adapter.refund(request, patience());
const ask = (asked: RefundRef) => stage.adapter.queryRefund(asked, patience());

function booked({ providerRef }: { providerRef: string }) {
  const orders = stage.host.control.orders(CHANNEL, providerRef);
  return orders.ok ? (orders.value[0]?.refunds ?? []) : [];
}

async function made(set: Parameters<typeof aRefund>[1] = {}) {
  const order = await aPaidOrder(stage);
  const request = aRefund(order, set);
  const answer = await refund(request);
  if (!answer.ok) throw new Error(JSON.stringify(answer.error));
  return { order, request, seen: answer.value };
}

test('a refund names its order, its number and its key, after a look whether Stripe has it already', async () => {
  const order = await aPaidOrder(stage);
  const request = aRefund(order);
  const before = stage.exchanges.length;
  const answer = await refund(request);
  const [look, sent, ...more] = stage.exchanges.slice(before);
  expect(more).toEqual([]);
  expect(look).toMatchObject({ method: 'GET', url: expect.stringContaining(`payment_intent=${order.channelTradeNo}`) });
  expect(sent).toMatchObject({ method: 'POST', url: expect.stringMatching(/\/v1\/refunds$/) });
  expect(sent?.requestHeaders['idempotency-key']).toBe(`${request.refundRef}:refund`);
  expect(Object.fromEntries(new URLSearchParams(sent?.requestBody))).toEqual({
    payment_intent: order.channelTradeNo,
    amount: '450',
    reason: 'requested_by_customer',
    'metadata[refund_ref]': request.refundRef,
    'metadata[provider_ref]': order.providerRef,
    'metadata[reason]': 'the sword was blunt',
  });
  expect(answer).toEqual({
    ok: true,
    value: {
      state: 'succeeded',
      account: stage.config.account,
      amount: { minor: 450, currency: 'USD' },
      channelRefundNo: expect.stringMatching(/^re_/),
      refundedAt: expect.any(Number),
      error: null,
    },
  });
  expect(await ask(request)).toEqual(answer);
});

test('a refund that nobody gave a reason for is told to Stripe without one', async () => {
  const { order } = await made({ reason: null });
  const [told] = booked(order);
  expect(told?.detail).toMatchObject({ reason: null });
  expect(JSON.stringify(told?.detail.metadata)).not.toContain('"reason"');
});

test('a refund is found by the number that Stripe gave it, without that number, and under a number that is none', async () => {
  const { request, seen } = await made();
  for (const channelRefundNo of [seen.channelRefundNo, null, 're_3neverGivenOut']) {
    expect(await ask({ ...request, channelRefundNo })).toEqual({ ok: true, value: seen });
  }
});

test("another refund's number proves nothing about this one", async () => {
  const other = await made();
  const { request, order } = await made();
  const forged = { ok: false, error: { created: 'maybe', reason: 'forged_response' } };
  expect(await ask({ ...request, channelRefundNo: other.seen.channelRefundNo })).toMatchObject(forged);
  expect(await ask({ ...request, amount: { minor: 451, currency: 'USD' } })).toMatchObject(forged);
  expect(await ask({ ...request, amount: { minor: 450, currency: 'EUR' } })).toMatchObject(forged);
  const elsewhere = { ...request, order: { ...order, channelTradeNo: other.order.channelTradeNo } };
  expect(await ask({ ...elsewhere, channelRefundNo: booked(order)[0]?.detail.id as string })).toMatchObject(forged);
});

test.each([
  ['JPY', 500, 120, 120],
  ['KWD', 1_230, 1_000, 1_000],
  // Stripe counts hundredths of these two.
  ['UGX', 5_000, 33, 3_300],
  ['ISK', 77, 7, 700],
])('%s: a part of %i goes back as exactly that part', async (currency, minor, part, onTheWire) => {
  const order = await aPaidOrder(stage, { amount: { minor, currency } });
  const request = aRefund(order, { amount: { minor: part, currency } });
  expect(await refund(request)).toMatchObject({ ok: true, value: { amount: { minor: part, currency } } });
  expect(stage.exchanges.at(-1)?.requestBody).toContain(`amount=${onTheWire}&`);
  expect(booked(order)).toMatchObject([{ amountMinor: part }]);
});

test('a part that Stripe cannot express is refused before any call', async () => {
  const order = await aPaidOrder(stage, { amount: { minor: 1_230, currency: 'KWD' } });
  const before = stage.exchanges.length;
  expect(await refund(aRefund(order, { amount: { minor: 11, currency: 'KWD' } }))).toMatchObject({
    ok: false,
    error: { kind: 'INVALID_REQUEST', created: 'no', providerCode: 'not_expressible' },
  });
  expect(stage.exchanges).toHaveLength(before);
});

test('a refund whose answer was lost is not made again, even after Stripe has forgotten its key', async () => {
  const order = await aPaidOrder(stage);
  const request = aRefund(order);
  stage.host.control.faults(CHANNEL, { timeout_after_refund_rate: 1 });
  const lost = await stage.adapter.refund(request, AbortSignal.timeout(300));
  expect(lost).toMatchObject({ ok: false, error: { created: 'maybe', reason: 'timeout' } });
  stage.host.control.faults(CHANNEL, {});
  const [first] = booked(order);
  for (const later of [0, 25 * HOUR, 50 * HOUR]) {
    stage.advance(later);
    const again = await refund(request);
    expect(again).toMatchObject({ ok: true, value: { state: 'succeeded', channelRefundNo: first?.detail.id } });
  }
  expect(booked(order)).toHaveLength(1);
});

test('a failure that Stripe has stored holds the refund up for a day, and then it is made once', async () => {
  const order = await aPaidOrder(stage);
  const request = aRefund(order);
  await stage.wish({
    refuse_with: { status: 500, error: { type: 'api_error', message: 'no' }, only: 'POST /v1/refunds' },
  });
  expect(await refund(request)).toMatchObject(UNKNOWN);
  await stage.wish({ refuse_with: null });
  expect(await refund(request)).toMatchObject(UNKNOWN);
  expect(stage.exchanges.at(-1)).toMatchObject({ status: 500, responseHeaders: { 'idempotent-replayed': 'true' } });
  expect(await ask(request)).toEqual({ ok: true, value: REFUND_ABSENT });
  stage.advance(24 * HOUR + 1_000);
  expect(await refund(request)).toMatchObject({ ok: true, value: { state: 'succeeded' } });
  expect(booked(order)).toHaveLength(1);
});

test('the same number with another amount moves nothing, by our look as by the key', async () => {
  const { order, request } = await made();
  const other = { ...request, amount: { minor: 300, currency: 'USD' } };
  const duplicate = { ok: false, error: { kind: 'DUPLICATE', created: 'maybe' } };
  expect(await refund(other)).toMatchObject(duplicate);
  const unpaid = await aPaidOrder(stage);
  const twice = await Promise.all(
    [450, 300].map((minor) => refund(aRefund(unpaid, { amount: { minor, currency: 'USD' } }))),
  );
  expect(twice.filter(({ ok }) => ok)).toHaveLength(1);
  expect(twice.find(({ ok }) => !ok)).toMatchObject(duplicate);
  for (const paid of [order, unpaid]) expect(booked(paid)).toHaveLength(1);
});

test('a refund is known again behind hundreds that were made by hand', async () => {
  const { order, request, seen } = await made();
  for (let i = 0; i < 130; i += 1) {
    await stage.api('POST', '/v1/refunds', { payment_intent: order.channelTradeNo ?? '', amount: '1' });
  }
  expect(await ask(request)).toEqual({ ok: true, value: seen });
  stage.advance(25 * HOUR);
  expect(await refund(request)).toEqual({ ok: true, value: seen });
  expect(booked(order).filter(({ refundNo }) => refundNo === request.refundRef)).toHaveLength(1);
});

test('what was returned by hand is none of ours, and cannot be returned again', async () => {
  const order = await aPaidOrder(stage);
  await stage.api('POST', '/v1/refunds', { payment_intent: order.channelTradeNo ?? '', amount: '1000' });
  const request = aRefund(order);
  expect(await ask(request)).toEqual({ ok: true, value: REFUND_ABSENT });
  expect(await refund(request)).toMatchObject({ ok: false, error: { kind: 'INVALID_REQUEST', created: 'no' } });
  await stage.api('POST', '/v1/refunds', { payment_intent: order.channelTradeNo ?? '' });
  expect(await refund(request)).toMatchObject({
    ok: false,
    error: { kind: 'INVALID_REQUEST', created: 'no', providerCode: 'charge_already_refunded' },
  });
});

test('an order that was never paid, or never made, has nothing to return', async () => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const request = aRequest(stage.now(), { scene });
    const open = await stage.adapter.create(request, patience());
    if (!open.ok) throw new Error(open.error.kind);
    for (const channelTradeNo of [open.value.channelTradeNo, null]) {
      const wish = aRefund(orderOf(request, channelTradeNo));
      expect(await refund(wish)).toMatchObject({ ok: false, error: { kind: 'INVALID_REQUEST', created: 'no' } });
      expect(await ask(wish)).toEqual({ ok: true, value: REFUND_ABSENT });
    }
  }
  for (const channelTradeNo of ['pi_3doesnotexist', 'cs_test_a1doesnotexist', null]) {
    const wish = aRefund({ providerRef: aRef(stage.now()), channelTradeNo, amount: { minor: 900, currency: 'USD' } });
    expect(await refund(wish)).toMatchObject({ ok: false, error: { kind: 'NOT_FOUND', created: 'no' } });
    expect(await ask(wish)).toEqual({ ok: true, value: REFUND_ABSENT });
  }
});

test("a paid order that is known by its Session, or by our number alone, gets its money's way back", async () => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const request = aRequest(stage.now(), { scene });
    const open = await stage.adapter.create(request, patience());
    if (!open.ok) throw new Error(open.error.kind);
    await stage.host.control.pay(CHANNEL, { providerRef: request.providerRef });
    for (const [i, channelTradeNo] of [open.value.channelTradeNo, null].entries()) {
      const wish = aRefund(orderOf(request, channelTradeNo), { refundRef: refundRefOf(request.providerRef, i + 1) });
      const answer = await refund(wish);
      expect(answer).toMatchObject({ ok: true, value: { state: 'succeeded' } });
      expect(await ask(wish)).toEqual(answer);
      if (answer.ok) expect(await ask({ ...wish, channelRefundNo: answer.value.channelRefundNo })).toEqual(answer);
    }
  }
});
