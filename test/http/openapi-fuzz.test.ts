import fc, { type Arbitrary } from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Reading, readDescription } from './described.ts';
import { type Edge, serveEdge } from './serve.ts';
import { aPendingPayment } from './stub-gateway.ts';

// The API takes exactly what its description says it takes. Bodies and queries are made from the description, then spoilt.

let edge: Edge;
let reading: Reading;
beforeAll(async () => {
  edge = await serveEdge();
  reading = await readDescription(edge.url);
});
afterAll(() => edge.close());

type Schema = Readonly<Record<string, unknown>>;

/** Values of a schema, as far as this description goes. What the keywords cannot say together is filtered by the caller. */
function valuesOf(schema: Schema): Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...(schema.enum as readonly unknown[]));
  if (schema.type === 'integer') return fc.integer({ min: Number(schema.minimum), max: Number(schema.maximum) });
  if (schema.type === 'array') {
    const { items, minItems, maxItems } = schema;
    return fc.uniqueArray(valuesOf(items as Schema), { minLength: Number(minItems), maxLength: Number(maxItems) });
  }
  if (schema.type === 'object') return objectsOf(schema);
  if (schema.format === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  if (schema.anyOf !== undefined) return fc.oneof(fc.ipV4(), fc.ipV6());
  if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(String(schema.pattern), 'u'));
  return fc.string({
    unit: 'grapheme',
    minLength: Number(schema.minLength ?? 0),
    maxLength: Number(schema.maxLength ?? 50),
  });
}

function objectsOf({ properties = {}, required = [], maxProperties }: Schema): Arbitrary<unknown> {
  if (maxProperties !== undefined)
    return fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), fc.string(), { maxKeys: 21 });
  const fields = Object.entries(properties as Readonly<Record<string, Schema>>);
  const model = Object.fromEntries(fields.map(([name, field]) => [name, valuesOf(field)]));
  return fc.record(model, { requiredKeys: required as string[] });
}

const nasty = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    '',
    ' ',
    0,
    -1,
    1.5,
    1e13 + 1,
    '1',
    [],
    {},
    [null],
    'x\n',
    'a\u0000b',
    '😀'.repeat(130),
  ),
  fc.constantFrom(
    'http://a.example/',
    'https://127.1/',
    'https://a.example/ü',
    'https://[::1]/',
    'https://a..b/',
    'https://u@a.example/',
  ),
  fc.constantFrom('2026-02-30T00:00:00Z', '2026-01-01T00:00Z', '2026-01-01', 'CNY', 'ZZ', '1.2.3.4', 'a@b.cd'),
);

/** A good body with one field that may be anything, or is missing, or that nobody knows. */
function spoilt(body: unknown, names: readonly string[]): Arbitrary<unknown> {
  const fields = { ...(body as Record<string, unknown>) };
  const name = fc.constantFrom(...names, 'surprise', '__proto__');
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(name, nasty)
        .map(([key, value]) => JSON.parse(JSON.stringify({ ...fields, [`${key}`]: value }))),
    },
    {
      weight: 2,
      arbitrary: name.map((key) => Object.fromEntries(Object.entries(fields).filter(([own]) => own !== key))),
    },
    { weight: 1, arbitrary: nasty },
  );
}

describe('bodies that the description allows are taken, others are refused', () => {
  test.each(['CreatePayment', 'QuoteRequest', 'CreateRefund', 'Fulfilment', 'Redelivery'])('%s', async (name) => {
    const { description, operations, compile } = reading;
    const schema = description.components.schemas[name] ?? {};
    const operation = operations.find(({ requestBody }) => JSON.stringify(requestBody ?? {}).includes(`/${name}"`));
    const payment = aPendingPayment();
    edge.gateway.payments.set(payment.id, payment);
    const path = (operation?.path ?? '').replace('{id}', payment.id);
    const allowed = compile(schema);
    const good = valuesOf(schema);
    const bodies = fc.oneof(
      good,
      good.chain((body) => spoilt(body, Object.keys(schema.properties as object))),
    );
    const seen = { taken: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const answer = await edge.call('POST', path, JSON.stringify(body));
        const told = { status: answer.status, headers: answer.headers, body: await answer.json() };
        expect(reading.faultsOf(operation?.operationId ?? '', told)).toEqual([]);
        expect({ taken: answer.status !== 400, why: told.body }).toEqual({ taken: allowed(body), why: told.body });
        seen[allowed(body) ? 'taken' : 'refused'] += 1;
      }),
      { numRuns: 150, seed: 11 },
    );
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(10);
  });
});

test.each(['listPayments', 'listEvents'])('the query of %s is taken or refused as described', async (id) => {
  const { path, parameters = [] } = reading.operation(id);
  const byName = new Map(parameters.map(({ name, schema }) => [String(name), schema as Schema]));
  const allowed = new Map([...byName].map(([name, schema]) => [name, reading.compile(schema)]));
  const value = (schema: Schema) =>
    fc.oneof(valuesOf(schema), nasty).map((one) => (typeof one === 'object' ? '' : String(one)));
  const one = fc
    .constantFrom(...byName.keys(), 'surprise')
    .chain((name) => fc.tuple(fc.constant(name), value(byName.get(name) ?? {})));
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 3 }), async (pairs) => {
      const isAllowed = ([name, text]: readonly [string, string]): boolean => {
        const typed = byName.get(name)?.type === 'integer' && /^\d+$/.test(text) ? Number(text) : text;
        return allowed.get(name)?.(typed) === true;
      };
      const expected = pairs.every(isAllowed) && new Set(pairs.map(([name]) => name)).size === pairs.length;
      const answer = await edge.call('GET', `${path}?${new URLSearchParams(pairs)}`);
      const told = { status: answer.status, headers: answer.headers, body: await answer.json() };
      expect(reading.faultsOf(id, told)).toEqual([]);
      expect({ pairs, taken: answer.status === 200 }).toEqual({ pairs, taken: expected });
    }),
    { numRuns: 200, seed: 12 },
  );
});
