import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { issueDurableReceipt } from '../../../src/payment/durable.ts';
import { APP_ID, aCallback, aNotice, aTransaction, encrypt, MCH_ID, NOW, openAdapter, REF } from './platform.ts';
import { eventually, soon, startStage } from './stage.ts';

const parse = (raw = aCallback()) => openAdapter().parseCallback(raw, soon());

describe('a genuine callback', () => {
  test('says of which order, how much, to whom and when', async () => {
    expect(await parse()).toEqual({
      ok: true,
      value: [
        {
          kind: 'order',
          providerRef: REF,
          observation: {
            state: 'succeeded',
            account: MCH_ID,
            amount: { minor: 100, currency: 'CNY' },
            channelTradeNo: '4200000000202601010000000001',
            paidAt: NOW,
            error: null,
          },
        },
      ],
    });
  });

  test('repeated within the window is the same statement again', async () => {
    const adapter = openAdapter();
    const raw = aCallback();
    expect(await adapter.parseCallback(raw, soon())).toEqual(await adapter.parseCallback(raw, soon()));
  });

  test('from the simulator is read, under the same id and a fresh signature each time, until it is acknowledged', async () => {
    const { adapter, anOrder, receiver, pay, host } = await startStage();
    const order = anOrder();
    const accepted = adapter.acknowledge({ kind: 'durable', receipt: issueDurableReceipt() });
    const refused = adapter.acknowledge({ kind: 'refused' });
    receiver.answerWith((_raw, n) => (n < 3 ? refused : accepted));
    await adapter.create(order, soon());
    await pay(order);
    const books = () => {
      const orders = host.control.orders('wechatpay-main', order.providerRef);
      return orders.ok ? orders.value[0] : undefined;
    };
    await eventually(() => (books()?.callbacksAcked === 1 ? true : undefined));
    expect(receiver.received).toHaveLength(3);
    const headerOf = (name: string) => new Set(receiver.received.map((raw) => raw.headers.get(name)?.[0]));
    expect(headerOf('wechatpay-signature').size).toBe(3);
    expect(headerOf('wechatpay-nonce').size).toBe(3);
    expect(new Set(receiver.received.map((raw) => JSON.parse(Buffer.from(raw.body).toString()).id)).size).toBe(1);
    for (const raw of receiver.received) {
      expect(`${receiver.url}${raw.target}`).toBe(order.callbackUrl);
      expect(await adapter.parseCallback(raw, soon())).toMatchObject({
        ok: true,
        value: [{ providerRef: order.providerRef, observation: { state: 'succeeded', amount: order.amount } }],
      });
    }
  });

  test('may come before the create is answered', async () => {
    const { adapter, anOrder, receiver, faults } = await startStage();
    receiver.answerWith(() => ({ status: 204, contentType: 'text/plain', body: '' }));
    faults({ callback_before_answer: true });
    const order = anOrder();
    const created = adapter.create(order, soon());
    const raw = await eventually(() => receiver.received[0]);
    expect(await adapter.parseCallback(raw, soon())).toMatchObject({
      ok: true,
      value: [{ providerRef: order.providerRef }],
    });
    expect(await created).toMatchObject({ ok: true });
  });

  test.each(['REFUND.NEW', 'COMPLAINT.CREATE', 'TRANSACTION.NEW'])(
    'of type %s concerns no payment and no refund',
    async (event_type) => {
      expect(await parse(aCallback(aNotice({ out_refund_no: 'r1' }, { event_type })))).toEqual({ ok: true, value: [] });
    },
  );

  test.each([
    ['NOTPAY', 'open'],
    ['CLOSED', 'closed'],
    ['PAYERROR', 'failed'],
    ['REFUND', 'succeeded'],
    ['WHATEVER', 'unclear'],
  ])('that calls itself a success but says %s is %s', async (trade_state, state) => {
    expect(await parse(aCallback(aNotice(aTransaction({ trade_state }))))).toMatchObject({
      ok: true,
      value: [{ observation: { state } }],
    });
  });

  test('with associated data left out is opened without', async () => {
    const { associated_data: _none, ...resource } = encrypt(JSON.stringify(aTransaction()), undefined, '');
    expect(await parse(aCallback(aNotice(undefined, { resource })))).toMatchObject({ ok: true });
  });
});

describe('a callback for somebody else', () => {
  test.each([
    ['another merchant', { mchid: '1900000002' }],
    ['another app of the same merchant', { appid: 'wxffffffffffffffff' }],
    ['the merchant number with a blank', { mchid: `${MCH_ID} ` }],
    ['the app id in capitals', { appid: APP_ID.toUpperCase() }],
  ])('%s is foreign', async (_what, set) => {
    expect(await parse(aCallback(aNotice(aTransaction(set))))).toEqual({ ok: false, error: 'foreign_account' });
  });
});

describe('a malformed callback', () => {
  const names = ['wechatpay-timestamp', 'wechatpay-nonce', 'wechatpay-serial', 'wechatpay-signature'];

  test.each(names)('without %s, or with two of it, or an empty one', async (name) => {
    const value = aCallback().headers.get(name)?.[0] ?? '';
    for (const values of [[], [value, value], ['']]) {
      expect(await parse(aCallback(undefined, { headers: { [name]: values } }))).toEqual({
        ok: false,
        error: 'malformed',
      });
    }
  });

  test.each(['', 'yesterday', '-1', '1e9', '1767225600.5', '0x10', ' 1767225600'])('with the time %j', async (time) => {
    const raw = aCallback(undefined, { headers: { 'wechatpay-timestamp': [time] } });
    expect(await parse(raw)).toEqual({ ok: false, error: 'malformed' });
  });

  test('with an algorithm of the sender’s choice', async () => {
    const raw = aCallback(undefined, { headers: { 'wechatpay-signature-type': ['WECHATPAY2-SM2-WITH-SM3'] } });
    expect(await parse(raw)).toEqual({ ok: false, error: 'malformed' });
  });

  test('by GET, or larger than any real one', async () => {
    expect(await parse({ ...aCallback(), method: 'GET' })).toEqual({ ok: false, error: 'malformed' });
    const long = aNotice(undefined, { summary: 'x'.repeat(70_000) });
    expect(await parse(aCallback(long))).toEqual({ ok: false, error: 'malformed' });
  });

  test.each([
    ['no body', ''],
    ['no JSON', 'resource=1'],
    ['a list', '[]'],
    ['no resource', aNotice(undefined, { resource: undefined })],
    ['a resource that is text', aNotice(undefined, { resource: JSON.stringify(aTransaction()) })],
    ['a resource in the clear', aNotice(undefined, { resource: aTransaction(), resource_type: 'plain' })],
    ['another algorithm', aNotice(undefined, { resource: { ...encrypt('{}'), algorithm: 'NONE' } })],
    ['an event type that is a list', aNotice(undefined, { event_type: ['TRANSACTION.SUCCESS'] })],
    ['a content that is no JSON', aNotice('SUCCESS')],
    ['a content without an order number', aNotice(aTransaction({ out_trade_no: undefined }))],
    ['an order number that is a list', aNotice(aTransaction({ out_trade_no: [REF] }))],
    ['an amount that is text', aNotice(aTransaction({ amount: { total: '100', currency: 'CNY' } }))],
    ['an amount that is a list', aNotice(aTransaction({ amount: { total: [100], currency: 'CNY' } }))],
    ['a negative amount', aNotice(aTransaction({ amount: { total: -1, currency: 'CNY' } }))],
  ])('signed well, with %s', async (_what, body) => {
    expect(await parse(aCallback(body))).toEqual({ ok: false, error: 'malformed' });
  });

  test('cut in half', async () => {
    const half = aNotice().slice(0, 200);
    expect(await parse(aCallback(half))).toEqual({ ok: false, error: 'malformed' });
    const genuine = aCallback();
    expect(await parse({ ...genuine, body: genuine.body.subarray(0, 200) })).toEqual({
      ok: false,
      error: 'bad_signature',
    });
  });

  test('whatever the bytes, nothing throws and nothing is believed', async () => {
    const adapter = openAdapter();
    const anyHeaders = fc.dictionary(fc.constantFrom(...names), fc.array(fc.string(), { maxLength: 2 }));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), anyHeaders, async (body, headers) => {
        const raw = { ...aCallback(), body, headers: new Map(Object.entries(headers)) };
        expect((await adapter.parseCallback(raw, soon())).ok).toBe(false);
      }),
    );
  });

  test('whatever is inside a genuine envelope, nothing throws', async () => {
    const adapter = openAdapter();
    await fc.assert(
      fc.asyncProperty(fc.json(), async (plain) => {
        const raw = aCallback(aNotice(plain));
        expect((await adapter.parseCallback(raw, soon())).ok).toBe(false);
      }),
    );
  });
});

describe('the answer to a callback', () => {
  test('is 204 for a durable one, and 4xx with FAIL for any other', () => {
    const adapter = openAdapter();
    const accepted = adapter.acknowledge({ kind: 'durable', receipt: issueDurableReceipt() });
    expect(accepted).toMatchObject({ status: 204, body: '' });
    const refused = adapter.acknowledge({ kind: 'refused' });
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'FAIL' });
  });
});
