import type Database from 'better-sqlite3';
import type { EpochMs } from '../../payment/index.ts';
import type { KeyReservation } from '../port.ts';
import type { Write } from './commit-queue.ts';

export interface KeyRequest {
  readonly merchantId: string;
  readonly key: string;
  readonly requestHash: string;
  readonly subject: string;
  readonly now: EpochMs;
}

/** The statements that remember Idempotency-Keys. */
export function prepareKeys(db: Database.Database) {
  const find = db.prepare<[string, string], { readonly requestHash: string; readonly subject: string }>(
    'SELECT request_hash AS requestHash, subject FROM idempotency_keys WHERE merchant_id = ? AND key = ?',
  );
  const insert = db.prepare<[KeyRequest]>(
    'INSERT INTO idempotency_keys VALUES (:merchantId, :key, :requestHash, :subject, :now)',
  );
  const purge = db.prepare<[EpochMs, number]>(`
    DELETE FROM idempotency_keys WHERE (merchant_id, key) IN
      (SELECT merchant_id, key FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?)`);

  function reserve(request: KeyRequest): Write<KeyReservation> {
    return () => {
      const known = find.get(request.merchantId, request.key);
      if (!known) {
        insert.run(request);
        return () => ({ outcome: 'reserved' });
      }
      if (known.requestHash !== request.requestHash) return () => ({ outcome: 'conflict' });
      return () => ({ outcome: 'repeat', subject: known.subject });
    };
  }

  function purgeOlder(than: EpochMs, limit: number): Write<number> {
    return () => {
      // SQLite takes a negative limit for none at all.
      const { changes } = purge.run(than, Math.max(0, limit));
      return () => changes;
    };
  }

  return { reserve, purgeOlder };
}
