import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RawCallback } from '../../../src/channel/index.ts';
import { issueDurableReceipt } from '../../../src/payment/durable.ts';
import { anEvent, anIntent, aSession, SECRET, T } from './events.ts';
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

const withSecret = () => stage.adapterWith({ webhook_secrets: [SECRET] });
const parse = (raw: RawCallback) => withSecret().parseCallback(raw, patience());

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
    if (notice?.kind !== 'order') throw new Error('no notice of the order');
    expect(notice.providerRef).toBe(request.providerRef);
    const { paidAt, ...success } = queried.value;
    expect(notice.observation).toMatchObject(success);
    expect(Math.abs((notice.observation.paidAt ?? 0) - (paidAt ?? 0))).toBeLessThan(2 * MINUTE);
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
