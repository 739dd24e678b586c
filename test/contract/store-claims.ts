import { describe, expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import { afterFact, aPayment, attemptStarted, NEW_YEAR, paid } from './payments.ts';
import type { StoreUnderTest } from './store-harness.ts';

const LEASE_MS = 30_000;

export function describeClaims({ store, reopen }: StoreUnderTest): void {
  /** A payment whose only duty, its expiry, is due this long after the new year. */
  const due = async (afterMs: number): Promise<Payment> => {
    const payment = aPayment({ expiresInMs: afterMs });
    await store().insert(payment);
    return payment;
  };
  const claim = async (owner: string, afterMs: number, limit = 100): Promise<readonly string[]> => {
    const claimed = await store().claimDue({ now: NEW_YEAR + afterMs, owner, leaseMs: LEASE_MS, limit });
    return claimed.map((payment) => payment.id);
  };

  describe('claimDue', () => {
    test('takes what is due, earliest first, and nothing else', async () => {
      const [third, first, second, later] = [await due(300), await due(100), await due(200), await due(301)];
      expect(await claim('a', 300)).toEqual([first.id, second.id, third.id]);
      expect(await claim('a', 301)).toEqual([later.id]);
    });

    test('answers the whole documents', async () => {
      const payment = await due(100);
      expect(await store().claimDue({ now: NEW_YEAR + 100, owner: 'a', leaseMs: LEASE_MS, limit: 1 })).toEqual([
        payment,
      ]);
    });

    test('leaves payments alone that have nothing left to do', async () => {
      const payment = aPayment({ notifyUrl: null });
      const [started, done] = paid(payment, 'T1');
      await store().insert(payment);
      for (const next of [started, done]) await store().update(next);
      expect(done.nextDueAt).toBeNull();
      expect(await claim('a', 10_000_000)).toEqual([]);
    });

    test('takes no more than its limit, and the rest the next time', async () => {
      const payments = [await due(1), await due(2), await due(3)];
      const [first, second] = [await claim('a', 10, 2), await claim('a', 10, 2)];
      expect([...first, ...second]).toEqual(payments.map((p) => p.id));
      expect(first).toHaveLength(2);
    });

    test('gives no payment to two owners, however many ask at once', async () => {
      for (let i = 0; i < 40; i += 1) await due(i);
      const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => claim(`owner-${i}`, 100, 3)));
      const ids = claims.flat();
      expect(ids).toHaveLength(40);
      expect(new Set(ids).size).toBe(40);
    });
  });

  describe('a lease', () => {
    test('holds until its end and not longer, also for its owner', async () => {
      const { id } = await due(0);
      await claim('a', 0);
      expect(await claim('b', LEASE_MS - 1)).toEqual([]);
      expect(await claim('a', LEASE_MS - 1)).toEqual([]);
      expect(await claim('b', LEASE_MS)).toEqual([id]);
    });

    test('is ended by its owner', async () => {
      const { id } = await due(0);
      await claim('a', 0);
      await store().releaseLease(id, 'a');
      expect(await claim('b', 0)).toEqual([id]);
    });

    test('is not ended by anybody else, nor by an owner who has lost it', async () => {
      const { id } = await due(0);
      await claim('a', 0);
      await store().releaseLease(id, 'b');
      expect(await claim('b', 1)).toEqual([]);
      expect(await claim('b', LEASE_MS)).toEqual([id]);
      await store().releaseLease(id, 'a');
      expect(await claim('a', LEASE_MS)).toEqual([]);
    });

    test('ends with the update that says so', async () => {
      const payment = await due(0);
      await claim('a', 0);
      const next = afterFact(payment, { type: 'close_requested', by: 'expiry' });
      const stillDue = { ...next, nextDueAt: NEW_YEAR };
      expect((await store().update(stillDue, { releaseLease: 'a' })).outcome).toBe('updated');
      expect(await claim('b', 0)).toEqual([payment.id]);
    });

    test('survives an update of somebody else, and one that comes too late', async () => {
      const payment = await due(0);
      await claim('a', 0);
      const next = afterFact(payment, attemptStarted(payment));
      expect((await store().update(next, { releaseLease: 'b' })).outcome).toBe('updated');
      expect((await store().update(next, { releaseLease: 'a' })).outcome).toBe('stale');
      expect(await claim('b', LEASE_MS - 1)).toEqual([]);
    });

    test('of a process that is gone is over at the latest when it runs out', async () => {
      const { id } = await due(0);
      await claim('a', 0);
      await reopen();
      // A store with one process may know at once that the holder is gone; then the second claim finds it taken.
      const claims = [await claim('b', 1), await claim('c', LEASE_MS)];
      expect(claims.flat()).toEqual([id]);
    });

    test('of a payment that nobody knows can be released without harm', async () => {
      await expect(store().releaseLease(aPayment().id, 'a')).resolves.toBeUndefined();
    });
  });

  describe('claimPayment', () => {
    const take = (id: string, owner: string, afterMs: number) =>
      store().claimPayment({ id, now: NEW_YEAR + afterMs, owner, leaseMs: LEASE_MS });

    test('takes one payment, due or not, as it is now, until its lease is over', async () => {
      const payment = await due(1_000);
      const next = afterFact(payment, attemptStarted(payment));
      await store().update(next);
      expect(await take(payment.id, 'a', 0)).toEqual(next);
      expect(await take(payment.id, 'b', LEASE_MS - 1)).toBeNull();
      expect(await claim('b', LEASE_MS - 1)).toEqual([]);
      expect(await take(payment.id, 'b', LEASE_MS)).toEqual(next);
      await store().releaseLease(payment.id, 'b');
      expect(await claim('c', LEASE_MS)).toEqual([payment.id]);
      expect(await take(payment.id, 'b', LEASE_MS)).toBeNull();
    });

    test('gives a payment to one of many, and one that nobody knows to none', async () => {
      const { id } = await due(0);
      const taken = await Promise.all(Array.from({ length: 10 }, (_, i) => take(id, `owner-${i}`, 0)));
      expect(taken.filter((payment) => payment !== null)).toHaveLength(1);
      expect(await take(aPayment().id, 'a', 0)).toBeNull();
    });
  });

  describe('dueBacklog', () => {
    test('is empty when nothing is due', async () => {
      await due(100);
      expect(await store().dueBacklog(NEW_YEAR + 99)).toEqual({ count: 0, oldestDueAt: null });
    });

    test('counts what is due, whether somebody works on it or not, and names the oldest', async () => {
      for (const afterMs of [300, 100, 200]) await due(afterMs);
      await claim('a', 150);
      expect(await store().dueBacklog(NEW_YEAR + 250)).toEqual({ count: 2, oldestDueAt: NEW_YEAR + 100 });
    });
  });
}
