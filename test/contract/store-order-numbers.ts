import { describe, expect, test } from 'vitest';
import type { OrderNumber } from '../../src/store/index.ts';
import { MERCHANT } from './payments.ts';
import type { StoreUnderTest } from './store-harness.ts';

const first: OrderNumber = {
  merchantId: MERCHANT,
  orderNo: '订单|A.1',
  version: 1,
  round: 1,
  requestHash: 'hash',
  paidBy: null,
};

export function describeOrderNumbers({ store, reopen }: StoreUnderTest): void {
  const find = (set: Partial<OrderNumber> = {}) => {
    const { merchantId, orderNo } = { ...first, ...set };
    return store().findOrderNumber(merchantId, orderNo);
  };

  describe('an order number', () => {
    test('is answered as it was saved, also after the store was opened again', async () => {
      expect(await find()).toBeNull();
      expect(await store().saveOrderNumber(first)).toBe('saved');
      expect(await find()).toEqual(first);
      await reopen();
      expect(await find()).toEqual(first);
    });

    test('is one of its merchant, to the letter', async () => {
      await store().saveOrderNumber(first);
      for (const other of [{ merchantId: 'm_other' }, { orderNo: '订单|a.1' }, { orderNo: '订单|A.1 ' }]) {
        expect(await find(other)).toBeNull();
        expect(await store().saveOrderNumber({ ...first, ...other, requestHash: 'other' })).toBe('saved');
      }
      expect(await find()).toEqual(first);
    });

    test('is saved for the first time once', async () => {
      await store().saveOrderNumber(first);
      expect(await store().saveOrderNumber({ ...first, requestHash: 'other' })).toBe('stale');
      expect(await find()).toEqual(first);
    });

    test('is replaced by its next version alone', async () => {
      await store().saveOrderNumber(first);
      const second = { ...first, version: 2, round: 2, requestHash: 'other' };
      expect(await store().saveOrderNumber({ ...second, version: 3 })).toBe('stale');
      expect(await store().saveOrderNumber(second)).toBe('saved');
      expect(await store().saveOrderNumber({ ...second, paidBy: 'pay_1' })).toBe('stale');
      expect(await find()).toEqual(second);
      const paid = { ...second, version: 3, paidBy: 'pay_1' };
      expect(await store().saveOrderNumber(paid)).toBe('saved');
      expect(await find()).toEqual(paid);
    });

    test('that nobody knows has no next version', async () => {
      expect(await store().saveOrderNumber({ ...first, version: 2 })).toBe('stale');
      expect(await find()).toBeNull();
    });

    test('has one winner, however many save at the same time', async () => {
      const race = async (entries: readonly OrderNumber[]) => {
        const outcomes = await Promise.all(entries.map((entry) => store().saveOrderNumber(entry)));
        expect(outcomes.filter((outcome) => outcome === 'saved')).toHaveLength(1);
        expect(await find()).toEqual(entries[outcomes.indexOf('saved')]);
      };
      const rivals = Array.from({ length: 8 }, (_, i) => `pay_${i}`);
      await race(rivals.map((requestHash) => ({ ...first, requestHash })));
      const { requestHash } = (await find()) ?? first;
      await race(rivals.map((paidBy) => ({ ...first, requestHash, version: 2, paidBy })));
    });
  });
}
