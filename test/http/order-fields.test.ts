import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Edge, jsonOf, type ProblemDocument, serveEdge } from './serve.ts';

let edge: Edge;
beforeAll(async () => {
  edge = await serveEdge();
});
afterAll(() => edge.close());

const anOrderBody = (set: Record<string, unknown> = {}): Record<string, unknown> => ({
  merchant_order_no: 'A-1_b',
  amount: 1_000,
  currency: 'CNY',
  subject: '会员 一个月',
  ...set,
});

const FULL = anOrderBody({
  methods: ['alipay', 'wechatpay'],
  scene: 'qr',
  customer: { id: 'u1', ip: '2001:db8::1', email: 'a.b+c@mail.example.com', device_id: 'd', country: 'CN' },
  notify_url: 'https://shop.example/notify?x=1',
  return_url: 'https://shop.example/',
  expires_in: 60,
  metadata: { a: '1', constructor: 'x', note: 'two\nlines' },
  channel: 'alipay-main',
});

async function faultsOf(body: unknown): Promise<ProblemDocument['errors']> {
  const answer = await edge.call('POST', '/v1/payments', body);
  const problem = await jsonOf<ProblemDocument>(answer);
  expect({ status: answer.status, code: problem.code }).toEqual({ status: 400, code: 'validation_failed' });
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  return problem.errors;
}

/** Wrong for a text that is more than any text. */
const NOT_TEXT = [null, 1, true, [], {}, ['a'], ''];
const BAD_URLS = [
  ...[null, 1, '', 'shop.example', '/notify', 'ftp://shop.example/', 'javascript:alert(1)', 'https:shop.example'],
  ...[
    'http://shop.example/',
    'https://user:pass@shop.example/',
    'https://user@shop.example/',
    'https://',
    'https:///x',
  ],
  ...['https://shop.example/a b', ' https://shop.example/', 'https://shop.example/\n', 'https:\\\\shop.example'],
  ...[`https://shop.example/${'x'.repeat(500)}`, 'https://shop.example:99999/', 'data:text/html,x'],
];

/** path -> values that are wrong there. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  merchant_order_no: [...NOT_TEXT, 'a b', 'a/b', 'x'.repeat(65), 'ü', 'a\n', '../..', "a'--"],
  amount: [null, '1000', 0, -1, 1.5, 1e13 + 1, 1e300, 2 ** 53, true, [], {}, [1000], ''],
  currency: [...NOT_TEXT, 'cny', 'XXX1', 'RMB', 'CNYX', 'ZZZ', '__proto__', 'toString'],
  subject: [
    ...NOT_TEXT,
    ' ',
    'x'.repeat(129),
    '😀'.repeat(129),
    'a\u0000b',
    'a\nb',
    'a\u001b[0m',
    'a\u2028b',
    '\ud800',
    '\u202e\u2069',
    '\u200b\u2060 \u00ad',
  ],
  scene: [...NOT_TEXT, 'QR', 'app', 'constructor'],
  methods: [null, 1, 'alipay', {}, [], Array.from({ length: 11 }, (_, i) => `m${i}`)],
  'methods[0]': [[null], [1], [''], ['Alipay'], ['a b'], [[]], ['x'.repeat(33)]].map((value) => value[0]),
  customer: [null, 1, 'x', true, []],
  'customer.id': [...NOT_TEXT, 'x'.repeat(129), 'a\u0007'],
  'customer.ip': [...NOT_TEXT, '1.2.3', '256.1.1.1', '1.2.3.4/8', 'fe80::1%eth0', 'localhost', '01.2.3.4', ':::'],
  'customer.email': [
    ...NOT_TEXT,
    'a',
    'a@',
    '@b.c',
    'a@b',
    'a b@c.de',
    'a@b@c.de',
    `${'x'.repeat(250)}@a.de`,
    'a@b..c',
  ],
  'customer.device_id': [...NOT_TEXT, 'x'.repeat(129)],
  'customer.country': [...NOT_TEXT, 'cn', 'CHN', 'C', 'ZZ', 'QQ', '86'],
  notify_url: BAD_URLS,
  return_url: BAD_URLS,
  expires_in: [null, '900', 59, 86_401, 60.5, -1, 0, 1e9, true, [], {}],
  metadata: [null, 1, 'x', [], Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, 'v']))],
  'metadata.a': [null, 1, true, [], {}, 'x'.repeat(501), 'a\u0000', '\udc00'],
  channel: [...NOT_TEXT, 'a b', '../x', 'x'.repeat(65), '-x'],
};

function withValueAt(path: string, value: unknown): Record<string, unknown> {
  const [outer = '', inner] = path.split(/[.[\]]/);
  if (inner === undefined) return { ...FULL, [outer]: value };
  if (outer === 'methods') return { ...FULL, methods: [value] };
  return { ...FULL, [outer]: { ...(FULL[outer] as object), [inner]: value } };
}

describe('a field that is wrong is refused with its path', () => {
  for (const [path, values] of Object.entries(WRONG)) {
    test(path, async () => {
      for (const value of values) {
        const faults = await faultsOf(withValueAt(path, value));
        expect({ value, paths: [...new Set(faults.map((fault) => fault.path))] }).toEqual({ value, paths: [path] });
      }
      expect(edge.gateway.orders).toEqual([]);
    });
  }

  for (const path of ['merchant_order_no', 'amount', 'currency', 'subject']) {
    test(`${path} is required`, async () => {
      const { [path]: _left, ...rest } = FULL;
      expect((await faultsOf(rest)).map((fault) => fault.path)).toEqual([path]);
    });
  }

  test('all faults are named at once', async () => {
    const faults = await faultsOf({ ...FULL, amount: 0, currency: 'x', customer: { ip: 'x' } });
    expect(faults.map((fault) => fault.path).sort()).toEqual(['amount', 'currency', 'customer.ip']);
  });

  test('a method that is named twice', async () => {
    const faults = await faultsOf({ ...FULL, methods: ['alipay', 'card', 'alipay'] });
    expect(faults).toEqual([{ path: 'methods[2]', message: 'is named twice' }]);
  });
});

describe('a field that nobody knows is refused', () => {
  test('with a hint when it is nearly right', async () => {
    const faults = await faultsOf({ ...FULL, notifyUrl: 'https://shop.example/', customer: { emial: 'x' } });
    expect(faults).toContainEqual({ path: 'notifyUrl', message: 'is not a known field; did you mean notify_url?' });
    expect(faults).toContainEqual({ path: 'customer.emial', message: 'is not a known field; did you mean email?' });
  });

  test('without a hint when it is not', async () => {
    expect(await faultsOf({ ...FULL, zzzzzzzz: 1 })).toEqual([{ path: 'zzzzzzzz', message: 'is not a known field' }]);
  });

  test.each(['__proto__', 'constructor', 'prototype', 'toString'])('%s is a field like any other', async (key) => {
    const text = JSON.stringify(FULL).replace('{', `{${JSON.stringify(key)}:{"amount":1},`);
    expect((await faultsOf(text)).map((fault) => fault.path)).toEqual([key]);
  });

  test('a prototype cannot be smuggled in through metadata or customer', async () => {
    const metadata = JSON.stringify(FULL).replace('"metadata":{', '"metadata":{"__proto__":"x",');
    expect((await faultsOf(metadata)).map((fault) => fault.path)).toEqual(['metadata.__proto__']);
    const customer = JSON.stringify(FULL).replace('"customer":{', '"customer":{"__proto__":{"id":"x"},');
    expect((await faultsOf(customer)).map((fault) => fault.path)).toEqual(['customer.__proto__']);
  });

  test('a thousand of them give a short answer', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`field_${i}`, 1]));
    expect(await faultsOf({ ...FULL, ...many })).toHaveLength(20);
  });
});

test('a body that is no object is refused as a whole', async () => {
  for (const body of ['null', '1', '"x"', '[]', 'true', '[{}]']) {
    expect(await faultsOf(body)).toEqual([{ path: '(body)', message: 'must be a JSON object' }]);
  }
});

test('whatever JSON arrives, the answer is never a fault of ours', async () => {
  const anyField = fc.constantFrom(...Object.keys(FULL), 'x');
  const mutated = fc
    .tuple(anyField, fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.double()))
    .map(([field, value]) => ({ ...FULL, [field]: value }));
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue(), mutated), async (body) => {
      const answer = await edge.call('POST', '/v1/payments', JSON.stringify(body));
      await answer.text();
      expect([200, 201, 400, 409]).toContain(answer.status);
    }),
    { numRuns: 400, seed: 7 },
  );
});

test('whatever bytes arrive, the answer is never a fault of ours', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const answer = await fetch(`${edge.url}/v1/payments`, {
        method: 'POST',
        headers: { authorization: 'Bearer sk_test_one', 'content-type': 'application/json' },
        body: Uint8Array.from(bytes),
      });
      expect((await jsonOf<ProblemDocument>(answer)).code).toMatch(/invalid_json|validation_failed/);
    }),
    { numRuns: 100, seed: 7 },
  );
});

describe('a good order', () => {
  test('reaches the gateway with its defaults', async () => {
    const own = await serveEdge();
    const answer = await own.call('POST', '/v1/payments', anOrderBody());
    expect(answer.status).toBe(201);
    expect(own.gateway.orders[0]?.order).toEqual({
      merchantOrderNo: 'A-1_b',
      amount: { minor: 1_000, currency: 'CNY' },
      methods: [],
      scene: 'redirect',
      subject: '会员 一个月',
      customer: {},
      notifyUrl: null,
      returnUrl: null,
      expiresInMs: 900_000,
      metadata: {},
      pinnedChannelId: null,
      requestHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    await own.close();
  });

  test('may use every field up to its limit', async () => {
    const own = await serveEdge({ settings: { allowHttpUrls: true } });
    const metadata = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, '字'.repeat(500)]));
    const body = { ...FULL, amount: 1e13, currency: 'USDT', subject: '😀'.repeat(128), expires_in: 86_400, metadata };
    const answer = await own.call('POST', '/v1/payments', { ...body, notify_url: 'http://127.0.0.1:9/x' });
    expect(answer.status).toBe(201);
    expect(own.gateway.orders[0]?.order).toMatchObject({ metadata, customer: { deviceId: 'd', country: 'CN' } });
    await own.close();
  });

  test('has the same hash however it is written, and another one when it differs', async () => {
    const own = await serveEdge();
    const hashOf = async (body: unknown) => {
      await (await own.call('POST', '/v1/payments', body)).text();
      return own.gateway.orders.at(-1)?.order.requestHash;
    };
    const plain = await hashOf(anOrderBody({ metadata: { a: '1', b: '2' } }));
    const written = anOrderBody({ expires_in: 900, scene: 'redirect', metadata: { b: '2', a: '1' } });
    const turned = Object.fromEntries(Object.entries(written).reverse());
    expect(await hashOf(JSON.stringify(turned, null, 2))).toBe(plain);
    const others = [
      { amount: 1_001 },
      { currency: 'USD' },
      { subject: 'x' },
      { metadata: { a: 'b' } },
      { customer: { id: 'x' } },
    ];
    const hashes = await Promise.all(others.map((set) => hashOf(anOrderBody(set))));
    expect(new Set([plain, ...hashes]).size).toBe(others.length + 1);
    await own.close();
  });
});
