import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RawCallback } from '../../../src/channel/index.ts';
import { issueDurableReceipt } from '../../../src/payment/durable.ts';
import {
  aRequest,
  CHANNEL,
  eventsOf,
  MINUTE,
  noticesOf,
  openStage,
  orderOf,
  patience,
  type Stage,
  until,
} from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => {
  stage.host.control.faults(CHANNEL, {});
  expect(stage.bugs).toEqual([]);
});
afterAll(() => stage.close());

const SECRET = 'whsec_test_secret';
const VECTOR_BODY = '{"id":"evt_1","object":"event","type":"x"}';
const VECTOR_V1 = '33e8f8c0b87d5ed2b8cac16239e4fbdc744d7582bc04ae160a659fe1f5fa8fe4';
const T = 1_700_000_000;

const sign = (body: string | Uint8Array, at: number, secret: string) =>
  createHmac('sha256', secret).update(`${at}.`).update(body).digest('hex');

function aCallback(set: Partial<RawCallback> & { signature?: string | readonly string[] } = {}): RawCallback {
  const { signature = `t=${T},v1=${VECTOR_V1}`, ...rest } = set;
  return {
    method: 'POST',
    target: '/callbacks/stripe-main',
    headers: new Map([['stripe-signature', typeof signature === 'string' ? [signature] : signature]]),
    body: Buffer.from(VECTOR_BODY),
    receivedAt: T * 1_000,
    ...rest,
  };
}

/** A well-formed event, signed as Stripe would. */
function anEvent(set: Record<string, unknown>, secret = SECRET): RawCallback {
  const event = {
    id: 'evt_1abc',
    object: 'event',
    api_version: '2026-10-28.endive',
    created: T,
    livemode: false,
    type: 'payment_intent.succeeded',
    data: { object: anIntent() },
    ...set,
  };
  const body = JSON.stringify(event);
  return aCallback({ body: Buffer.from(body), signature: `t=${T},v1=${sign(body, T, secret)}` });
}

function anIntent(set: Record<string, unknown> = {}) {
  return {
    id: 'pi_3abc',
    object: 'payment_intent',
    livemode: false,
    created: T,
    status: 'succeeded',
    amount: 1_250,
    amount_received: 1_250,
    currency: 'usd',
    metadata: { provider_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01', flow: 'intent' },
    last_payment_error: null,
    latest_charge: 'ch_3abc',
    ...set,
  };
}

function aSession(set: Record<string, unknown> = {}) {
  return {
    id: 'cs_test_a1abc',
    object: 'checkout.session',
    livemode: false,
    created: T,
    status: 'complete',
    payment_status: 'paid',
    amount_total: 1_250,
    currency: 'usd',
    client_reference_id: '01kaaaaaaaaaaaaaaaaaaaaaaa01',
    metadata: { provider_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01' },
    payment_intent: 'pi_3abc',
    url: null,
    ...set,
  };
}

const withSecret = () => stage.adapterWith({ webhook_secrets: [SECRET] });
const parse = (raw: RawCallback) => withSecret().parseCallback(raw, patience());

test('the known answer of channels.md is verified: a valid message whose type concerns nobody', async () => {
  expect(sign(VECTOR_BODY, T, SECRET)).toBe(VECTOR_V1);
  const body = '{"id":"evt_1","object":"event","type":"x","created":1700000000,"livemode":false,"data":{"object":{}}}';
  const raw = aCallback({ body: Buffer.from(body), signature: `t=${T},v1=${sign(body, T, SECRET)}` });
  expect(await parse(raw)).toEqual({ ok: true, value: [] });
  // The vector's own body is no complete event, which is only noticed once its signature is found good.
  expect(await parse(aCallback())).toEqual({ ok: false, error: 'malformed' });
});

test.each([
  ['no signature header', aCallback({ headers: new Map() }), 'bad_signature'],
  ['an empty header', aCallback({ signature: '' }), 'malformed'],
  ['the header twice', aCallback({ signature: [`t=${T},v1=${VECTOR_V1}`, `t=${T},v1=${VECTOR_V1}`] }), 'malformed'],
  [
    'two headers that a proxy joined',
    aCallback({ signature: `t=${T},v1=${VECTOR_V1}, t=${T},v1=${VECTOR_V1}` }),
    'malformed',
  ],
  ['an empty v1', aCallback({ signature: `t=${T},v1=` }), 'malformed'],
  ['no time', aCallback({ signature: `v1=${VECTOR_V1}` }), 'malformed'],
  ['a time twice', aCallback({ signature: `t=${T},t=${T},v1=${VECTOR_V1}` }), 'malformed'],
  ['a time that is no number', aCallback({ signature: `t=soon,v1=${VECTOR_V1}` }), 'malformed'],
  ['another time than was signed', aCallback({ signature: `t=${T + 1},v1=${VECTOR_V1}` }), 'bad_signature'],
  ['an upper-case signature', aCallback({ signature: `t=${T},v1=${VECTOR_V1.toUpperCase()}` }), 'malformed'],
  ['half a signature', aCallback({ signature: `t=${T},v1=${VECTOR_V1.slice(0, 32)}` }), 'malformed'],
  ['the right signature under v0', aCallback({ signature: `t=${T},v0=${VECTOR_V1}` }), 'bad_signature'],
  ['the right signature under another scheme', aCallback({ signature: `t=${T},v2=${VECTOR_V1}` }), 'bad_signature'],
  ['a signature of zeros', aCallback({ signature: `t=${T},v1=${'0'.repeat(64)}` }), 'bad_signature'],
  ['a changed byte', aCallback({ body: Buffer.from(VECTOR_BODY.replace('"x"', '"y"')) }), 'bad_signature'],
  ['a truncated body', aCallback({ body: Buffer.from(VECTOR_BODY.slice(0, -1)) }), 'bad_signature'],
  ['one byte more', aCallback({ body: Buffer.from(`${VECTOR_BODY} `) }), 'bad_signature'],
  ['a byte order mark in front', aCallback({ body: Buffer.from(`\ufeff${VECTOR_BODY}`) }), 'bad_signature'],
  ['bytes that are no text', aCallback({ body: Buffer.from([0xff, 0xfe, 0x00]) }), 'malformed'],
  ['an empty body', aCallback({ body: Buffer.alloc(0) }), 'malformed'],
  ['GET', aCallback({ method: 'GET' }), 'malformed'],
])('%s is refused', async (_what, raw, error) => {
  expect(await parse(raw)).toEqual({ ok: false, error });
});

test('signatures of schemes that we do not know are passed over', async () => {
  for (const more of [`v0=${'0'.repeat(64)}`, 'v2=new+kind==', 'x']) {
    const raw = anEvent({});
    const [header] = raw.headers.get('stripe-signature') ?? [];
    const extended = new Map([['stripe-signature', [`${header},${more}`]]]);
    expect(await parse({ ...raw, headers: extended })).toMatchObject({ ok: true });
  }
});

test('a message signed with an empty secret is never believed', async () => {
  const raw = anEvent({}, '');
  expect(await parse(raw)).toEqual({ ok: false, error: 'bad_signature' });
  const unguarded = stage.adapterWith({ webhook_secrets: [''] });
  expect(await unguarded.parseCallback(raw, patience())).toEqual({ ok: false, error: 'bad_signature' });
});

test.each([
  ['five minutes old', 300, true],
  ['a second more', 301, false],
  ['five minutes from the future', -300, true],
  ['a second more from the future', -301, false],
  ['a day old', 86_400, false],
])('a message %s is taken: %s', async (_what, ageS, taken) => {
  const raw = { ...anEvent({}), receivedAt: (T + ageS) * 1_000 };
  expect(await parse(raw)).toMatchObject(taken ? { ok: true } : { ok: false, error: 'stale' });
});

test('a validly signed text that is no event is malformed', async () => {
  for (const body of ['', ' ', 'null', '[]', '1', '"event"', '{', '{"object":"v2.core.event","id":"evt_1"}']) {
    const raw = aCallback({ body: Buffer.from(body), signature: `t=${T},v1=${sign(body, T, SECRET)}` });
    expect(await parse(raw)).toEqual({ ok: false, error: 'malformed' });
  }
});

test.each([
  ['an amount in a list', { amount_received: [1_250] }],
  ['an amount as a text', { amount_received: '1250' }],
  ['half a cent', { amount_received: 12.5 }],
  ['no currency', { currency: undefined }],
  ['a status that is a number', { status: 1 }],
  ['metadata in a list', { metadata: ['provider_ref'] }],
  ['nested metadata', { metadata: { provider_ref: { x: 1 } } }],
])('an event with %s is malformed', async (_what, set) => {
  expect(await parse(anEvent({ data: { object: anIntent(set) } }))).toEqual({ ok: false, error: 'malformed' });
});

test('an event of the live mode, or of another account, is foreign', async () => {
  expect(await parse(anEvent({ livemode: true }))).toEqual({ ok: false, error: 'foreign_account' });
  expect(await parse(anEvent({ account: 'acct_1Somebody' }))).toEqual({ ok: false, error: 'foreign_account' });
  expect(await parse(anEvent({ account: stage.config.account }))).toMatchObject({ ok: true });
});

test('objects of other software on the same account concern none of our orders', async () => {
  for (const object of [
    anIntent({ metadata: {} }),
    anIntent({ metadata: null }),
    anIntent({ metadata: { provider_ref: 'order-1' } }),
  ]) {
    expect(await parse(anEvent({ data: { object } }))).toEqual({ ok: true, value: [] });
  }
  const disguised = aSession({ client_reference_id: 'something-else' });
  expect(await parse(anEvent({ type: 'checkout.session.completed', data: { object: disguised } }))).toEqual({
    ok: true,
    value: [],
  });
});

const OPEN = { state: 'open', paidAt: null };
const PAID = {
  state: 'succeeded',
  channelTradeNo: 'pi_3abc',
  amount: { minor: 1_250, currency: 'USD' },
  paidAt: T * 1_000,
};

test.each([
  ['checkout.session.completed, paid', aSession(), PAID],
  [
    'checkout.session.completed, unpaid',
    aSession({ payment_status: 'unpaid' }),
    { ...OPEN, channelTradeNo: 'cs_test_a1abc' },
  ],
  ['checkout.session.async_payment_succeeded', aSession(), PAID],
  [
    'checkout.session.async_payment_failed',
    aSession({ payment_status: 'unpaid' }),
    { state: 'failed', error: { kind: 'DECLINED', providerCode: 'async_payment_failed' } },
  ],
  [
    'checkout.session.expired',
    aSession({ status: 'expired', payment_status: 'unpaid', payment_intent: null }),
    { state: 'closed' },
  ],
  [
    'checkout.session.expired, after a try',
    aSession({ status: 'expired', payment_status: 'unpaid' }),
    { state: 'unclear' },
  ],
  ['checkout.session.completed, a new status', aSession({ status: 'paused' }), { state: 'unclear' }],
  ['payment_intent.succeeded', anIntent(), PAID],
  ['payment_intent.processing', anIntent({ status: 'processing' }), { ...OPEN, channelTradeNo: 'pi_3abc' }],
  ['payment_intent.requires_action', anIntent({ status: 'requires_action' }), OPEN],
  ['payment_intent.amount_capturable_updated', anIntent({ status: 'requires_capture' }), OPEN],
  ['payment_intent.canceled', anIntent({ status: 'canceled' }), { state: 'closed' }],
  ['payment_intent.succeeded, a new status', anIntent({ status: 'teleported' }), { state: 'unclear' }],
  [
    'payment_intent.payment_failed',
    anIntent({ status: 'requires_payment_method', last_payment_error: { type: 'card_error', code: 'expired_card' } }),
    { ...OPEN, error: { kind: 'DECLINED', providerCode: 'expired_card' } },
  ],
  [
    'payment_intent.payment_failed, a stolen card',
    anIntent({
      status: 'requires_payment_method',
      last_payment_error: { type: 'card_error', code: 'card_declined', decline_code: 'stolen_card' },
    }),
    { ...OPEN, error: { kind: 'RISK_REJECTED', providerCode: 'stolen_card' } },
  ],
])('%s becomes a fact', async (what, object, expected) => {
  const type = what.split(',')[0];
  expect(await parse(anEvent({ type, data: { object } }))).toMatchObject({
    ok: true,
    value: [
      { providerRef: '01kaaaaaaaaaaaaaaaaaaaaaaa01', observation: { account: stage.config.account, ...expected } },
    ],
  });
});

test("a Session's PaymentIntent proves money and tells of declines, but never closes the Session", async () => {
  const metadata = { provider_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01', flow: 'checkout' };
  const seen = async (set: Record<string, unknown>) =>
    parse(anEvent({ data: { object: anIntent({ metadata, ...set }) } }));
  expect(await seen({})).toMatchObject({ value: [{ observation: PAID }] });
  expect(await seen({ status: 'canceled' })).toEqual({ ok: true, value: [] });
  expect(
    await seen({ status: 'requires_payment_method', last_payment_error: { type: 'card_error', code: 'expired_card' } }),
  ).toMatchObject({
    value: [
      { observation: { ...OPEN, channelTradeNo: null, error: { kind: 'DECLINED', providerCode: 'expired_card' } } },
    ],
  });
});

async function paidOrder(faults: Record<string, unknown> = {}, scene: 'redirect' | 'inapp' = 'redirect') {
  const request = aRequest(stage.now(), { scene });
  const made = await stage.adapter.create(request, patience());
  if (!made.ok) throw new Error(made.error.kind);
  stage.host.control.faults(CHANNEL, faults);
  await stage.host.control.pay(CHANNEL, { providerRef: request.providerRef });
  const events = await until(() => {
    const mine = eventsOf(stage).filter(({ json }) => json.data.object.metadata.provider_ref === request.providerRef);
    return mine.length >= (scene === 'inapp' ? 1 : 2) && mine;
  });
  return { request, order: orderOf(request, made.value.channelTradeNo), events };
}

test.each([
  ['Session', 'redirect', ['checkout.session.completed', 'payment_intent.succeeded']],
  ['PaymentIntent', 'inapp', ['payment_intent.succeeded']],
] as const)('every event of a paid %s and its query name the same success', async (_what, scene, types) => {
  const { request, order, events } = await paidOrder({}, scene);
  expect(events.map((event) => event.type).sort()).toEqual(types);
  const queried = await stage.adapter.query(order, patience());
  if (!queried.ok) throw new Error(queried.error.kind);
  for (const { raw } of events) {
    const [notice, ...more] = await noticesOf(stage.adapter, raw);
    expect(more).toEqual([]);
    expect(notice?.providerRef).toBe(request.providerRef);
    const { paidAt, ...success } = queried.value;
    expect(notice?.observation).toMatchObject(success);
    expect(Math.abs((notice?.observation.paidAt ?? 0) - (paidAt ?? 0))).toBeLessThan(2 * MINUTE);
  }
});

test('a wrong amount arrives as it is, for the attempt to be compared with', async () => {
  const session = await paidOrder({ wrong_amount: true });
  const { events: intent } = await paidOrder({ wrong_amount: true }, 'inapp');
  const events = [...session.events, ...intent];
  for (const { raw } of events) {
    const [notice] = await noticesOf(stage.adapter, raw);
    expect(notice?.observation).toMatchObject({ state: 'succeeded', amount: { minor: 1_251, currency: 'USD' } });
  }
});

test('a callback with a wrong signature is refused', async () => {
  const { events } = await paidOrder({ wrong_signature: true });
  for (const { raw } of events) {
    expect(await stage.adapter.parseCallback(raw, patience())).toEqual({ ok: false, error: 'bad_signature' });
  }
});

test('a genuine callback is refused when it is replayed later, and by a channel with other secrets', async () => {
  const { events } = await paidOrder();
  const other = stage.adapterWith({ webhook_secrets: ['whsec_ofAnotherEndpoint123'] });
  for (const { raw } of events) {
    const replayed = { ...raw, receivedAt: raw.receivedAt + 10 * MINUTE };
    expect(await stage.adapter.parseCallback(replayed, patience())).toEqual({ ok: false, error: 'stale' });
    expect(await other.parseCallback(raw, patience())).toEqual({ ok: false, error: 'bad_signature' });
  }
});

test('while a secret is rolled both signatures come, and either secret is enough', async () => {
  const former = stage.config;
  await stage.wish({ roll_webhook_secret: true });
  const { events } = await paidOrder();
  const [current] = await until(() => {
    const credentials = stage.host.credentials(CHANNEL);
    return typeof credentials === 'object' && credentials !== null && 'webhook_secrets' in credentials
      ? (credentials.webhook_secrets as string[])
      : undefined;
  });
  for (const { raw } of events) {
    expect(raw.headers.get('stripe-signature')?.[0]?.match(/v1=/g)).toHaveLength(2);
    expect(await noticesOf(stage.adapterWith(former), raw)).toHaveLength(1);
    expect(await noticesOf(stage.adapterWith({ webhook_secrets: [current ?? ''] }), raw)).toHaveLength(1);
    expect(
      await noticesOf(stage.adapterWith({ webhook_secrets: [current ?? '', ...former.webhook_secrets] }), raw),
    ).toHaveLength(1);
  }
});

test('what is durable or of no interest is acknowledged, what is refused is not', () => {
  const { adapter } = stage;
  const durable = adapter.acknowledge({ kind: 'durable', receipt: issueDurableReceipt() });
  expect(durable).toEqual({ status: 200, contentType: 'application/json', body: '{"received":true}' });
  expect(adapter.acknowledge({ kind: 'irrelevant' })).toEqual(durable);
  expect(adapter.acknowledge({ kind: 'refused' })).toMatchObject({ status: 400 });
});

test('an event is sent again until it is acknowledged, each time under the same id and freshly signed', async () => {
  const seen = new Map<string, number>();
  stage.receiver.answerWith((raw) => {
    const { id } = JSON.parse(Buffer.from(raw.body).toString('utf8'));
    seen.set(id, (seen.get(id) ?? 0) + 1);
    return stage.adapter.acknowledge(seen.get(id) === 3 ? { kind: 'irrelevant' } : { kind: 'refused' });
  });
  try {
    const { request } = await paidOrder();
    const acked = () => {
      const orders = stage.host.control.orders(CHANNEL, request.providerRef);
      return orders.ok ? orders.value[0] : undefined;
    };
    await until(() => acked()?.callbacksAcked === 2);
    expect(acked()?.callbacksSent).toBe(6);
    expect([...seen.values()]).toEqual([3, 3]);
  } finally {
    stage.receiver.answerWith(() => ({ status: 200, contentType: 'application/json', body: '{}' }));
  }
});
