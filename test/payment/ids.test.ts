import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  eventIdOf,
  isPaymentId,
  newId,
  parseProviderRef,
  paymentIdOfEvent,
  providerRefOf,
} from '../../src/payment/index.ts';

const anyId = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 42 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(([at, bytes]) => newId('pay', at, () => bytes));

describe('ids', () => {
  test('a payment id is a prefix and 26 characters, ordered by time', () => {
    const zeros = () => new Uint8Array(16);
    const early = newId('pay', Date.UTC(2026, 0, 1), zeros);
    const late = newId('pay', Date.UTC(2026, 0, 1) + 1, zeros);
    expect(early).toMatch(/^pay_01[0-9a-z]{24}$/);
    expect(early < late).toBe(true);
    expect(isPaymentId(early)).toBe(true);
  });

  test('a provider reference is 28 letters and digits and leads back to its payment and attempt', () => {
    fc.assert(
      fc.property(anyId, fc.integer({ min: 1, max: 99 }), (id, attemptSeq) => {
        const ref = providerRefOf(id, attemptSeq);
        expect(ref).toMatch(/^[0-9a-z]{28}$/);
        expect(parseProviderRef(ref)).toEqual({ paymentId: id, attemptSeq });
      }),
    );
  });

  test('an event id leads back to its payment and has no dot', () => {
    fc.assert(
      fc.property(anyId, fc.constantFrom('succeeded', 'failed', 'closed'), (id, transition) => {
        const eventId = eventIdOf(id, transition);
        expect(eventId).not.toContain('.');
        expect(paymentIdOfEvent(eventId)).toBe(id);
      }),
    );
  });

  test('no text of another making passes for one of ours', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(isPaymentId(text)).toBe(false);
        expect(parseProviderRef(text)).toBeNull();
        expect(paymentIdOfEvent(text)).toBeNull();
      }),
    );
    expect(isPaymentId('pay_01j00000000000000000000001\n')).toBe(false);
    expect(parseProviderRef('01J0000000000000000000000101')).toBeNull();
  });
});
