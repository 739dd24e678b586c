import type Database from 'better-sqlite3';
import type { OrderNumber } from '../port.ts';
import type { Write } from './commit-queue.ts';

/** The statements of order numbers under which payments follow each other. */
export function prepareOrderNumbers(db: Database.Database) {
  const insert = db.prepare<[OrderNumber]>(`
    INSERT INTO order_numbers VALUES (:merchantId, :orderNo, :version, :round, :requestHash, :paidBy)
    ON CONFLICT DO NOTHING`);
  const replace = db.prepare<[OrderNumber]>(`
    UPDATE order_numbers SET version = :version, round = :round, request_hash = :requestHash, paid_by = :paidBy
    WHERE merchant_id = :merchantId AND order_no = :orderNo AND version = :version - 1`);

  return {
    save(next: OrderNumber): Write<'saved' | 'stale'> {
      return () => {
        const { changes } = next.version === 1 ? insert.run(next) : replace.run(next);
        return () => (changes === 1 ? 'saved' : 'stale');
      };
    },
  };
}

/** The reading half, which a store that is opened for looking has as well. */
export function prepareOrderNumberLookup(db: Database.Database) {
  const find = db.prepare<[string, string], OrderNumber>(`
    SELECT merchant_id AS merchantId, order_no AS orderNo, version, round, request_hash AS requestHash, paid_by AS paidBy
    FROM order_numbers WHERE merchant_id = ? AND order_no = ?`);
  return (merchantId: string, orderNo: string): OrderNumber | null => find.get(merchantId, orderNo) ?? null;
}
