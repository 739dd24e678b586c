import { describe, expect, test } from 'vitest';
import type { FailingEndpoint } from '../../src/store/index.ts';
import { afterFact, aPayment, attemptStarted, MERCHANT, NEW_YEAR, paid } from './payments.ts';
import type { StoreUnderTest } from './store-harness.ts';

const DAY_MS = 86_400_000;

export function describeUpkeep({ store, reopen }: StoreUnderTest): void {
  describe('findAhead', () => {
    const ahead = async (now: number, limit = 100) => (await store().findAhead(now, limit)).map((p) => p.id);

    test('answers unfinished payments that were written at a later time than now', async () => {
      const [old, same, young] = [aPayment({}, NEW_YEAR), aPayment({}, NEW_YEAR + 10), aPayment({}, NEW_YEAR + 11)];
      for (const payment of [old, same, young]) await store().insert(payment);
      expect(await store().findAhead(NEW_YEAR + 10, 100)).toEqual([young]);
      expect(await ahead(NEW_YEAR + 11)).toEqual([]);
    });

    test('goes by the last change, not by the creation', async () => {
      const payment = aPayment();
      await store().insert(payment);
      expect(await ahead(NEW_YEAR)).toEqual([]);
      await store().update(afterFact(payment, attemptStarted(payment), NEW_YEAR + 5));
      expect(await ahead(NEW_YEAR + 4)).toEqual([payment.id]);
    });

    test('leaves out what has nothing left to do', async () => {
      const payment = aPayment({ notifyUrl: null });
      await store().insert(payment);
      for (const next of paid(payment, 'T1', 'alipay-main', NEW_YEAR + 5)) await store().update(next);
      expect(await ahead(NEW_YEAR)).toEqual([]);
    });

    test('takes no more than its limit, and sees those that somebody works on', async () => {
      for (let i = 1; i <= 5; i += 1) await store().insert(aPayment({}, NEW_YEAR + i));
      await store().claimDue({ now: NEW_YEAR + 1_000_000, owner: 'a', leaseMs: 1_000, limit: 100 });
      expect(new Set(await ahead(NEW_YEAR, 3)).size).toBe(3);
      expect(await ahead(NEW_YEAR)).toHaveLength(5);
    });
  });

  describe('countNeeding', () => {
    test('counts what is still to be settled with a channel, and nothing else', async () => {
      const open = aPayment();
      await store().insert(open);
      await store().update(afterFact(open, attemptStarted(open)));
      const settled = aPayment();
      await store().insert(settled);
      for (const next of paid(settled, 'T1', 'alipay-main')) await store().update(next);
      await store().insert(aPayment());
      expect(await store().countNeeding('alipay-main', 100)).toBe(1);
      expect(await store().countNeeding('alipay', 100)).toBe(0);
      expect(await store().countNeeding('alipay-backup', 100)).toBe(0);
    });

    test('stops at its maximum', async () => {
      for (let i = 0; i < 3; i += 1) {
        const payment = aPayment();
        await store().insert(payment);
        await store().update(afterFact(payment, attemptStarted(payment)));
      }
      expect(await store().countNeeding('alipay-main', 2)).toBe(2);
    });
  });

  describe('a failing endpoint', () => {
    const entry: FailingEndpoint = {
      merchantId: MERCHANT,
      endpoint: 'https://shop.example/notify',
      failingSince: NEW_YEAR,
      pausedAt: null,
      reason: 'status 500',
    };
    const list = async () => [...(await store().listFailingEndpoints())].sort((a, b) => (key(a) < key(b) ? -1 : 1));
    const key = ({ merchantId, endpoint }: FailingEndpoint) => `${merchantId} ${endpoint}`;

    test('is listed as it was saved, until it is forgotten', async () => {
      expect(await list()).toEqual([]);
      await store().saveFailingEndpoint(entry);
      expect(await list()).toEqual([entry]);
      await store().forgetFailingEndpoint(entry);
      expect(await list()).toEqual([]);
    });

    test('has one entry, the latest', async () => {
      await store().saveFailingEndpoint(entry);
      const paused = { ...entry, failingSince: NEW_YEAR + 1, pausedAt: NEW_YEAR + 2, reason: 'ECONNREFUSED' };
      await store().saveFailingEndpoint(paused);
      expect(await list()).toEqual([paused]);
      await store().saveFailingEndpoint(entry);
      expect(await list()).toEqual([entry]);
    });

    test('is one of its merchant and of its address', async () => {
      const others = [
        { ...entry, merchantId: 'm_other' },
        { ...entry, endpoint: 'https://shop.example/other' },
      ];
      for (const each of [entry, ...others]) await store().saveFailingEndpoint(each);
      await store().forgetFailingEndpoint(entry);
      expect(await list()).toEqual(others.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)));
    });

    test('that nobody knows can be forgotten without harm', async () => {
      await expect(store().forgetFailingEndpoint(entry)).resolves.toBeUndefined();
    });

    test('is known after the store was closed and opened again', async () => {
      await store().saveFailingEndpoint(entry);
      await reopen();
      expect(await list()).toEqual([entry]);
    });
  });

  describe('purgeKeys', () => {
    const reserve = (key: string, at: number) =>
      store().reserveKey({ merchantId: MERCHANT, key, requestHash: `hash of ${key}`, subject: key, now: at });
    const isKnown = async (key: string) => (await reserve(key, NEW_YEAR + 100 * DAY_MS)).outcome === 'repeat';

    test('forgets what is older than the time that it is given, and answers how many that were', async () => {
      for (let day = 0; day < 6; day += 1) await reserve(`day ${day}`, NEW_YEAR + day * DAY_MS);
      expect(await store().purgeKeys(NEW_YEAR + 4 * DAY_MS, 100)).toBe(4);
      expect(await isKnown('day 4')).toBe(true);
      expect(await isKnown('day 3')).toBe(false);
      expect(await store().purgeKeys(NEW_YEAR + 4 * DAY_MS, 100)).toBe(0);
    });

    test('takes no more than its limit, the oldest first', async () => {
      for (const day of [3, 1, 4, 0, 2]) await reserve(`day ${day}`, NEW_YEAR + day * DAY_MS);
      const now = NEW_YEAR + 100 * DAY_MS;
      expect(await store().purgeKeys(now, 2)).toBe(2);
      expect([await isKnown('day 2'), await isKnown('day 1'), await isKnown('day 0')]).toEqual([true, false, false]);
    });

    test.each([0, -1])('with a limit of %d forgets nothing', async (limit) => {
      await reserve('a', NEW_YEAR);
      expect(await store().purgeKeys(NEW_YEAR + 1, limit)).toBe(0);
      expect(await isKnown('a')).toBe(true);
    });
  });
}
