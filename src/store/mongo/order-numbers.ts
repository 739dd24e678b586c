import type { OrderNumber } from '../port.ts';
import { isDuplicate } from './failures.ts';
import { idOf, type Rows } from './rows.ts';

/** Order numbers under which payments follow each other. */
export function createOrderNumbers({ orderNumbers, raw }: Pick<Rows, 'orderNumbers' | 'raw'>) {
  return {
    async find(merchantId: string, orderNo: string): Promise<OrderNumber | null> {
      const row = await orderNumbers.findById(idOf(merchantId, orderNo)).lean();
      if (row === null) return null;
      const { version, round, requestHash, paidBy } = row;
      return { merchantId, orderNo, version, round, requestHash, paidBy };
    },

    async save({ merchantId, orderNo, ...next }: OrderNumber): Promise<'saved' | 'stale'> {
      const _id = idOf(merchantId, orderNo);
      if (next.version > 1) {
        const { matchedCount } = await orderNumbers.updateOne({ _id, version: next.version - 1 }, { $set: next });
        return matchedCount === 1 ? 'saved' : 'stale';
      }
      try {
        await raw.orderNumbers.insertOne({ _id, ...next });
        return 'saved';
      } catch (error) {
        if (isDuplicate(error)) return 'stale';
        throw error;
      }
    },
  };
}
