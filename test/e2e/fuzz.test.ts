import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliver } from './forger.ts';
import { type Gateway, openTheatre, type Theatre } from './program.ts';
import { call } from './stage.ts';

/** The same inputs at every run; fast-check prints the path to a failure. */
const SEED = 20_260_131;
const SLOW_MS = 60_000;

let theatre: Theatre;
let gateway: Gateway;
/** Every payment that an answer has told us of. */
const told = new Set<string>();

beforeAll(async () => {
  theatre = await openTheatre();
  gateway = await theatre.start();
}, SLOW_MS);
afterAll(() => theatre.close());

interface Sent {
  readonly method?: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
}

const KEY = { authorization: 'Bearer sk_sandbox_demo' };
const JSON_TYPE = { 'content-type': 'application/json' };

/** Sends it as it is and checks what holds for every answer of the gateway. */
async function probe({ method = 'GET', target, headers = {}, body = '' }: Sent) {
  const answer = await deliver(`${gateway.url}${target}`, { method, headers, body });
  const shown = `${method} ${target} -> ${answer.status} ${answer.body.slice(0, 300)}`;
  const json = answer.contentType.includes('json') && answer.body !== '' ? JSON.parse(answer.body) : null;
  if (answer.status >= 500) expect({ shown, code: json?.code }).toMatchObject({ code: 'no_channel_available' });
  expect(answer.body, shown).not.toMatch(/node:internal|\.ts:\d+|at async |SQLITE|zod/i);
  if (/^\/v1(\/|\?|$)/.test(target) && answer.status >= 400 && method !== 'HEAD') {
    expect(answer.contentType, shown).toContain('application/problem+json');
    expect(json, shown).toMatchObject({ status: answer.status, code: expect.stringMatching(/^[a-z_]+$/) });
    expect(json.request_id.length, shown).toBeGreaterThan(0);
  }
  if (json?.object === 'payment') told.add(json.id);
  return { ...answer, json, shown };
}

/** Nothing exists that no answer has told of: what was refused has made nothing. */
async function expectNothingUntold(): Promise<void> {
  let cursor: string | null = null;
  const stored: string[] = [];
  do {
    const { body } = await gateway.api('GET', `/v1/payments?limit=100${cursor === null ? '' : `&cursor=${cursor}`}`);
    stored.push(...body.data.map((p: { id: string }) => p.id));
    cursor = body.next_cursor;
  } while (cursor !== null);
  expect(new Set(stored)).toEqual(told);
}

async function newest(): Promise<string | undefined> {
  return (await gateway.api('GET', '/v1/payments?limit=1')).body.data[0]?.id;
}

const property = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number, check: (value: T) => Promise<void>) =>
  fc.assert(fc.asyncProperty(arbitrary, check), { seed: SEED, numRuns });

let orders = 0;
const anOrder = () => {
  orders += 1;
  return {
    ...{ merchant_order_no: `F${orders}`, amount: 1000, currency: 'CNY', methods: ['alipay'], scene: 'qr' },
    ...{ subject: 'Game key', customer: { email: 'a@b.example', ip: '203.0.113.7' }, metadata: { k: 'v' } },
    ...{ expires_in: 900, notify_url: 'http://127.0.0.1:9/', return_url: 'http://127.0.0.1:9/' },
  };
};
const FIELDS = [...Object.keys(anOrder()), 'channel', '__proto__', 'constructor', 'toString', ''];

const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 600 }));
const anyValue = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  anyText,
  fc.constantFrom<unknown>(
    -1,
    0,
    1.5,
    1e308,
    2 ** 53,
    10 ** 13,
    10 ** 13 + 1,
    '',
    [],
    {},
    null,
    true,
    ' ',
    '\u0000',
    '\ud800',
  ),
  fc.constantFrom<unknown>(
    'USD',
    'JPY',
    'USDT',
    'cny',
    'XXX',
    ['card'],
    ['usdt', 'alipay'],
    'inapp',
    'wap',
    'stripe-main',
  ),
);
/** An order in which a few fields are anything at all, or missing. */
const nearlyAnOrder = fc
  .array(fc.tuple(fc.constantFrom(...FIELDS), fc.option(anyValue, { nil: undefined })), { maxLength: 3 })
  .map((changes) => changes.map(([name, value]) => ({ name, value })));
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.json({ maxDepth: 4 }).map((text) => new TextEncoder().encode(text)),
  fc
    .constantFrom('[', '{"a":', '{"amount":1,"amount":2}', '\u{feff}{}', '[['.repeat(20_000), '1e999', '{"a":1}{')
    .map((text) => new TextEncoder().encode(text)),
);
/** What may stand in a header at all. */
const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((c) => c !== 0x7f)
    .map((c) => String.fromCharCode(c)),
  maxLength: 300,
});
/** What may stand in a request's target at all. */
const targetText = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)),
  maxLength: 80,
});
const anySegment = fc.oneof(
  targetText.map((text) => text.replaceAll(/[/?#]/g, '')),
  anyText.filter((text) => text.isWellFormed()).map(encodeURIComponent),
  fc.constantFrom(
    '%',
    '%zz',
    '%00',
    '%c0%af',
    '..',
    '.',
    '%2e%2e%2f',
    '%2f',
    '%5c',
    'pay_',
    `pay_${'0'.repeat(26)}`,
    '__proto__',
  ),
);
const anyMethod = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND');

describe('whatever is sent', { timeout: SLOW_MS }, () => {
  test('as a create: it is taken, or refused in words, and a refused one has made nothing', async () => {
    await property(nearlyAnOrder, 300, async (changes) => {
      const order: Record<string, unknown> = anOrder();
      for (const { name, value } of changes)
        Object.defineProperty(order, name, { value, enumerable: true, configurable: true });
      const before = await newest();
      const { status, json } = await probe({
        method: 'POST',
        target: '/v1/payments',
        headers: { ...KEY, ...JSON_TYPE },
        body: JSON.stringify(order),
      });
      if (status >= 400) expect(await newest()).toBe(before);
      else expect(json).toMatchObject({ object: 'payment', amount: order.amount, currency: order.currency });
    });
    await property(fc.tuple(anyBytes, fc.option(headerText)), 200, async ([body, type]) => {
      const headers = { ...KEY, ...JSON_TYPE, ...(type === null ? {} : { 'content-type': type }) };
      const { status } = await probe({ method: 'POST', target: '/v1/payments', headers, body });
      expect(status).toBeGreaterThanOrEqual(400);
    });
    await expectNothingUntold();
  });

  test('as a quote: it makes nothing', async () => {
    await property(nearlyAnOrder, 200, async (changes) => {
      const { merchant_order_no: _no, ...order }: Record<string, unknown> = anOrder();
      for (const { name, value } of changes)
        Object.defineProperty(order, name, { value, enumerable: true, configurable: true });
      await probe({
        method: 'POST',
        target: '/v1/routing/quote',
        headers: { ...KEY, ...JSON_TYPE },
        body: JSON.stringify(order),
      });
    });
    await expectNothingUntold();
  });

  test('as a query of a list', async () => {
    const names = fc.oneof(
      fc.constantFrom('merchant_order_no', 'status', 'created_after', 'created_before', 'limit', 'cursor', 'after'),
      targetText,
    );
    const values = fc.oneof(
      targetText,
      anyText.filter((text) => text.isWellFormed()).map(encodeURIComponent),
      fc.constantFrom(
        '0',
        '1',
        '100',
        '101',
        '-1',
        '1e2',
        '9999999999999999999',
        'pending',
        '2026-01-31T08:00:00Z',
        '+275760-09-13T00:00:00Z',
        'AAAA',
        'eyJ9',
      ),
    );
    const query = fc
      .array(fc.tuple(names, values), { maxLength: 4 })
      .map((pairs) => pairs.map(([n, v]) => `${n}=${v}`).join('&'));
    await property(fc.tuple(fc.constantFrom('/v1/payments', '/v1/events'), query), 400, async ([path, text]) => {
      await probe({ target: `${path}?${text}`, headers: KEY });
    });
  });

  test('as Authorization or Idempotency-Key, once or twice', async () => {
    const name = fc.constantFrom('authorization', 'idempotency-key', 'x-request-id', 'content-length-x', 'host-x');
    await property(
      fc.tuple(name, fc.array(headerText, { minLength: 1, maxLength: 2 })),
      300,
      async ([header, values]) => {
        const headers = { ...KEY, ...JSON_TYPE, [header]: values };
        const { status, json } = await probe({
          method: 'POST',
          target: '/v1/payments',
          headers,
          body: JSON.stringify(anOrder()),
        });
        if (header === 'authorization') expect(status).toBe(401);
        if (header === 'idempotency-key' && values.length === 2) expect(status).toBe(400);
        if (status >= 400) expect(json.code).toMatch(/^(unauthorized|validation_failed|idempotency_conflict)$/);
      },
    );
    await expectNothingUntold();
  });

  test('as an id or a path of the API, by any method', async () => {
    const path = fc.oneof(
      fc.tuple(fc.constantFrom('/v1/payments/', '/v1/events/', '/v1/'), anySegment).map((parts) => parts.join('')),
      fc
        .tuple(
          anySegment,
          fc.constantFrom('close', 'sync', 'fulfilment', 'refunds', 'routing', 'redeliver', 'refunds/x'),
        )
        .map(([id, verb]) => `/v1/payments/${id}/${verb}`),
      fc.tuple(anySegment, anySegment).map(([a, b]) => `/v1/${a}/${b}`),
    );
    await property(fc.tuple(anyMethod, path, anyBytes), 500, async ([method, target, body]) => {
      await probe({ method, target, headers: { ...KEY, ...JSON_TYPE }, body });
    });
    await expectNothingUntold();
  });

  test('as a callback of any channel: refused, in words that no provider takes for "received"', async () => {
    const { json } = await probe({
      method: 'POST',
      target: '/v1/payments',
      headers: { ...KEY, ...JSON_TYPE },
      body: JSON.stringify(anOrder()),
    });
    const channel = fc.oneof(
      fc.constantFrom('alipay-main', 'alipay-backup', 'wechatpay-main', 'stripe-main'),
      anySegment,
    );
    const header = fc.tuple(
      fc.constantFrom(
        'stripe-signature',
        'wechatpay-signature',
        'wechatpay-timestamp',
        'wechatpay-nonce',
        'wechatpay-serial',
        'content-type',
      ),
      fc.oneof(
        headerText,
        fc.constantFrom(
          `t=${Math.floor(Date.now() / 1000)},v1=${'0'.repeat(64)}`,
          String(Math.floor(Date.now() / 1000)),
          'PUB_KEY_ID_0',
        ),
      ),
    );
    const ref = json.attempts[0].provider_ref;
    const body = fc.oneof(
      anyBytes,
      fc
        .array(
          fc.tuple(
            fc.constantFrom('out_trade_no', 'sign', 'sign_type', 'app_id', 'trade_status', 'total_amount'),
            fc.oneof(targetText, fc.constantFrom(ref, 'RSA2', 'TRADE_SUCCESS', '10.00')),
          ),
        )
        .map((pairs) => new TextEncoder().encode(pairs.map(([n, v]) => `${n}=${v}`).join('&'))),
    );
    const sent = fc.tuple(anyMethod, channel, fc.option(anySegment), fc.array(header, { maxLength: 5 }), body);
    await property(sent, 600, async ([method, id, token, headers, bytes]) => {
      const target = `/callbacks/${id}${token === null ? '' : `/${token}`}`;
      const {
        status,
        body: text,
        shown,
      } = await probe({ method, target, headers: Object.fromEntries(headers), body: bytes });
      if (method !== 'OPTIONS') expect(status, shown).toBeGreaterThanOrEqual(400);
      expect(text, shown).not.toMatch(/success|"received":true/i);
    });
    expect((await gateway.api('GET', `/v1/payments/${json.id}`)).body.status).toBe('pending');
  });

  test('as a path of the cashier, by any method', async () => {
    const path = fc.oneof(
      fc
        .tuple(anySegment, fc.constantFrom('', '/', '/state', '/go', '/paid', '/paid?x', '?checked'))
        .map(([id, rest]) => `/pay/${id}${rest}`),
      anySegment.map((name) => `/pay/assets/${name}`),
      targetText.map((text) => `/${text}`),
      fc.constantFrom(
        '/',
        '//',
        '/pay',
        '/pay/',
        '/callbacks',
        '/v1',
        '/v1/',
        '/%',
        '/pay/%ff/go',
        '/openapi.json',
        '/metrics',
        '/admin/status',
      ),
    );
    const language = fc.option(headerText);
    await property(fc.tuple(anyMethod, path, language), 500, async ([method, target, accept]) => {
      await probe({ method, target, headers: accept === null ? {} : { 'accept-language': accept } });
    });
    await expectNothingUntold();
  });

  test('as bytes that are no HTTP at all', async () => {
    const start = fc.constantFrom(
      '',
      'GET ',
      'GET / HTTP/1.1\r\n',
      'POST /v1/payments HTTP/1.1\r\nContent-Length: 5\r\n\r\n',
      'POST /callbacks/alipay-main HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    );
    await property(fc.tuple(start, fc.uint8Array({ maxLength: 200 })), 60, async ([text, bytes]) => {
      const { port } = new URL(gateway.url);
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.end(Buffer.concat([Buffer.from(text), bytes])));
        socket.resume();
        socket.on('error', () => {});
        socket.on('close', () => resolve());
      });
    });
  });
});

test('after all of it the process is up, ready, and has written no error', async () => {
  expect(told.size).toBeGreaterThan(100);
  expect((await call('GET', `${gateway.adminUrl}/readyz`)).status).toBe(200);
  const written = gateway.program
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{'));
  const errors = written.filter((line) => ['error', 'fatal'].includes(JSON.parse(line).level));
  expect(errors).toEqual([]);
  expect(gateway.program.stderr()).toBe('');
  gateway.program.kill('SIGTERM');
  expect(await gateway.program.ended).toEqual({ code: 0, signal: null });
});
