import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStage, patience, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const HOUR = 3_600_000;
const read = async (type: string, providerRef: string) =>
  stage.adapter.parseCallback(await stage.callback(type, providerRef), patience());

describe('an order', () => {
  test('goes out with our number in all places, for a payment on the spot, under a request id of its own', async () => {
    const { request } = await stage.place();
    const sent = stage.exchanges.findLast(({ url }) => url.endsWith('/v2/checkout/orders'));
    const { providerRef, returnUrl } = request;
    expect(sent?.requestHeaders).toMatchObject({ 'paypal-request-id': `${providerRef}-create` });
    expect(JSON.parse(sent?.requestBody ?? '')).toMatchObject({
      intent: 'CAPTURE',
      purchase_units: [
        { custom_id: providerRef, invoice_id: providerRef, amount: { currency_code: 'USD', value: '10.50' } },
      ],
      payment_source: {
        paypal: { experience_context: { return_url: returnUrl, cancel_url: returnUrl, user_action: 'PAY_NOW' } },
      },
    });
  });

  test('in a currency or fraction that PayPal does not take is refused before any call', async () => {
    const { request } = await stage.place();
    const before = stage.exchanges.length;
    for (const amount of [
      { minor: 1_000, currency: 'KWD' },
      { minor: 1_050, currency: 'HUF' },
    ]) {
      expect(await stage.adapter.create({ ...request, amount }, patience())).toMatchObject({
        ok: false,
        error: { kind: 'INVALID_REQUEST', created: 'no' },
      });
    }
    for (const set of [{ scene: 'qr' }, { method: 'card' }] as const) {
      expect(await stage.adapter.create({ ...request, ...set }, patience())).toMatchObject({
        ok: false,
        error: { kind: 'AUTH_MISCONFIGURED', created: 'no' },
      });
    }
    expect(stage.exchanges).toHaveLength(before);
  });

  test('whose buyer goes back unpaid stays open, and can be paid on the same page', async () => {
    const { order, page, request } = await stage.place();
    expect(await stage.choose(page, 'cancel')).toContain(`${request.returnUrl}&token=${order.channelTradeNo}`);
    expect(await stage.adapter.query(order, patience())).toMatchObject({ ok: true, value: { state: 'open' } });
    expect(await stage.choose(page, 'good')).toContain(`token=${order.channelTradeNo}`);
    expect(await stage.adapter.query(order, patience())).toMatchObject({ ok: true, value: { state: 'approved' } });
    expect(await read('CHECKOUT.ORDER.APPROVED', order.providerRef)).toMatchObject({
      ok: true,
      value: [{ kind: 'order', providerRef: order.providerRef, observation: { state: 'approved', paidAt: null } }],
    });
  });

  test('that nobody approves is gone after hours', async () => {
    const { order } = await stage.place();
    stage.advance(7 * HOUR);
    expect(await stage.adapter.query(order, patience())).toMatchObject({ ok: true, value: { state: 'absent' } });
  });

  test('of somebody else is not believed', async () => {
    const [one, two] = [await stage.place(), await stage.place()];
    const mixed = { ...one.order, channelTradeNo: two.order.channelTradeNo };
    const forged = { ok: false, error: { created: 'maybe', reason: 'forged_response' } };
    expect(await stage.adapter.query(mixed, patience())).toMatchObject(forged);
    expect(await stage.adapter.close(mixed, patience())).toMatchObject(forged);
  });
});

describe('a capture', () => {
  test.each([
    ['COMPLETED', 'succeeded', 'COMPLETED'],
    ['DECLINED', 'failed', 'DENIED'],
  ])('that waits for the bank is open, cannot be closed, and ends %s as %s', async (outcome, state, event) => {
    const { order, page } = await stage.place();
    await stage.choose(page, 'echeck');
    expect(await stage.adapter.capture?.(order, patience())).toMatchObject({ ok: true, value: { state: 'open' } });
    expect(await stage.adapter.close(order, patience())).toMatchObject({ ok: true, value: { state: 'open' } });
    expect(await read('PAYMENT.CAPTURE.PENDING', order.providerRef)).toMatchObject({
      ok: true,
      value: [{ observation: { state: 'open' } }],
    });
    await stage.wish({ settle_capture: { provider_ref: order.providerRef, outcome } });
    expect(await stage.adapter.query(order, patience())).toMatchObject({ ok: true, value: { state } });
    expect(await read(`PAYMENT.CAPTURE.${event}`, order.providerRef)).toMatchObject({
      ok: true,
      value: [{ observation: { state } }],
    });
  });

  test.each([
    ['INSTRUMENT_DECLINED', { ok: true, value: { state: 'open', error: { kind: 'DECLINED' } } }],
    ['PAYER_CANNOT_PAY', { ok: true, value: { state: 'failed', error: { kind: 'DECLINED' } } }],
    ['TRANSACTION_REFUSED', { ok: true, value: { state: 'failed', error: { kind: 'RISK_REJECTED' } } }],
    ['ORDER_ALREADY_CAPTURED', { ok: true, value: { state: 'approved' } }],
    ['PAYEE_ACCOUNT_RESTRICTED', { ok: false, error: { kind: 'AUTH_MISCONFIGURED', reason: 'frozen' } }],
    ['DUPLICATE_INVOICE_ID', { ok: false, error: { kind: 'DUPLICATE', created: 'maybe' } }],
    ['SOMETHING_NEW', { ok: false, error: { created: 'maybe', reason: 'unmapped_code' } }],
  ])('that is refused with %s says so', async (issue, expected) => {
    const { order, page } = await stage.place();
    await stage.choose(page, 'good');
    const call = `POST /v2/checkout/orders/${order.channelTradeNo}/capture`;
    await stage.wish({ refuse_with: { call, status: 422, name: 'UNPROCESSABLE_ENTITY', issue } });
    expect(await stage.adapter.capture?.(order, patience())).toMatchObject(expected);
    await stage.wish({ refuse_with: null });
  });
});

test('a refund is found by its own number, and a refused look never ends it', async () => {
  const { order, page } = await stage.place();
  await stage.choose(page, 'good');
  await stage.adapter.capture?.(order, patience());
  const refundRef = `${order.providerRef}r001`;
  const wish = { order, refundRef, amount: order.amount, channelRefundNo: null, reason: 'sorry', callbackUrl: '' };
  await stage.wish({
    refuse_with: { call: 'GET /v2/checkout', status: 422, name: 'X', issue: 'COMPLIANCE_VIOLATION' },
  });
  expect(await stage.adapter.refund(wish, patience())).toMatchObject({ ok: false, error: { created: 'maybe' } });
  await stage.wish({ refuse_with: null });
  const made = await stage.adapter.refund(wish, patience());
  expect(made).toMatchObject({ ok: true, value: { state: 'succeeded' } });
  const channelRefundNo = made.ok ? made.value.channelRefundNo : null;
  const before = stage.exchanges.length;
  expect(await stage.adapter.queryRefund({ ...wish, channelRefundNo }, patience())).toEqual(made);
  expect(stage.exchanges.slice(before).map(({ url }) => url)).toEqual([
    expect.stringMatching(new RegExp(`/v2/payments/refunds/${channelRefundNo}$`)),
  ]);
});

describe('the access token', () => {
  const tokens = () => stage.exchanges.filter(({ url }) => url.endsWith('/oauth2/token')).length;

  test('is one for many calls at the same time, until a minute before its end', async () => {
    stage.advance(10 * HOUR);
    const before = tokens();
    await Promise.all(Array.from({ length: 10 }, () => stage.adapter.probe(patience())));
    stage.advance(8 * HOUR);
    expect(await stage.adapter.probe(patience())).toMatchObject({ ok: true });
    expect(tokens()).toBe(before + 1);
    stage.advance(HOUR);
    expect(await stage.adapter.probe(patience())).toMatchObject({ ok: true });
    expect(tokens()).toBe(before + 2);
  });

  test('that PayPal does not take any more is renewed, and the call sent once more', async () => {
    await stage.wish({ revoke_tokens: true });
    const before = tokens();
    expect(await stage.adapter.probe(patience())).toMatchObject({ ok: true });
    expect(tokens()).toBe(before + 1);
  });
});

describe('the simulator', () => {
  const post = async (path: string, body: unknown, requestId?: string) =>
    stage.api('POST', path, body, {
      authorization: await stage.token(),
      ...(requestId === undefined ? {} : { 'paypal-request-id': requestId }),
    });

  test('knows only its own app, and no call without a token', async () => {
    const basic = `Basic ${Buffer.from('a:b').toString('base64')}`;
    const form = { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' };
    expect(await stage.api('POST', '/v1/oauth2/token', 'grant_type=client_credentials', form)).toMatchObject({
      status: 401,
      json: { error: 'invalid_client' },
    });
    expect(await stage.api('GET', '/v2/checkout/orders/X')).toMatchObject({
      status: 401,
      json: { error: 'invalid_token' },
    });
  });

  test('wants a request id, a whole order, and an amount as PayPal prints them', async () => {
    const sent = stage.exchanges.findLast(({ url }) => url.endsWith('/v2/checkout/orders'));
    const good = JSON.parse(sent?.requestBody ?? '');
    const issueOf = async (body: unknown, id?: string) =>
      (await post('/v2/checkout/orders', body, id)).json.details?.[0]?.issue;
    expect(await issueOf(good)).toBe('PAYPAL_REQUEST_ID_REQUIRED');
    expect(await issueOf({ ...good, intent: 'AUTHORIZE' }, 'a')).toBe('INVALID_PARAMETER_SYNTAX');
    const [unit] = good.purchase_units;
    const withAmount = (amount: unknown) => ({ ...good, purchase_units: [{ ...unit, amount }] });
    expect(await issueOf(withAmount({ currency_code: 'JPY', value: '10.50' }), 'b')).toBe('DECIMAL_PRECISION');
    expect(await issueOf(withAmount({ currency_code: 'KWD', value: '1' }), 'c')).toBe('CURRENCY_NOT_SUPPORTED');
  });

  test('captures an approved order once, and repeats what became of it under the same request id', async () => {
    const { order, page } = await stage.place();
    const path = `/v2/checkout/orders/${order.channelTradeNo}/capture`;
    expect(await post(path, {}, 'one')).toMatchObject({
      status: 422,
      json: { details: [{ issue: 'PAYER_ACTION_REQUIRED' }] },
    });
    await stage.choose(page, 'good');
    const first = await post(path, {}, 'one');
    expect(first).toMatchObject({ status: 201, json: { status: 'COMPLETED' } });
    expect((await post(path, {}, 'one')).json).toEqual(first.json);
    expect(await post(path, {}, 'two')).toMatchObject({
      status: 422,
      json: { details: [{ issue: 'ORDER_ALREADY_CAPTURED' }] },
    });
  });
});
