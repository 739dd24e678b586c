import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { aRequest, CHANNEL, eventsOf, openStage, orderOf, patience, type Stage, until } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => expect(stage.bugs).toEqual([]));
afterAll(() => stage.close());

const INTENT = { amount: '1250', currency: 'usd', 'metadata[order]': 'a=b&c[d]', 'metadata[constructor]': 'x' };

async function aCheckout() {
  const request = aRequest(stage.now());
  const made = await stage.adapter.create(request, patience());
  if (!made.ok || made.value.action.type !== 'redirect') throw new Error('no page');
  return { request, order: orderOf(request, made.value.channelTradeNo), url: made.value.action.url };
}

/** What a browser does with a form: no redirect is followed, so that the next address can be looked at. */
function submit(url: string, fields: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
}

const stateOf = async (order: Parameters<Stage['adapter']['query']>[0]) => {
  const seen = await stage.adapter.query(order, patience());
  return seen.ok ? seen.value : null;
};

const intentEventsOf = (ref: string) =>
  eventsOf(stage)
    .filter((event) => event.json.data.object.metadata.provider_ref === ref)
    .map((event) => event.type);

test('a good card pays on the hosted page and leads back to the shop', async () => {
  const { request, order, url } = await aCheckout();
  const answer = await submit(url, { card_number: '4242 4242 4242 4242' });
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toBe(request.returnUrl);
  expect(await stateOf(order)).toMatchObject({ state: 'succeeded' });
  await until(() => intentEventsOf(request.providerRef).length === 2);
  // Going back and paying again takes no second payment.
  expect((await submit(url, { card_number: '4242424242424242' })).status).toBe(303);
  expect(await stateOf(order)).toMatchObject({ state: 'succeeded' });
});

test.each([
  ['4000000000000002', 'DECLINED', 'generic_decline'],
  ['4000000000009995', 'DECLINED', 'insufficient_funds'],
  ['4000000000000069', 'DECLINED', 'expired_card'],
  ['4000000000000127', 'DECLINED', 'incorrect_cvc'],
  ['4000000000000119', 'DECLINED', 'processing_error'],
  ['4000000000009979', 'RISK_REJECTED', 'stolen_card'],
  ['4111111111111111', 'DECLINED', 'test_mode_live_card'],
])('card %s is declined on the page, and another one can be tried', async (card_number, kind, providerCode) => {
  const { request, order, url } = await aCheckout();
  const page = await (await submit(url, { card_number })).text();
  expect(page).toContain('role="alert"');
  expect(await stateOf(order)).toMatchObject({ state: 'open', error: { kind, providerCode } });
  await until(() => intentEventsOf(request.providerRef).includes('payment_intent.payment_failed'));
  expect((await submit(url, { card_number: '4242424242424242' })).status).toBe(303);
  expect(await stateOf(order)).toMatchObject({ state: 'succeeded', error: null });
});

test.each([
  ['4000000000003220', 'complete', 'succeeded', null],
  ['4000002760003184', 'complete', 'succeeded', null],
  ['4000000000003220', 'fail', 'open', 'payment_intent_authentication_failure'],
  ['4000008400001629', 'complete', 'open', 'generic_decline'],
])(
  "card %s asks the buyer's bank first; after %s the order is %s",
  async (card_number, outcome, state, providerCode) => {
    const { order, url } = await aCheckout();
    const bank = (await submit(url, { card_number })).headers.get('location') ?? '';
    expect(bank).toContain('/c/3ds/pi_');
    expect(await stateOf(order)).toMatchObject({ state: 'open' });
    expect(await (await fetch(bank)).text()).toContain('Your bank');
    await submit(bank, { outcome });
    expect(await stateOf(order)).toMatchObject({ state, error: providerCode === null ? null : { providerCode } });
  },
);

test('an app confirms its PaymentIntent with the client secret and the publishable key, and with nothing less', async () => {
  const request = aRequest(stage.now(), { scene: 'inapp' });
  const made = await stage.adapter.create(request, patience());
  if (!made.ok || made.value.action.type !== 'client_secret') throw new Error('no secret');
  const { clientSecret: client_secret, publishableKey } = made.value.action;
  const path = `/v1/payment_intents/${made.value.channelTradeNo}`;
  const browser = { authorization: `Bearer ${publishableKey}` };
  const card = { payment_method: 'pm_card_visa' };

  expect((await stage.api('POST', `${path}/confirm`, card, browser)).status).toBe(404);
  expect((await stage.api('POST', `${path}/confirm`, { ...card, client_secret: 'wrong' }, browser)).status).toBe(404);
  expect((await stage.api('POST', `${path}/cancel`, { client_secret }, browser)).json.error.code).toBe(
    'secret_key_required',
  );
  const declined = await stage.api(
    'POST',
    `${path}/confirm`,
    { payment_method: 'pm_card_chargeDeclined', client_secret },
    browser,
  );
  expect(declined).toMatchObject({
    status: 402,
    json: { error: { type: 'card_error', payment_intent: { status: 'requires_payment_method' } } },
  });
  const paid = await stage.api('POST', `${path}/confirm`, { ...card, client_secret }, browser);
  expect(paid).toMatchObject({ status: 200, json: { status: 'succeeded' } });
  expect(await stateOf(orderOf(request, made.value.channelTradeNo))).toMatchObject({ state: 'succeeded' });
  const again = await stage.api('POST', `${path}/confirm`, { ...card, client_secret }, browser);
  expect(again.json.error).toMatchObject({
    code: 'payment_intent_unexpected_state',
    payment_intent: { status: 'succeeded' },
  });
});

test('an app is sent to the bank and comes back to its own address', async () => {
  const made = await stage.api('POST', '/v1/payment_intents', INTENT);
  const confirmed = await stage.api('POST', `/v1/payment_intents/${made.json.id}/confirm`, {
    'payment_method_data[type]': 'card',
    'payment_method_data[card][number]': '4000000000003220',
    return_url: 'http://127.0.0.1:1/back?x=1',
  });
  expect(confirmed.json).toMatchObject({ status: 'requires_action', next_action: { type: 'redirect_to_url' } });
  const answer = await submit(confirmed.json.next_action.redirect_to_url.url, { outcome: 'complete' });
  const back = new URL(answer.headers.get('location') ?? '');
  expect(Object.fromEntries(back.searchParams)).toMatchObject({
    x: '1',
    payment_intent: made.json.id,
    redirect_status: 'succeeded',
  });
});

test('a call without the right key, or of an unknown version, is refused as Stripe does', async () => {
  const none = await stage.api('GET', '/v1/payment_intents', {}, { authorization: '' });
  expect(none).toMatchObject({ status: 401, json: { error: { type: 'invalid_request_error' } } });
  expect(none.headers.get('request-id')).toMatch(/^req_/);
  const wrong = await stage.api('GET', '/v1/payment_intents', {}, { authorization: 'Bearer sk_test_wrongwrongwrong' });
  expect(wrong.status).toBe(401);
  expect(wrong.json.error.message).not.toContain('wrongwrongwrong');
  const version = await stage.api('GET', '/v1/payment_intents', {}, { 'stripe-version': '1999-01-01' });
  expect(version).toMatchObject({
    status: 400,
    json: { error: { message: 'Invalid Stripe API version: 1999-01-01' } },
  });
  const path = await stage.api('GET', '/v1/nothing');
  expect(path).toMatchObject({
    status: 404,
    json: { error: { message: expect.stringContaining('Unrecognized request URL') } },
  });
});

test('bracketed parameters come back as they were sent', async () => {
  const made = await stage.api('POST', '/v1/payment_intents', INTENT);
  expect(made.json.metadata).toEqual({ order: 'a=b&c[d]', constructor: 'x' });
  const broken = await stage.api('POST', '/v1/payment_intents', { ...INTENT, 'metadata[a': 'x' });
  expect(broken.status).toBe(400);
  const unknown = await stage.api('POST', '/v1/payment_intents', { ...INTENT, 'payment_method_types[0]': 'card' });
  expect(unknown.json.error).toMatchObject({ code: 'parameter_unknown', param: 'payment_method_types' });
});

test('an idempotency key is good for one request with one body', async () => {
  const key = { 'idempotency-key': 'key-1' };
  const first = await stage.api('POST', '/v1/payment_intents', INTENT, key);
  expect(first.headers.get('idempotent-replayed')).toBeNull();
  const repeat = await stage.api('POST', '/v1/payment_intents', INTENT, key);
  expect(repeat.json).toEqual(first.json);
  expect(repeat.headers.get('idempotent-replayed')).toBe('true');
  const other = await stage.api('POST', '/v1/payment_intents', { ...INTENT, amount: '1300' }, key);
  expect(other).toMatchObject({ status: 400, json: { error: { type: 'idempotency_error' } } });
  const elsewhere = await stage.api('POST', '/v1/checkout/sessions', INTENT, key);
  expect(elsewhere).toMatchObject({ status: 400, json: { error: { type: 'idempotency_error' } } });
});

test('refused parameters use up no key', async () => {
  const key = { 'idempotency-key': 'key-2' };
  expect((await stage.api('POST', '/v1/payment_intents', { ...INTENT, amount: '1' }, key)).json.error.code).toBe(
    'amount_too_small',
  );
  expect((await stage.api('POST', '/v1/payment_intents', INTENT, key)).status).toBe(200);
});

test('a second request with a key whose first one still runs gets a conflict', async () => {
  const key = { 'idempotency-key': 'key-3' };
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => stage.api('POST', '/v1/payment_intents', INTENT, key)),
  );
  const ids = new Set(answers.filter((a) => a.status === 200).map((a) => a.json.id));
  expect(ids.size).toBe(1);
  for (const { status, json } of answers) {
    if (status !== 200)
      expect({ status, json }).toMatchObject({ status: 409, json: { error: { code: 'idempotency_key_in_use' } } });
  }
});

test('search shows an order only after a while, lists show it at once', async () => {
  const made = await stage.api('POST', '/v1/payment_intents', { ...INTENT, 'metadata[provider_ref]': 'search-me' });
  const search = () =>
    stage.api('GET', '/v1/payment_intents/search', { query: "metadata['provider_ref']:'search-me'" });
  expect((await search()).json.data).toEqual([]);
  const listed = await stage.api('GET', '/v1/payment_intents', {
    limit: '1',
    'created[gte]': String(made.json.created),
  });
  expect(listed.json.data[0].id).toBe(made.json.id);
  stage.advance(60_000);
  expect((await search()).json.data.map((intent: { id: string }) => intent.id)).toEqual([made.json.id]);
});

test('lists are paged newest first', async () => {
  for (let i = 0; i < 3; i += 1) await stage.api('POST', '/v1/payment_intents', INTENT);
  const all = (await stage.api('GET', '/v1/payment_intents', { limit: '100' })).json.data.map(
    (i: { id: string }) => i.id,
  );
  const first = await stage.api('GET', '/v1/payment_intents', { limit: '2' });
  expect(first.json.has_more).toBe(true);
  const second = await stage.api('GET', '/v1/payment_intents', { limit: '2', starting_after: first.json.data[1].id });
  expect([...first.json.data, ...second.json.data].map((i) => i.id)).toEqual(all.slice(0, 4));
});

test.each([
  ['an amount below the minimum', { amount: '49' }, 'amount_too_small'],
  ['an amount above the maximum', { amount: '100000000' }, 'amount_too_large'],
  ['a KWD amount with a third decimal', { amount: '1234', currency: 'kwd' }, undefined],
  ['hundredths of a currency without decimals', { amount: '7750', currency: 'isk' }, undefined],
  ['a currency that is none', { currency: 'zzz' }, undefined],
])('%s is refused', async (_what, set, code) => {
  const answer = await stage.api('POST', '/v1/payment_intents', { ...INTENT, ...set });
  expect(answer).toMatchObject({
    status: 400,
    json: { error: { type: 'invalid_request_error', ...(code ? { code } : {}) } },
  });
});

test('a Session that would live shorter than half an hour is refused', async () => {
  const session = {
    mode: 'payment',
    success_url: 'http://127.0.0.1:1/',
    'line_items[0][quantity]': '1',
    'line_items[0][price_data][currency]': 'usd',
    'line_items[0][price_data][unit_amount]': '1250',
    'line_items[0][price_data][product_data][name]': 'x',
  };
  const after = (s: number) => ({ ...session, expires_at: String(Math.floor(stage.now() / 1_000) + s) });
  expect((await stage.api('POST', '/v1/checkout/sessions', after(29 * 60))).status).toBe(400);
  expect((await stage.api('POST', '/v1/checkout/sessions', after(25 * 3_600))).status).toBe(400);
  expect((await stage.api('POST', '/v1/checkout/sessions', after(31 * 60))).status).toBe(200);
  const free = await stage.api('POST', '/v1/checkout/sessions', session);
  expect(free.json.expires_at - free.json.created).toBe(86_400);
});

test('a page that does not exist is not found', async () => {
  for (const path of ['/c/pay/cs_test_nothing', '/c/3ds/pi_nothing', '/c/other']) {
    expect((await fetch(`${stage.host.url}/${CHANNEL}${path}`)).status).toBe(404);
  }
});
