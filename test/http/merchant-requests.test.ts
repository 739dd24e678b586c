import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aMerchant, type Edge, KEY, problemOf, rawRequest, sendRaw, serveEdge } from './serve.ts';
import { anAskingPayment } from './stub-gateway.ts';

let edge: Edge;
beforeEach(async () => {
  edge = await serveEdge();
});
afterEach(() => edge.close());

const AN_ORDER = { merchant_order_no: 'B2000', amount: 1_000, currency: 'CNY', subject: 'Credits' };
const NOBODY = 'pay_01hxxxxxxxxxxxxxxxxxxxxxxx';

describe('who may ask', () => {
  test.each([
    ['nothing', {}],
    ['another scheme', { authorization: 'Basic c2tfdGVzdF9vbmU6' }],
    ['an unknown key', { authorization: 'Bearer sk_test_two' }],
    ['no key', { authorization: 'Bearer ' }],
    ['two keys in one', { authorization: `Bearer ${KEY}, Bearer ${KEY}` }],
    ['a huge key', { authorization: `Bearer ${'x'.repeat(5_000)}` }],
  ])('%s is refused with 401', async (_what, headers) => {
    const answer = await fetch(`${edge.url}/v1/payments/${NOBODY}`, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    expect((await problemOf(answer)).code).toBe('unauthorized');
  });

  test('a repeated Authorization is refused, even when both are right', async () => {
    const auth = `Authorization: Bearer ${KEY}`;
    expect(await sendRaw(edge.url, rawRequest('GET', '/v1/payments', [auth, auth]))).toMatch(/^HTTP\/1\.1 401 /);
  });

  test('the key is looked at before the body', async () => {
    const answer = await edge.call('POST', '/v1/payments', '{', { authorization: 'Bearer wrong' });
    expect(answer.status).toBe(401);
    await answer.text();
  });

  test("another merchant's payment is not found", async () => {
    const theirs = anAskingPayment({}, 'm_two');
    edge.gateway.payments.set(theirs.id, theirs);
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/close'],
      ['POST', '/sync'],
      ['GET', '/routing'],
    ] as const) {
      const answer = await edge.call(method, `/v1/payments/${theirs.id}${path}`);
      expect({ path, code: (await problemOf(answer)).code }).toEqual({ path, code: 'not_found' });
    }
  });
});

describe('how often', () => {
  test('above the rate of a merchant: 429 with Retry-After', async () => {
    const own = await serveEdge({
      merchants: { [KEY]: aMerchant({ limits: { maxAmountMinor: null, perMinute: 2 } }) },
      hit: async (key, limit) => ({ allowed: key !== 'api/m_one' || limit !== 2, retryAfterMs: 1_500 }),
    });
    const answer = await own.call('GET', '/v1/payments');
    expect(answer.headers.get('retry-after')).toBe('2');
    expect((await problemOf(answer)).code).toBe('rate_limited');
    await own.close();
  });

  test('a counter out of reach stops nobody', async () => {
    const own = await serveEdge({
      merchants: { [KEY]: aMerchant({ limits: { maxAmountMinor: null, perMinute: 1 } }) },
      hit: () => Promise.reject(new Error('redis is away')),
    });
    expect((await own.call('GET', '/v1/payments')).status).toBe(200);
    await own.close();
  });
});

describe('the body', () => {
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    fetch(`${edge.url}/v1/payments`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
      body,
    });

  test.each([
    ['nothing', ''],
    ['half a document', '{"amount":1'],
    ['two documents', '{}{}'],
    ['a trailing comma', '{"a":1,}'],
    ['a number that JSON does not know', '{"amount":NaN}'],
    ['a repeated key', '{"amount":1,"amount":2}'],
    ['a repeated key, written differently', '{"amount":1,"am\\u006funt":2}'],
    ['a repeated key further down', '{"customer":{"id":"a","ip":"1.1.1.1","id" : "b"}}'],
    ['deep nesting without an end', '['.repeat(60_000)],
  ])('%s is not JSON to us', async (_what, body) => {
    expect((await problemOf(await post(body))).code).toBe('invalid_json');
  });

  test('the same key in two objects, or a key as a value, is no repetition', async () => {
    const body = { ...AN_ORDER, subject: 'amount', metadata: { amount: 'amount', a: '{"b":1,"b":2}' } };
    expect((await post(JSON.stringify(body))).status).toBe(201);
  });

  test('bytes that are no UTF-8 are refused', async () => {
    expect((await problemOf(await post(Uint8Array.from([0x7b, 0xff, 0x7d])))).code).toBe('invalid_json');
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=gbk', 'application/jsonx'])(
    'Content-Type %s is refused',
    async (type) => {
      const answer = await post(JSON.stringify(AN_ORDER), { 'content-type': type });
      expect({ status: answer.status, code: (await problemOf(answer)).code }).toEqual({
        status: 400,
        code: 'invalid_json',
      });
    },
  );

  test('a repeated Content-Type is refused', async () => {
    const headers = [
      `Authorization: Bearer ${KEY}`,
      'Content-Type: application/json',
      'Content-Type: application/json',
    ];
    const answer = await sendRaw(edge.url, rawRequest('POST', '/v1/payments', headers, JSON.stringify(AN_ORDER)));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('more than once');
  });

  test('a compressed body is refused', async () => {
    expect((await problemOf(await post('{}', { 'content-encoding': 'gzip' }))).code).toBe('invalid_json');
  });

  test.each([65_537, 1_000_000])('a body of %i bytes is refused, also without a declared length', async (size) => {
    expect((await problemOf(await post('x'.repeat(size)))).code).toBe('body_too_large');
    const stream = new Blob(['x'.repeat(size)]).stream();
    const answer = await fetch(`${edge.url}/v1/payments`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: stream,
      duplex: 'half',
    } as RequestInit);
    expect((await problemOf(answer)).code).toBe('body_too_large');
  });

  test('a body of exactly 64 KiB is read', async () => {
    const text = JSON.stringify(AN_ORDER);
    expect((await post(text + ' '.repeat(65_536 - text.length))).status).toBe(201);
  });
});

describe('Idempotency-Key', () => {
  test('reaches the gateway', async () => {
    const answer = await edge.call('POST', '/v1/payments', AN_ORDER, { 'idempotency-key': 'k-1' });
    expect({ status: answer.status, key: edge.gateway.orders[0]?.key }).toEqual({ status: 201, key: 'k-1' });
  });

  test.each(['', 'x'.repeat(256), 'a b', 'ключ'])('%j is refused', async (key) => {
    const head = [`Authorization: Bearer ${KEY}`, 'Content-Type: application/json', `Idempotency-Key: ${key}`];
    const answer = await sendRaw(edge.url, rawRequest('POST', '/v1/payments', head, JSON.stringify(AN_ORDER)));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"path":"Idempotency-Key"');
  });

  test('sent twice is refused', async () => {
    const head = [
      `Authorization: Bearer ${KEY}`,
      'Content-Type: application/json',
      'Idempotency-Key: a',
      'idempotency-key: a',
    ];
    const answer = await sendRaw(edge.url, rawRequest('POST', '/v1/payments', head, JSON.stringify(AN_ORDER)));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(edge.gateway.orders).toEqual([]);
  });
});
