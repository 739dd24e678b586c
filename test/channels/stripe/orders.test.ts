import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { aRef, aRequest, CHANNEL, eventsOf, MINUTE, openStage, orderOf, patience, type Stage, until } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => {
  stage.host.control.faults(CHANNEL, {});
  expect(stage.bugs).toEqual([]);
});
afterAll(() => stage.close());

async function created(set: Parameters<typeof aRequest>[1] = {}) {
  const request = aRequest(stage.now(), set);
  const made = await stage.adapter.create(request, patience());
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return { request, ...made.value, order: orderOf(request, made.value.channelTradeNo) };
}

const query = async (order: Parameters<Stage['adapter']['query']>[0]) => {
  const seen = await stage.adapter.query(order, patience());
  if (!seen.ok) throw new Error(JSON.stringify(seen.error));
  return seen.value;
};

test('a browser gets a hosted page with the order on it, an app a client secret', async () => {
  const hosted = await created();
  if (hosted.action.type !== 'redirect') throw new Error(hosted.action.type);
  expect(hosted.channelTradeNo).toMatch(/^cs_test_/);
  const page = await (await fetch(hosted.action.url)).text();
  expect(page).toContain('100 coins &#38; a &#34;gift&#34; &#60;b&#62;');
  expect(page).toContain('4242424242424242');

  const app = await created({ scene: 'inapp' });
  expect(app.channelTradeNo).toMatch(/^pi_/);
  expect(app.action).toEqual({
    type: 'client_secret',
    clientSecret: expect.stringMatching(/^pi_\w+_secret_/),
    publishableKey: stage.config.publishable_key,
  });
});

test('a new order is open, with its account and amount', async () => {
  for (const scene of ['redirect', 'wap', 'inapp'] as const) {
    const { order, request } = await created({ scene });
    expect(await query(order)).toEqual({
      state: 'open',
      account: stage.config.account,
      amount: request.amount,
      channelTradeNo: order.channelTradeNo,
      paidAt: null,
      error: null,
    });
  }
});

test.each([
  ['USD', 1_250],
  ['JPY', 500],
  ['KWD', 1_230],
  ['UGX', 5_000],
  ['ISK', 77],
])('%s: what is asked for, what Stripe books and what is seen when paid is one amount', async (currency, minor) => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const { order, request } = await created({ scene, amount: { minor, currency } });
    const paid = await stage.host.control.pay(CHANNEL, { providerRef: request.providerRef });
    expect(paid).toMatchObject({ ok: true, value: { amountMinor: minor, currency, paidAmountMinor: minor } });
    expect(await query(order)).toMatchObject({ state: 'succeeded', amount: { minor, currency } });
  }
});

test('an amount that Stripe cannot express is refused before any call', async () => {
  stage.host.control.faults(CHANNEL, { outage: true });
  const request = aRequest(stage.now(), { amount: { minor: 1_234, currency: 'KWD' } });
  expect(await stage.adapter.create(request, patience())).toMatchObject({
    ok: false,
    error: { kind: 'INVALID_REQUEST', created: 'no' },
  });
});

test('a method or scene that this channel has not leads to another channel, without a call', async () => {
  stage.host.control.faults(CHANNEL, { outage: true });
  for (const set of [{ method: 'pix' }, { scene: 'qr' as const }]) {
    expect(await stage.adapter.create(aRequest(stage.now(), set), patience())).toMatchObject({
      ok: false,
      error: { kind: 'AUTH_MISCONFIGURED', created: 'no' },
    });
  }
});

test('repeating a create gives the same order again', async () => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const { request, action, channelTradeNo } = await created({ scene });
    expect(await stage.adapter.create(request, patience())).toEqual({ ok: true, value: { action, channelTradeNo } });
  }
});

test('repeating a create with another amount makes no second order', async () => {
  const { request } = await created();
  const changed = { ...request, amount: { minor: 9_999, currency: 'USD' } };
  expect(await stage.adapter.create(changed, patience())).toEqual({
    ok: false,
    error: { kind: 'DUPLICATE', created: 'maybe', providerCode: 'idempotency_error' },
  });
  expect(stage.host.control.orders(CHANNEL, request.providerRef)).toMatchObject({ value: [{ amountMinor: 1_250 }] });
});

test('the same create sent many times at once makes one order', async () => {
  const request = aRequest(stage.now());
  const answers = await Promise.all(Array.from({ length: 12 }, () => stage.adapter.create(request, patience())));
  const ids = new Set(answers.flatMap((answer) => (answer.ok ? [answer.value.channelTradeNo] : [])));
  expect(ids.size).toBe(1);
  for (const answer of answers) if (!answer.ok) expect(answer.error).toMatchObject({ created: 'maybe' });
  const list = await stage.api('GET', '/v1/checkout/sessions', { limit: '100' });
  const made = list.json.data.filter(
    (s: { metadata: { provider_ref?: string } }) => s.metadata.provider_ref === request.providerRef,
  );
  expect(made).toHaveLength(1);
});

test('a Session never lives shorter than Stripe allows, and what is announced is what is sent', async () => {
  const now = stage.now();
  const { request } = await created({ expiresAt: now + MINUTE });
  const [order] = okValue(stage.host.control.orders(CHANNEL, request.providerRef));
  expect(order?.expiresAt).toBeGreaterThanOrEqual(now + 30 * MINUTE);
  expect(order?.expiresAt).toBeLessThan(now + 37 * MINUTE);
  expect(stage.adapter.providerExpiresAt(request.expiresAt, now)).toBeGreaterThanOrEqual(now + 30 * MINUTE);
  expect(stage.adapter.providerExpiresAt(now + 90 * MINUTE, now)).toBe(now + 90 * MINUTE);
  const day = 24 * 60 * MINUTE;
  expect(stage.adapter.providerExpiresAt(now + day, now)).toBeLessThan(now + day);
  await created({ expiresAt: now + day });
});

test('an order paid while nobody listened is found by its query, under one trade number', async () => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const { request, order } = await created({ scene });
    await stage.host.control.pay(CHANNEL, { providerRef: request.providerRef, delivery: { mode: 'drop' } });
    const seen = await query(order);
    expect(seen).toMatchObject({ state: 'succeeded', account: stage.config.account, amount: request.amount });
    expect(seen.channelTradeNo).toMatch(/^pi_/);
    expect(seen.paidAt).toBeGreaterThan(stage.now() - MINUTE);
    // Asked by the number that a success is known by.
    expect(await query({ ...order, channelTradeNo: seen.channelTradeNo })).toEqual(seen);
  }
});

test('a declined card leaves the order open, with the reason', async () => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const { request, order } = await created({ scene });
    await stage.host.control.fail(CHANNEL, { providerRef: request.providerRef });
    expect(await query(order)).toMatchObject({
      state: 'open',
      channelTradeNo: order.channelTradeNo,
      error: { kind: 'DECLINED', providerCode: 'generic_decline' },
    });
  }
});

test('a closed order cannot be paid, and closing it again says the same', async () => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const { request, order, action } = await created({ scene });
    for (let i = 0; i < 2; i += 1) {
      expect(await stage.adapter.close(order, patience())).toMatchObject({ ok: true, value: { state: 'closed' } });
    }
    expect(await query(order)).toMatchObject({ state: 'closed' });
    expect(await stage.host.control.pay(CHANNEL, { providerRef: request.providerRef })).toMatchObject({ ok: false });
    if (action.type === 'redirect') expect(await (await fetch(action.url)).text()).toContain('expired');
  }
});

test('closing a paid order tells that it was paid', async () => {
  for (const scene of ['redirect', 'inapp'] as const) {
    const { request, order } = await created({ scene });
    await stage.host.control.pay(CHANNEL, { providerRef: request.providerRef });
    expect(await stage.adapter.close(order, patience())).toMatchObject({
      ok: true,
      value: { state: 'succeeded', amount: request.amount, channelTradeNo: expect.stringMatching(/^pi_/) },
    });
  }
});

test('closing an order that is being paid at this moment settles nothing', async () => {
  const { request, order } = await created();
  await stage.wish({ processing: { provider_ref: request.providerRef } });
  expect(await stage.adapter.close(order, patience())).toMatchObject({ ok: false, error: { created: 'maybe' } });
  expect(await query(order)).toMatchObject({ state: 'open' });
});

test('an order that Stripe has never seen is absent, to query and to close', async () => {
  for (const channelTradeNo of ['cs_test_a1doesnotexist', 'pi_3doesnotexist', null]) {
    const order = { providerRef: aRef(stage.now()), channelTradeNo, amount: { minor: 1_250, currency: 'USD' } };
    expect(await stage.adapter.query(order, patience())).toMatchObject({ ok: true, value: { state: 'absent' } });
    expect(await stage.adapter.close(order, patience())).toMatchObject({ ok: true, value: { state: 'absent' } });
  }
});

test('an order of the other mode is not absent: the key cannot see it', async () => {
  const order = {
    providerRef: aRef(stage.now()),
    channelTradeNo: 'cs_live_a1something',
    amount: { minor: 1, currency: 'USD' },
  };
  expect(await stage.adapter.query(order, patience())).toMatchObject({
    ok: false,
    error: { kind: 'AUTH_MISCONFIGURED' },
  });
});

test("another order's id proves nothing about this one", async () => {
  const paid = await created();
  await stage.host.control.pay(CHANNEL, { providerRef: paid.request.providerRef });
  const other = await created();
  const mixed = { ...other.order, channelTradeNo: paid.channelTradeNo };
  for (const asked of [stage.adapter.query(mixed, patience()), stage.adapter.close(mixed, patience())]) {
    expect(await asked).toMatchObject({ ok: false, error: { created: 'maybe', reason: 'forged_response' } });
  }
});

test('an expired Session is closed', async () => {
  const aside = await openStage();
  try {
    const request = aRequest(aside.now());
    const made = await aside.adapter.create(request, patience());
    if (!made.ok) throw new Error(made.error.kind);
    aside.advance(40 * MINUTE);
    const seen = await aside.adapter.query(orderOf(request, made.value.channelTradeNo), patience());
    expect(seen).toMatchObject({ ok: true, value: { state: 'closed' } });
    await until(() => eventsOf(aside).find((event) => event.type === 'checkout.session.expired'));
  } finally {
    await aside.close();
  }
});

test('a PaymentIntent never ends by itself: it can be paid until it is closed', async () => {
  const aside = await openStage();
  try {
    const request = aRequest(aside.now(), { scene: 'inapp' });
    const made = await aside.adapter.create(request, patience());
    if (!made.ok) throw new Error(made.error.kind);
    aside.advance(48 * 60 * MINUTE);
    const order = orderOf(request, made.value.channelTradeNo);
    expect(await aside.adapter.query(order, patience())).toMatchObject({ ok: true, value: { state: 'open' } });
    expect(await aside.adapter.close(order, patience())).toMatchObject({ ok: true, value: { state: 'closed' } });
    expect(await aside.host.control.pay(CHANNEL, { providerRef: request.providerRef })).toMatchObject({ ok: false });
  } finally {
    await aside.close();
  }
});

test('a healthy channel answers a probe, and it leaves nothing behind', async () => {
  const before = okValue(stage.host.control.orders(CHANNEL)).length;
  expect(await stage.adapter.probe(patience())).toEqual({ ok: true, value: undefined });
  expect(okValue(stage.host.control.orders(CHANNEL))).toHaveLength(before);
});

test('a channel with a wrong key fails its probe', async () => {
  const adapter = stage.adapterWith({ secret_key: 'sk_test_thisIsNotTheRightOne123' });
  expect(await adapter.probe(patience())).toMatchObject({
    ok: false,
    error: { kind: 'AUTH_MISCONFIGURED', created: 'no' },
  });
});

function okValue<T>(result: { ok: true; value: T } | { ok: false }): T {
  if (!result.ok) throw new Error('not ok');
  return result.value;
}
