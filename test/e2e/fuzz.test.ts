import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliver } from './forger.ts';
import {
  anyBytes,
  anyMethod,
  apiTarget,
  callback,
  cashierTarget,
  headerText,
  listTarget,
  orderChanges,
  rawRequest,
} from './fuzz-inputs.ts';
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

/** Sends it as it is and checks what holds for every answer of the gateway. */
async function probe({ method = 'GET', target, headers = {}, body = '' }: Sent) {
  const answer = await deliver(`${gateway.url}${target}`, { method, headers, body });
  const shown = `${method} ${target} -> ${answer.status} ${answer.body.slice(0, 300)}`;
  const json = answer.contentType.includes('json') && answer.body !== '' ? JSON.parse(answer.body) : null;
  if (answer.status >= 500) expect({ shown, code: json?.code }).toMatchObject({ code: 'no_channel_available' });
  // Not of a success: a signed link may spell anything.
  if (answer.status >= 400) expect(answer.body, shown).not.toMatch(/node:internal|\.ts:\d+|at async |SQLITE|ZodError/);
  if (/^\/v1(\/|\?|$)/.test(target) && answer.status >= 400 && method !== 'HEAD') {
    expect(answer.contentType, shown).toContain('application/problem+json');
    expect(json, shown).toMatchObject({ status: answer.status, code: expect.stringMatching(/^[a-z_]+$/) });
    expect(json.request_id.length, shown).toBeGreaterThan(0);
  }
  if (json?.object === 'payment') told.add(json.id);
  return { ...answer, json, shown };
}

const AS_MERCHANT = { authorization: 'Bearer sk_sandbox_demo', 'content-type': 'application/json' };
const post = (target: string, body: string | Uint8Array, headers: Sent['headers'] = {}) =>
  probe({ method: 'POST', target, headers: { ...AS_MERCHANT, ...headers }, body });

let orders = 0;
function anOrder(changes: readonly (readonly [string, unknown])[] = []): Record<string, unknown> {
  orders += 1;
  const order = {
    ...{ merchant_order_no: `F${orders}`, amount: 1000, currency: 'CNY', methods: ['alipay'], scene: 'qr' },
    ...{ subject: 'Game key', customer: { email: 'a@b.example', ip: '203.0.113.7' }, metadata: { k: 'v' } },
    ...{ expires_in: 900, notify_url: 'http://127.0.0.1:9/', return_url: 'http://127.0.0.1:9/' },
  };
  // Defined, since an assignment to __proto__ would make no field.
  for (const [name, value] of changes) {
    Object.defineProperty(order, name, { value, enumerable: true, configurable: true });
  }
  return order;
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

describe('whatever is sent', { timeout: SLOW_MS }, () => {
  test('as a create: it is taken, or refused in words, and a refused one has made nothing', async () => {
    await property(orderChanges, 300, async (changes) => {
      const order = anOrder(changes);
      const before = await newest();
      const { status, json } = await post('/v1/payments', JSON.stringify(order));
      if (status >= 400) expect(await newest()).toBe(before);
      else expect(json).toMatchObject({ object: 'payment', amount: order.amount, currency: order.currency });
    });
    await property(fc.tuple(anyBytes, fc.option(headerText)), 200, async ([body, type]) => {
      const { status } = await post('/v1/payments', body, type === null ? {} : { 'content-type': type });
      expect(status).toBeGreaterThanOrEqual(400);
    });
    await expectNothingUntold();
  });

  test('as a quote: it makes nothing', async () => {
    await property(orderChanges, 200, async (changes) => {
      const { merchant_order_no: _no, ...request } = anOrder(changes);
      await post('/v1/routing/quote', JSON.stringify(request));
    });
    await expectNothingUntold();
  });

  test('as a query of a list', async () => {
    await property(listTarget, 400, async (target) => {
      await probe({ target, headers: AS_MERCHANT });
    });
  });

  test('as Authorization or Idempotency-Key, once or twice', async () => {
    const name = fc.constantFrom('authorization', 'idempotency-key', 'x-request-id');
    const values = fc.array(headerText, { minLength: 1, maxLength: 2 });
    await property(fc.tuple(name, values), 300, async ([header, texts]) => {
      const { status, json } = await post('/v1/payments', JSON.stringify(anOrder()), { [header]: texts });
      if (header === 'authorization') expect(status).toBe(401);
      if (header === 'idempotency-key' && texts.length === 2) expect(status).toBe(400);
      if (status >= 400) expect(json.code).toMatch(/^(unauthorized|validation_failed|idempotency_conflict)$/);
    });
    await expectNothingUntold();
  });

  test('as an id or a path of the API, by any method', async () => {
    await property(fc.tuple(anyMethod, apiTarget, anyBytes), 500, async ([method, target, body]) => {
      await probe({ method, target, headers: AS_MERCHANT, body });
    });
    await expectNothingUntold();
  });

  test('as a callback of any channel: refused, in words that no provider takes for "received"', async () => {
    const { json } = await post('/v1/payments', JSON.stringify(anOrder()));
    await property(callback(json.attempts[0].provider_ref, Date.now()), 600, async (sent) => {
      const { status, body, shown } = await probe(sent);
      if (sent.method !== 'OPTIONS') expect(status, shown).toBeGreaterThanOrEqual(400);
      expect(body, shown).not.toMatch(/success|"received":true/i);
    });
    expect((await gateway.api('GET', `/v1/payments/${json.id}`)).body.status).toBe('pending');
  });

  test('as a path of the cashier, by any method', async () => {
    await property(fc.tuple(anyMethod, cashierTarget, headerText), 500, async ([method, target, language]) => {
      await probe({ method, target, headers: { 'accept-language': language } });
    });
    await expectNothingUntold();
  });

  test('as bytes that are no HTTP at all', async () => {
    const { port } = new URL(gateway.url);
    await property(rawRequest, 60, async (bytes) => {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.end(bytes));
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
  const lines = gateway.program.stdout().split('\n');
  const levels = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line).level);
  expect(levels.filter((level) => level === 'error' || level === 'fatal')).toEqual([]);
  expect(gateway.program.stderr()).toBe('');
  gateway.program.kill('SIGTERM');
  expect(await gateway.program.ended).toEqual({ code: 0, signal: null });
});
