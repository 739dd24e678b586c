import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bringForward, isStoredObject } from '../../src/store/bring-forward.ts';
import { trustDocument } from '../../src/store/index.ts';
import { aPayment } from '../contract/payments.ts';
import { version1Document } from './sqlite/version-1.ts';

const forward = (orderNo: string) => {
  const document = version1Document(orderNo);
  return trustDocument(document, { id: String(document.id), version: Number(document.version) });
};
const money = (orderNo: string) =>
  forward(orderNo).attempts.flatMap((a) =>
    a.status === 'succeeded' ? [[a.effect, a.paidMinor, a.disposition] as const] : [],
  );

describe('a document of schema 1', () => {
  test('may be trusted once it is brought forward, and nothing in it is lost', () => {
    for (const orderNo of ['created', 'open', 'unknown', 'paid', 'told', 'given-up']) {
      const { schema, policies, attempts, ...rest } = forward(orderNo);
      expect(schema).toBe(2);
      expect(version1Document(orderNo)).toMatchObject({ ...rest, policies: { lateSuccess: policies.lateSuccess } });
      expect(attempts).toMatchObject(version1Document(orderNo).attempts ?? []);
    }
  });

  test('gets the policies that it was made under', () => {
    expect(forward('created').policies).toEqual({
      lateSuccess: 'refund',
      surplus: 'refund',
      amountMismatch: 'hold',
      paidKnownWithinMs: 60_000,
    });
  });

  test('keeps the money that counts', () => {
    expect(money('paid')).toEqual([['effective', 1_000, 'keep']]);
    expect(forward('told').nextDueAt).toBeNull();
  });

  test('holds money that came late or twice, for it may have been returned by hand', () => {
    expect(money('late')).toEqual([['late', 1_000, 'hold']]);
    expect(money('surplus')).toEqual([
      ['surplus', 1_000, 'hold'],
      ['effective', 1_000, 'keep'],
    ]);
    expect(forward('late').refunds).toEqual([]);
  });

  test('with held money is due at once, whatever else it had to do', () => {
    for (const orderNo of ['late', 'surplus']) {
      const payment = forward(orderNo);
      expect(payment.agenda).toContainEqual({ kind: 'remind', at: payment.updatedAt });
      expect(payment.nextDueAt).toBe(Math.min(...payment.agenda.map((item) => item.at)));
    }
    expect(forward('surplus').agenda).toHaveLength(2);
  });

  test('with held money is due no later than its last change, also where it was to be looked at later', () => {
    const document = { ...version1Document('surplus'), nextDueAt: Number(version1Document('surplus').updatedAt) + 1 };
    expect(bringForward(document).nextDueAt).toBe(document.nextDueAt - 1);
  });

  test('whose amount is gone cannot be trusted', () => {
    const { id, version, ...rest } = version1Document('paid');
    const key = { id: String(id), version: Number(version) };
    const document = { ...key, ...rest, attempts: [{ status: 'succeeded', effect: 'effective' }] };
    expect(() => trustDocument(document, key)).toThrow(/cannot be trusted/);
  });
});

test('a document of the schema of now comes back as it is', () => {
  const payment = { ...aPayment() };
  expect(bringForward(payment)).toBe(payment);
});

test('whatever was stored is brought forward without a throw, once, and is left as it was', () => {
  const anyAttempt = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        status: fc.constantFrom('succeeded', 'open'),
        effect: fc.constantFrom('late', 'effective'),
        amount: fc.jsonValue(),
      },
      { requiredKeys: [] },
    ),
  );
  const anyDocument = fc.record(
    {
      schema: fc.oneof(fc.constant(1), fc.jsonValue()),
      attempts: fc.oneof(fc.array(anyAttempt), fc.jsonValue()),
      policies: fc.jsonValue(),
      agenda: fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
      nextDueAt: fc.oneof(fc.integer(), fc.constant(null), fc.jsonValue()),
      updatedAt: fc.oneof(fc.integer(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(anyDocument, (document) => {
      const before = structuredClone(document);
      const next = bringForward(document);
      expect(document).toEqual(before);
      expect(isStoredObject(next)).toBe(true);
      expect(bringForward(next)).toBe(next);
    }),
    { seed: 20_260_101 },
  );
});
