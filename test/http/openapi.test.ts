import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { API_ERRORS, type candidateView, type paymentView, type refundView } from '../../src/gateway/index.ts';
import type { eventView } from '../../src/http/events.ts';
import type * as answers from '../../src/http/openapi/answers.ts';
import type { decisionsView } from '../../src/http/payments.ts';
import { type Reading, readDescription } from './described.ts';
import { aMerchant, type Edge, serveEdge } from './serve.ts';

let edge: Edge;
let reading: Reading;
beforeAll(async () => {
  edge = await serveEdge();
  reading = await readDescription(edge.url);
});
afterAll(() => edge.close());

const SAMPLE: Readonly<Record<string, string>> = { id: 'pay_01m81gw0mzf3gts91c40dvxv4n', refund_id: 'x' };
const concrete = (path: string) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => SAMPLE[name] ?? '');

describe('the description', () => {
  test('names every route of the merchant API, and no other', () => {
    const folder = join(import.meta.dirname, '../../src/http');
    const source = readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n');
    const routes = [...source.matchAll(/router\.(get|post|put|patch|delete)\(\s*'(\/v1\/[^']+)'/g)].map(
      ([, method = '', path = '']) =>
        `${method.toUpperCase()} ${path.replaceAll(/:(\w+)/g, '{$1}').replace('{refundId}', '{refund_id}')}`,
    );
    const described = reading.operations.map(({ method, path }) => `${method} ${path}`);
    expect(described.toSorted()).toEqual(routes.toSorted());
  });

  test('names the methods of each path as the API itself does', async () => {
    for (const [path, methods] of Object.entries(reading.description.paths)) {
      const answer = await edge.call('PATCH', concrete(path));
      await answer.text();
      const allowed = (answer.headers.get('allow') ?? '').split(', ').filter((name) => !/HEAD|OPTIONS/.test(name));
      // `/v1/events/redeliver` and `/v1/events/{id}/redeliver` differ in length; no path is another one's pattern.
      expect({ path, allowed }).toEqual({
        path,
        allowed: Object.keys(methods)
          .map((name) => name.toUpperCase())
          .sort(),
      });
    }
  });

  test('is one that strict readers take: every schema compiles, every reference leads somewhere', () => {
    const { components, webhooks } = reading.description;
    expect(reading.description.openapi).toBe('3.1.0');
    for (const schema of Object.values(components.schemas)) reading.compile(schema);
    const operations = [...reading.operations, ...Object.values(webhooks).map(({ post }) => post)];
    for (const { requestBody, responses, parameters = [] } of operations) {
      const media = [
        ...Object.values(requestBody?.content ?? {}),
        ...Object.values(responses).flatMap(({ content }) => Object.values(content)),
      ];
      for (const { schema } of media) reading.compile(schema);
      for (const { $ref } of parameters) {
        if ($ref !== undefined)
          expect(components.parameters).toHaveProperty(String($ref).replace('#/components/parameters/', ''));
      }
    }
  });

  test('has examples that it takes itself', () => {
    let examples = 0;
    const { webhooks } = reading.description;
    for (const { requestBody, responses } of [
      ...reading.operations,
      ...Object.values(webhooks).map(({ post }) => post),
    ]) {
      for (const { content } of [...(requestBody ? [requestBody] : []), ...Object.values(responses)]) {
        for (const { schema, examples: own = {} } of Object.values(content)) {
          const validate = reading.compile(schema, 'closed');
          for (const { value } of Object.values(own)) {
            expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
            examples += 1;
          }
        }
      }
    }
    expect(examples).toBeGreaterThan(15);
  });

  test('takes plain http where the API takes it, and nowhere else', async () => {
    const sandbox = await serveEdge({ settings: { allowHttpUrls: true } });
    const order = {
      merchant_order_no: 'H1',
      amount: 1,
      currency: 'CNY',
      subject: 'x',
      notify_url: 'http://shop/events',
    };
    for (const [place, taken] of [
      [edge, false],
      [sandbox, true],
    ] as const) {
      const { description, compile } = await readDescription(place.url);
      expect(compile(description.components.schemas.CreatePayment ?? {})(order)).toBe(taken);
      const answer = await place.call('POST', '/v1/payments', order);
      await answer.text();
      expect(answer.status).toBe(taken ? 201 : 400);
    }
    await sandbox.close();
  });
});

test('a disabled shop, a crowd and a fault of ours are answered as described', async () => {
  const limits = { maxAmountMinor: null, perMinute: 1 };
  const crowded = await serveEdge({
    merchants: { sk_test_one: aMerchant({ limits }), sk_test_two: aMerchant({ id: 'm_two', enabled: false }) },
    hit: async () => ({ allowed: false, retryAfterMs: 1_500 }),
  });
  const broken = await serveEdge();
  broken.gateway.broken = new Error('the store is down');
  for (const { operationId, method, path } of reading.operations) {
    const body = method === 'GET' ? undefined : {};
    const looks = path.startsWith('/v1/payments/{id}') && method === 'GET';
    const answers = [
      await crowded.call(method, concrete(path), body),
      await crowded.call(method, concrete(path), body, { authorization: 'Bearer sk_test_two' }),
      ...(looks ? [await broken.call(method, concrete(path))] : []),
    ];
    for (const answer of answers) {
      const told = { status: answer.status, headers: answer.headers, body: await answer.json() };
      expect(reading.faultsOf(operationId, told)).toEqual([]);
    }
    expect(answers.map(({ status }) => status)).toEqual(looks ? [429, 403, 500] : [429, 403]);
  }
  await crowded.close();
  await broken.close();
});

describe('the page for people', () => {
  test('needs no script, loads nothing from elsewhere, and shows every operation, code and shape', async () => {
    const answer = await edge.call('GET', '/docs');
    const page = await answer.text();
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self';/);
    expect(page).not.toMatch(/<script|style="|onclick/);
    const loaded = [...page.matchAll(/<(?:link|img)[^>]+(?:href|src)="([^"]+)"/g)].map(([, target]) => target);
    expect(loaded).toEqual(['data:,', '/docs/docs.css']);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids).toEqual(expect.arrayContaining(reading.operations.map(({ operationId }) => operationId)));
    expect(ids).toEqual(expect.arrayContaining(Object.keys(API_ERRORS).map((code) => `error-${code}`)));
    expect(ids).toEqual(
      expect.arrayContaining(Object.keys(reading.description.components.schemas).map((name) => `schema-${name}`)),
    );
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(targets.filter((id) => !ids.includes(id))).toEqual([]);
    expect((await edge.call('GET', '/docs/docs.css')).headers.get('content-type')).toBe('text/css; charset=utf-8');
  });
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
type Answer<K extends keyof typeof answers> = DeepReadonly<z.output<(typeof answers)[K]>>;
type Same<A, B> = [DeepReadonly<A>] extends [B]
  ? [B] extends [DeepReadonly<A>]
    ? true
    : 'described, not sent'
  : 'sent, not described';
type EventView = ReturnType<typeof eventView>;

test('the shapes of answers are those of the views, both ways', () => {
  expectTypeOf<Same<ReturnType<typeof paymentView>, Answer<'payment'>>>().toEqualTypeOf<true>();
  expectTypeOf<Same<ReturnType<typeof refundView>, Answer<'refund'>>>().toEqualTypeOf<true>();
  expectTypeOf<Same<ReturnType<typeof candidateView>, Answer<'candidate'>>>().toEqualTypeOf<true>();
  expectTypeOf<Same<ReturnType<typeof decisionsView>, Answer<'routing'>>>().toEqualTypeOf<true>();
  // Of an event each state of its delivery is narrower than all of them together.
  expectTypeOf<Omit<EventView, 'data'>>().toExtend<Omit<Answer<'event'>, 'data'>>();
});
