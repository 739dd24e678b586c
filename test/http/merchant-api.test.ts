import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PaymentView } from '../../src/gateway/index.ts';
import { type Edge, jsonOf, problemOf, rawRequest, sendRaw, serveEdge } from './serve.ts';
import { aPendingPayment, observed, withFact } from './stub-gateway.ts';

let edge: Edge;
beforeEach(async () => {
  edge = await serveEdge();
});
afterEach(() => edge.close());

const AN_ORDER = { merchant_order_no: 'B2000', amount: 1_000, currency: 'CNY', subject: 'Credits' };
interface EventPage {
  readonly data: readonly { readonly id: string }[];
  readonly next_cursor: string | null;
}

const NOBODY = 'pay_01hxxxxxxxxxxxxxxxxxxxxxxx';

describe('the endpoints', () => {
  test('a create answers 201, its repeat 200, another order under the same number 409', async () => {
    const first = await edge.call('POST', '/v1/payments', AN_ORDER);
    const payment = await jsonOf<PaymentView>(first);
    expect(payment).toMatchObject({
      object: 'payment',
      amount: 1_000,
      checkout_url: `https://gw.example/pay/${payment.id}`,
    });
    const second = await edge.call('POST', '/v1/payments', AN_ORDER);
    expect({ first: first.status, second: second.status }).toEqual({ first: 201, second: 200 });
    expect((await jsonOf<PaymentView>(second)).id).toBe(payment.id);
    const other = await edge.call('POST', '/v1/payments', { ...AN_ORDER, amount: 2 });
    expect((await problemOf(other)).code).toBe('idempotency_conflict');
  });

  test('a payment can be looked at, listed, closed, synced and delivered', async () => {
    const payment = aPendingPayment();
    edge.gateway.payments.set(payment.id, payment);
    const path = `/v1/payments/${payment.id}`;
    expect((await jsonOf<PaymentView>(await edge.call('GET', path))).id).toBe(payment.id);
    const list = await edge.call('GET', '/v1/payments?limit=5&status=pending&created_after=2026-01-01T00:00:00Z');
    expect(await list.json()).toMatchObject({ data: [{ id: payment.id }], next_cursor: null });
    expect((await edge.call('POST', `${path}/close`)).status).toBe(200);
    expect((await edge.call('POST', `${path}/sync`)).status).toBe(200);
    const delivered = await edge.call('POST', `${path}/fulfilment`, { status: 'delivered' });
    expect(await delivered.json()).toMatchObject({ fulfilment: 'delivered' });
    expect((await problemOf(await edge.call('POST', `${path}/fulfilment`, { status: 'lost' }))).errors[0]?.path).toBe(
      'status',
    );
  });

  test('a refusal of the gateway keeps its code', async () => {
    const payment = withFact(aPendingPayment(), observed(aPendingPayment(), 'succeeded'));
    edge.gateway.payments.set(payment.id, payment);
    const answer = await edge.call('POST', `/v1/payments/${payment.id}/close`);
    expect({ status: answer.status, code: (await problemOf(answer)).code }).toEqual({
      status: 409,
      code: 'invalid_state',
    });
  });

  test('the routing names every decision with its candidates', async () => {
    const payment = aPendingPayment();
    edge.gateway.payments.set(payment.id, payment);
    const answer = await edge.call('GET', `/v1/payments/${payment.id}/routing`);
    const candidates = [{ channel: 'alipay-main', fee: 741, excluded: null }];
    expect(await answer.json()).toMatchObject({
      data: [
        {
          ...{ attempt: 1, channel: 'alipay-main', reason: 'best_score', draw: null, candidates },
          decided_at: '2026-03-01T12:00:00.000Z',
        },
      ],
    });
  });

  test('a quote needs only what routing looks at', async () => {
    const answer = await edge.call('POST', '/v1/routing/quote', { amount: 1, currency: 'CNY', methods: ['alipay'] });
    expect(await answer.json()).toEqual({ channel: null, candidates: [] });
    const { merchant_order_no: _no, ...body } = AN_ORDER;
    expect((await edge.call('POST', '/v1/routing/quote', body)).status).toBe(200);
    const wrong = await problemOf(
      await edge.call('POST', '/v1/routing/quote', { amount: 1, currency: 'CNY', scene: 'x' }),
    );
    expect(wrong.errors[0]?.path).toBe('scene');
  });

  test('events are listed as they are sent, with their delivery, and can be sent again', async () => {
    const pending = aPendingPayment();
    const paid = withFact(pending, observed(pending, 'succeeded'));
    const events = paid.events.map((event) => ({ ...event, body: JSON.stringify({ data: { id: paid.id } }) }));
    edge.gateway.payments.set(paid.id, { ...paid, events });
    const page = await jsonOf<EventPage>(await edge.call('GET', '/v1/events?limit=1'));
    expect(page.data).toMatchObject([
      {
        object: 'event',
        type: 'payment.succeeded',
        payment_id: paid.id,
        delivery: { state: 'none' },
        data: { id: paid.id },
      },
    ]);
    const id = page.data[0]?.id;
    expect(page.next_cursor).toBe(id);
    expect((await edge.call('POST', `/v1/events/${id}/redeliver`)).status).toBe(200);
    expect((await problemOf(await edge.call('POST', '/v1/events/evt_x/redeliver'))).code).toBe('not_found');
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1e1', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['status=paid', 'status'],
    ['created_after=yesterday', 'created_after'],
    ['created_before=2026-13-01T00:00:00Z', 'created_before'],
    ['merchant_order_no=%00', 'merchant_order_no'],
    ['cursor=%20', 'cursor'],
    ['order=A1', 'order'],
  ])('a list with %s is refused at %s', async (query, path) => {
    const problem = await problemOf(await edge.call('GET', `/v1/payments?${query}`));
    expect(problem).toMatchObject({ code: 'validation_failed', errors: [{ path }] });
  });

  test('a refund answers 201, its repeat 200, and can be looked at', async () => {
    const payment = withFact(aPendingPayment(), observed(aPendingPayment(), 'succeeded'));
    edge.gateway.payments.set(payment.id, payment);
    const path = `/v1/payments/${payment.id}/refunds`;
    const wanted = { merchant_refund_no: 'R1', amount: 100, reason: 'the key did not work' };
    const first = await edge.call('POST', path, wanted);
    const refund = await jsonOf<{ id: string }>(first);
    expect(refund).toMatchObject({
      object: 'refund',
      payment_id: payment.id,
      merchant_refund_no: 'R1',
      amount: 100,
      status: 'pending',
      cause: 'merchant',
      reason: 'the key did not work',
    });
    expect({ first: first.status, second: (await edge.call('POST', path, wanted)).status }).toEqual({
      first: 201,
      second: 200,
    });
    expect(await jsonOf<{ id: string }>(await edge.call('GET', `${path}/${refund.id}`))).toMatchObject(refund);
    expect((await edge.call('GET', `${path}/rf_none`)).status).toBe(404);
    expect(await jsonOf<PaymentView>(await edge.call('GET', `/v1/payments/${payment.id}`))).toMatchObject({
      amount_refunded: 0,
      refunds: [{ id: refund.id, status: 'pending' }],
    });
  });

  test.each<[Record<string, unknown>, string]>([
    [{}, 'merchant_refund_no'],
    [{ merchant_refund_no: 'R 1' }, 'merchant_refund_no'],
    [{ merchant_refund_no: 'R'.repeat(65) }, 'merchant_refund_no'],
    [{ merchant_refund_no: 'R1', amount: 0 }, 'amount'],
    [{ merchant_refund_no: 'R1', amount: 1.5 }, 'amount'],
    [{ merchant_refund_no: 'R1', amount: '100' }, 'amount'],
    [{ merchant_refund_no: 'R1', reason: '' }, 'reason'],
    [{ merchant_refund_no: 'R1', reason: 'x'.repeat(81) }, 'reason'],
    [{ merchant_refund_no: 'R1', ammount: 5 }, 'ammount'],
  ])('a refund of %j is refused and names %s', async (body, path) => {
    const answer = await edge.call('POST', `/v1/payments/${NOBODY}/refunds`, body);
    const problem = await problemOf(answer);
    expect(problem.code).toBe('validation_failed');
    expect(problem.errors.map((error) => error.path)).toContain(path);
  });

  test('a refund of nobody is not found', async () => {
    const answer = await edge.call('POST', `/v1/payments/${NOBODY}/refunds`, { merchant_refund_no: 'R1' });
    expect((await problemOf(answer)).code).toBe('not_found');
  });
});

describe('whatever else is asked', () => {
  test.each([
    ['GET', '/v1/nothing', 404],
    ['GET', '/', 404],
    ['GET', '/v1/payments/%E0%A4%A', 404],
    ['GET', '/v1/payments/..%2f..%2fetc', 404],
    ['GET', `/v1/payments/${'x'.repeat(4_000)}`, 404],
    ['DELETE', '/v1/payments', 405],
    ['PUT', `/v1/payments/${NOBODY}`, 405],
    ['GET', '/v1/routing/quote', 405],
    ['PROPFIND', '/v1/payments', 405],
  ])('%s %s is answered %i as problem+json', async (method, path, status) => {
    const answer = await edge.call(method, path);
    expect(answer.status).toBe(status);
    await problemOf(answer);
    if (status === 405) expect(answer.headers.get('allow')).toContain('OPTIONS');
  });

  test('OPTIONS tells the methods and grants no other origin anything', async () => {
    const answer = await edge.call('OPTIONS', '/v1/payments', undefined, { origin: 'https://evil.example' });
    expect({ status: answer.status, allow: answer.headers.get('allow') }).toEqual({
      status: 204,
      allow: 'GET, HEAD, OPTIONS, POST',
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('HEAD answers like GET without a body', async () => {
    const answer = await edge.call('HEAD', '/v1/payments');
    expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 200, body: '' });
  });

  test.each(['http://[', 'http://a:b:c/', '*', 'http://elsewhere.example/v1/payments'])(
    'the target %s is harmless',
    async (target) => {
      expect(await sendRaw(edge.url, rawRequest('OPTIONS', target, []))).toMatch(/^HTTP\/1\.1 4\d\d /);
    },
  );

  test('a fault of ours tells nothing to the outside and everything to the log', async () => {
    edge.gateway.broken = new Error('secret detail of the store');
    const answer = await edge.call('POST', '/v1/payments', AN_ORDER);
    const problem = await problemOf(answer);
    expect(problem.code).toBe('internal');
    expect(JSON.stringify(problem)).not.toContain('secret detail');
    expect(edge.lines).toContainEqual(expect.objectContaining({ level: 'error', message: 'request crashed' }));
  });

  test('a request keeps a sensible id of the caller and gets ours otherwise', async () => {
    const sent = await edge.call('GET', '/v1/payments', undefined, { 'x-request-id': 'trace-12345678' });
    expect(sent.headers.get('x-request-id')).toBe('trace-12345678');
    for (const id of ['x', 'a b c d e f g h', 'x'.repeat(65), '<script>alert(1)']) {
      const answer = await edge.call('GET', '/v1/payments', undefined, { 'x-request-id': id });
      expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/);
    }
  });

  test('every answer carries the headers that keep browsers careful', async () => {
    const { headers } = await edge.call('GET', '/v1/payments');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('strict-transport-security')).toContain('max-age');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  test('the log has one line per request, without query, key, body or token', async () => {
    const payment = aPendingPayment();
    edge.gateway.payments.set(payment.id, payment);
    await (await edge.call('GET', `/v1/payments/${payment.id}?secret=1`)).text();
    await (await edge.call('POST', '/v1/payments', { ...AN_ORDER, customer: { email: 'a@b.example' } })).text();
    await (await edge.call('POST', '/callbacks/alipay-main/tok3n?sign=s', 'x')).text();
    expect(edge.lines.map((line) => line.fields)).toMatchObject([
      { method: 'GET', route: '/v1/payments/:id', status: 200, merchantId: 'm_one', durationMs: 0 },
      { method: 'POST', route: '/v1/payments', status: 201 },
      { method: 'POST', route: '/callbacks/:channel/:token', status: 200 },
    ]);
    expect(JSON.stringify(edge.lines)).not.toMatch(/secret|sk_test|a@b|tok3n|sign=/);
  });
});
