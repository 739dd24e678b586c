import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RawCallback } from '../../../src/channel/index.ts';
import type { RefundObservation } from '../../../src/payment/index.ts';
import { anEvent, aRefundObject, SECRET, T } from './events.ts';
import {
  aPaidOrder,
  aRefund,
  aRequest,
  CHANNEL,
  eventsOf,
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

const parse = (raw: RawCallback) =>
  stage.adapterWith({ webhook_secrets: [SECRET] }).parseCallback(raw, AbortSignal.timeout(10_000));
const told = (type: string, set: Record<string, unknown> = {}) =>
  parse(anEvent({ type, data: { object: aRefundObject(set) } }));

const NOBODY = { ok: true, value: [] };

test.each(['refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated'])(
  '%s says what Stripe says of the refund now',
  async (type) => {
    expect(await told(type)).toEqual({
      ok: true,
      value: [
        {
          kind: 'refund',
          providerRef: '01kaaaaaaaaaaaaaaaaaaaaaaa01',
          refundRef: '01kaaaaaaaaaaaaaaaaaaaaaaa01r001',
          observation: {
            state: 'succeeded',
            account: stage.config.account,
            amount: { minor: 450, currency: 'USD' },
            channelRefundNo: 're_3abc',
            refundedAt: (T - 60) * 1_000,
            error: null,
          },
        },
      ],
    });
  },
);

test.each<[string, Record<string, unknown>, Partial<RefundObservation>]>([
  ['pending', { status: 'pending', pending_reason: 'processing' }, { state: 'pending', error: null, refundedAt: null }],
  [
    'pending for want of money of ours',
    { status: 'pending', pending_reason: 'insufficient_funds' },
    { state: 'pending', error: { kind: 'INSUFFICIENT_BALANCE', providerCode: 'insufficient_funds' } },
  ],
  ['waiting for the buyer', { status: 'requires_action' }, { state: 'pending', error: null }],
  ['failed', { status: 'failed' }, { state: 'failed', error: { kind: 'DECLINED', providerCode: 'failed' } }],
  [
    'canceled',
    { status: 'canceled' },
    { state: 'failed', error: { kind: 'INVALID_REQUEST', providerCode: 'canceled' } },
  ],
  ...(
    [
      ['lost_or_stolen_card', 'DECLINED'],
      ['expired_or_canceled_card', 'DECLINED'],
      ['declined', 'DECLINED'],
      ['unknown', 'DECLINED'],
      ['a_new_reason', 'DECLINED'],
      ['insufficient_funds', 'INSUFFICIENT_BALANCE'],
      ['charge_for_pending_refund_disputed', 'INVALID_REQUEST'],
      ['merchant_request', 'INVALID_REQUEST'],
    ] as const
  ).map(([reason, kind]): [string, Record<string, unknown>, Partial<RefundObservation>] => [
    `failed because of ${reason}`,
    { status: 'failed', failure_reason: reason },
    { state: 'failed', refundedAt: null, error: { kind, providerCode: reason } },
  ]),
  ['in a state without a name', { status: null }, { state: 'unclear' }],
  ['in a new state', { status: 'teleported' }, { state: 'unclear', refundedAt: null, error: null }],
  ['of an amount that is none', { amount: 0 }, { state: 'succeeded', amount: null }],
])('a refund that is %s is told so', async (_what, set, expected) => {
  expect(await told('refund.updated', set)).toMatchObject({ ok: true, value: [{ observation: expected }] });
});

test.each([
  ['made by hand', { metadata: {} }],
  ['without metadata', { metadata: null }],
  [
    "under another software's number",
    { metadata: { refund_ref: 'R-1', provider_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01' } },
  ],
  ['under our number, without an order', { metadata: { refund_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01r001' } }],
  [
    'under our number of another order',
    { metadata: { refund_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01r001', provider_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa02' } },
  ],
])('a refund %s is none of ours, and the message is acknowledged', async (_what, set) => {
  expect(await told('refund.created', set)).toEqual(NOBODY);
});

test('a charge that was refunded names no refund', async () => {
  const object = { id: 'ch_3abc', object: 'charge', amount_refunded: 450, metadata: aRefundObject().metadata };
  expect(await parse(anEvent({ type: 'charge.refunded', data: { object } }))).toEqual(NOBODY);
});

test.each([
  ['an amount as a text', { amount: '450' }],
  ['half a cent', { amount: 4.5 }],
  ['no currency', { currency: undefined }],
  ['a status that is a number', { status: 1 }],
  ['metadata in a list', { metadata: ['refund_ref'] }],
  ['nested metadata', { metadata: { refund_ref: { x: 1 } } }],
  ['no id', { id: undefined }],
  ["another object's id", { id: 'ch_3abc' }],
  ['another kind of object', { object: 'charge' }],
  ['no time', { created: undefined }],
])('an event about a refund with %s is malformed', async (_what, set) => {
  expect(await told('refund.updated', set)).toEqual({ ok: false, error: 'malformed' });
});

test('an event about a refund of the other mode, of another account, or under another secret, is refused', async () => {
  const event = { type: 'refund.created', data: { object: aRefundObject() } };
  expect(await parse(anEvent({ ...event, livemode: true }))).toEqual({ ok: false, error: 'foreign_account' });
  expect(await parse(anEvent({ ...event, account: 'acct_1Somebody' }))).toEqual({
    ok: false,
    error: 'foreign_account',
  });
  expect(await parse(anEvent(event, 'whsec_somebodyElses'))).toEqual({ ok: false, error: 'bad_signature' });
  const late = { ...anEvent(event), receivedAt: (T + 301) * 1_000 };
  expect(await parse(late)).toEqual({ ok: false, error: 'stale' });
});

/** The types and states of the refund events that came for an order, in the order of their coming. */
async function newsOf(providerRef: string) {
  const mine = eventsOf(stage).filter(
    ({ json }) => json.data.object.object === 'refund' && json.data.object.metadata.provider_ref === providerRef,
  );
  return Promise.all(
    mine.map(async ({ type, raw }) => {
      const [notice] = await noticesOf(stage.adapter, raw);
      return { type, notice };
    }),
  );
}

const arrived = (wanted: string, { providerRef }: { providerRef: string }) =>
  until(() =>
    eventsOf(stage).find(({ type, json }) => type === wanted && json.data.object.metadata.provider_ref === providerRef),
  );

test('a refund and its events tell the same', async () => {
  const order = await aPaidOrder(stage);
  const answer = await stage.adapter.refund(aRefund(order), patience());
  await arrived('refund.created', order);
  const [created, ...more] = await newsOf(order.providerRef);
  expect(more).toEqual([]);
  expect(created?.notice?.observation).toEqual(answer.ok && answer.value);
});

test('a refund that fails after it had succeeded is told first as the one, then as the other', async () => {
  const order = await aPaidOrderBy('4000000000005126');
  const request = aRefund(order);
  const answer = await stage.adapter.refund(request, patience());
  expect(answer).toMatchObject({ ok: true, value: { state: 'succeeded', error: null } });
  await arrived('refund.failed', order);
  const news = await newsOf(order.providerRef);
  const failed = { state: 'failed', error: { kind: 'DECLINED', providerCode: 'expired_or_canceled_card' } };
  expect(news.find(({ type }) => type === 'refund.created')?.notice?.observation).toMatchObject({ state: 'succeeded' });
  expect(news.find(({ type }) => type === 'refund.failed')?.notice?.observation).toMatchObject(failed);
  for (const asked of [stage.adapter.queryRefund(request, patience()), stage.adapter.refund(request, patience())]) {
    expect(await asked).toMatchObject({ ok: true, value: failed });
  }
  // A refund that has failed is not sent again under its number; its amount is free for another one.
  const next = aRefund(order, { refundRef: `${order.providerRef}r002`, amount: order.amount });
  expect(await stage.adapter.refund(next, patience())).toMatchObject({ ok: true });
});

test('a refund that Stripe makes later is pending until then', async () => {
  const order = await aPaidOrderBy('4000000000007726');
  const request = aRefund(order);
  expect(await stage.adapter.refund(request, patience())).toMatchObject({ ok: true, value: { state: 'pending' } });
  await arrived('refund.updated', order);
  expect(await stage.adapter.queryRefund(request, patience())).toMatchObject({
    ok: true,
    value: { state: 'succeeded' },
  });
});

/** An order that was paid with a certain card, on the hosted page. */
async function aPaidOrderBy(card_number: string) {
  const request = aRequest(stage.now());
  const made = await stage.adapter.create(request, patience());
  if (!made.ok || made.value.action.type !== 'redirect') throw new Error('no page');
  const body = new URLSearchParams({ card_number });
  expect((await fetch(made.value.action.url, { method: 'POST', body, redirect: 'manual' })).status).toBe(303);
  return orderOf(request, made.value.channelTradeNo);
}
