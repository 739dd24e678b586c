import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { aPaidOrder, CHANNEL, eventsOf, openStage, type Stage, until } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => {
  stage.host.control.faults(CHANNEL, {});
  expect(stage.bugs).toEqual([]);
});
afterAll(() => stage.close());

async function aPaidIntent() {
  const { channelTradeNo, providerRef } = await aPaidOrder(stage, { scene: 'inapp' });
  return { payment_intent: channelTradeNo ?? '', providerRef };
}

const post = (form: Record<string, string>, headers: Record<string, string> = {}) =>
  stage.api('POST', '/v1/refunds', form, headers);
const chargeOf = async (intent: string) =>
  (await stage.api('GET', `/v1/payment_intents/${intent}`, { 'expand[]': 'latest_charge' })).json.latest_charge;

test('a refund has the fields of the documentation, and its charge counts it', async () => {
  const { payment_intent } = await aPaidIntent();
  const made = await post({ payment_intent, amount: '450', reason: 'duplicate', 'metadata[a]': 'b=c&d' });
  const charge = await chargeOf(payment_intent);
  expect(made).toMatchObject({
    status: 200,
    json: {
      id: expect.stringMatching(/^re_3\w{23}$/),
      object: 'refund',
      amount: 450,
      balance_transaction: expect.stringMatching(/^txn_/),
      charge: charge.id,
      currency: 'usd',
      destination_details: { type: 'card', card: { type: 'refund' } },
      metadata: { a: 'b=c&d' },
      payment_intent,
      reason: 'duplicate',
      status: 'succeeded',
    },
  });
  expect(made.json).not.toHaveProperty('pending_reason');
  expect(made.json).not.toHaveProperty('failure_reason');
  expect(charge).toMatchObject({ amount_refunded: 450, refunded: false });
  expect((await stage.api('GET', `/v1/refunds/${made.json.id}`)).json).toEqual(made.json);
});

test('without an amount all that is left goes back, by the charge as by the PaymentIntent; the order stays paid', async () => {
  const { payment_intent } = await aPaidIntent();
  await post({ payment_intent, amount: '450' });
  const { id: charge } = await chargeOf(payment_intent);
  expect((await post({ charge })).json).toMatchObject({ amount: 800, reason: null, metadata: {} });
  expect(await chargeOf(payment_intent)).toMatchObject({ amount_refunded: 1_250, refunded: true, status: 'succeeded' });
  expect((await stage.api('GET', `/v1/payment_intents/${payment_intent}`)).json).toMatchObject({
    status: 'succeeded',
    amount_received: 1_250,
  });
});

test.each([
  ['more than is left', { amount: '801' }, 400, { param: 'amount', message: /greater than unrefunded amount/ }],
  ['nothing', { amount: '0' }, 400, { code: 'parameter_invalid_integer', param: 'amount' }],
  ['less than nothing', { amount: '-5' }, 400, { code: 'parameter_invalid_integer' }],
  ['half a cent', { amount: '4.5' }, 400, { code: 'parameter_invalid_integer' }],
  ["the merchant's own words", { reason: 'blunt' }, 400, { param: 'reason' }],
  ['a misspelt parameter', { amont: '1' }, 400, { code: 'parameter_unknown', param: 'amont' }],
  ['an expansion', { 'expand[]': 'charge' }, 400, { param: 'expand' }],
  ['an unknown PaymentIntent', { payment_intent: 'pi_3nothing' }, 404, { code: 'resource_missing' }],
])('%s is refused', async (_what, set, status, error) => {
  const { payment_intent, providerRef } = await aPaidIntent();
  await post({ payment_intent, amount: '450' });
  const { message, ...rest } = error as { message?: RegExp };
  const refused = await post({ payment_intent, ...set });
  expect(refused).toMatchObject({ status, json: { error: { type: 'invalid_request_error', ...rest } } });
  expect(refused.json.error.message).toMatch(message ?? /./);
  expect(stage.host.control.orders(CHANNEL, providerRef)).toMatchObject({
    value: [{ refunds: [{ amountMinor: 450 }] }],
  });
});

test('an unpaid PaymentIntent, one that is refunded already, and no order at all, are refused', async () => {
  const unpaid = await stage.api('POST', '/v1/payment_intents', { amount: '1250', currency: 'usd' });
  const early = await post({ payment_intent: unpaid.json.id });
  expect(early).toMatchObject({ status: 400, json: { error: { type: 'invalid_request_error' } } });
  expect(early.json.error.message).toContain('does not have a successful charge to refund');
  expect((await post({ amount: '450' })).status).toBe(400);
  expect((await post({ charge: 'ch_3nothing' })).json.error.code).toBe('resource_missing');
  // An id of another kind is no charge.
  expect((await post({ charge: unpaid.json.id })).json.error.code).toBe('resource_missing');
  const { payment_intent } = await aPaidIntent();
  await post({ payment_intent });
  expect((await post({ payment_intent })).json.error.code).toBe('charge_already_refunded');
});

test('a refund is made once under its key; without one, or a day later, it is made again', async () => {
  const { payment_intent, providerRef } = await aPaidIntent();
  const form = { payment_intent, amount: '100' };
  const key = { 'idempotency-key': `${providerRef}:refund` };
  const first = await post(form, key);
  const replayed = await post(form, key);
  expect(replayed.json).toEqual(first.json);
  expect(replayed.headers.get('idempotent-replayed')).toBe('true');
  expect(await post({ ...form, amount: '101' }, key)).toMatchObject({
    status: 400,
    json: { error: { type: 'idempotency_error' } },
  });
  expect((await post(form)).json.id).not.toBe(first.json.id);
  stage.advance(24 * 3_600_000 + 1);
  expect((await post(form, key)).json.id).not.toBe(first.json.id);
  expect(await chargeOf(payment_intent)).toMatchObject({ amount_refunded: 300 });
});

test('refunds are listed newest first, of one order or of all', async () => {
  const { payment_intent } = await aPaidIntent();
  const other = await aPaidIntent();
  const ids: string[] = [];
  for (let i = 0; i < 3; i += 1) ids.unshift((await post({ payment_intent, amount: '100' })).json.id);
  await post({ payment_intent: other.payment_intent });
  const idsOf = async (query: Record<string, string>) =>
    (await stage.api('GET', '/v1/refunds', query)).json.data.map(({ id }: { id: string }) => id);
  expect(await idsOf({ payment_intent })).toEqual(ids);
  expect(await idsOf({ payment_intent, limit: '2' })).toEqual(ids.slice(0, 2));
  expect(await idsOf({ payment_intent, limit: '2', starting_after: ids[1] ?? '' })).toEqual(ids.slice(2));
  expect(await idsOf({ limit: '100' })).toEqual(expect.arrayContaining(ids));
  expect(await idsOf({ limit: '100' })).toHaveLength((await idsOf({ limit: '99' })).length);
  expect((await stage.api('GET', '/v1/refunds', { payment_intent: 'pi_3nothing' })).status).toBe(404);
  expect((await stage.api('GET', '/v1/refunds/re_3nothing')).json.error.code).toBe('resource_missing');
  expect((await stage.api('GET', `/v1/refunds/${payment_intent}`)).status).toBe(404);
});

test('a browser with the publishable key can neither make nor see refunds', async () => {
  const { payment_intent } = await aPaidIntent();
  const browser = { authorization: `Bearer ${stage.config.publishable_key}` };
  for (const method of ['POST', 'GET']) {
    expect((await stage.api(method, '/v1/refunds', { payment_intent }, browser)).status).toBe(403);
  }
});

const eventTypesOf = (refundId: string) =>
  eventsOf(stage)
    .filter(({ json }) => json.data.object.id === refundId)
    .map(({ type, json }) => `${type} ${json.data.object.status}`)
    .sort();

test('a pending refund holds its amount until it is decided, and its events tell how', async () => {
  for (const [outcome, amount_refunded] of [
    ['succeeded', 1_250],
    ['failed', 0],
  ] as const) {
    const { payment_intent } = await aPaidIntent();
    stage.host.control.faults(CHANNEL, { refunds: 'pending' });
    const made = await post({ payment_intent });
    expect(made.json).toMatchObject({ status: 'pending', pending_reason: 'processing' });
    expect((await post({ payment_intent, amount: '1' })).json.error.code).toBe('charge_already_refunded');
    const settled = await stage.host.control.settleRefund(CHANNEL, { refundNo: made.json.id, outcome });
    expect(settled).toMatchObject({ ok: true, value: { status: 'paid', refunds: [{ status: outcome }] } });
    expect(await chargeOf(payment_intent)).toMatchObject({ amount_refunded });
    const failure = outcome === 'failed' ? [`refund.failed ${outcome}`] : [];
    const expected = [
      `charge.refund.updated ${outcome}`,
      'refund.created pending',
      ...failure,
      `refund.updated ${outcome}`,
    ];
    await until(() => eventTypesOf(made.json.id).length >= expected.length);
    expect(eventTypesOf(made.json.id)).toEqual(expected);
  }
});

test('a refund also changes its charge, which is told in an event of its own', async () => {
  const { payment_intent, providerRef } = await aPaidIntent();
  await post({ payment_intent, amount: '450' });
  const event = await until(() =>
    eventsOf(stage).find(
      ({ type, json }) => type === 'charge.refunded' && json.data.object.metadata.provider_ref === providerRef,
    ),
  );
  expect(event.json.data.object).toMatchObject({ object: 'charge', amount_refunded: 450, payment_intent });
});

test.each([
  ['failed', { status: 200, json: { status: 'pending' } }, 'failed'],
  ['no_balance', { status: 400, json: { error: { code: 'balance_insufficient' } } }, undefined],
] as const)('fault refunds: %s', async (refunds, answer, ends) => {
  const { payment_intent, providerRef } = await aPaidIntent();
  stage.host.control.faults(CHANNEL, { refunds });
  const made = await post({ payment_intent });
  expect(made).toMatchObject(answer);
  const orders = stage.host.control.orders(CHANNEL, providerRef);
  expect(orders.ok && orders.value[0]?.refunds[0]?.status).toBe(ends);
  if (ends === undefined) return;
  expect((await stage.api('GET', `/v1/refunds/${made.json.id}`)).json).toMatchObject({
    status: 'failed',
    failure_reason: 'expired_or_canceled_card',
  });
  await until(() => eventTypesOf(made.json.id).includes('refund.failed failed'));
});
