import type Database from 'better-sqlite3';
import type { EpochMs, Payment } from '../../payment/index.ts';
import { parseDocument } from '../stored-document.ts';
import type { Write } from './commit-queue.ts';
import type { DocumentRow } from './payment-row.ts';

export interface Claim {
  readonly now: EpochMs;
  readonly owner: string;
  readonly leaseMs: number;
  readonly limit: number;
}

type OneClaim = Omit<Claim, 'limit'> & { readonly id: string };

/**
 * The statements that hand out payments with something left to do. A lease of `leaseMs` taken at `now` is over at `now + leaseMs`. A damaged document
 * is leased too but not handed out: it must not keep the payments behind it from being served, and `onDamaged` hears of it each
 * time that its lease runs out.
 */
export function prepareLeases(db: Database.Database, onDamaged: (error: Error) => void) {
  const anyDue = db.prepare<[EpochMs, EpochMs]>(`
    SELECT 1 FROM payments WHERE next_due_at <= ?
      AND NOT EXISTS (SELECT 1 FROM leases WHERE payment_pk = payments.pk AND until > ?) LIMIT 1`);
  const endOld = db.prepare<[EpochMs]>('DELETE FROM leases WHERE until <= ?');
  const due = db.prepare<[EpochMs, number], DocumentRow & { readonly pk: number }>(`
    SELECT pk, id, version, document FROM payments
    WHERE next_due_at <= ? AND NOT EXISTS (SELECT 1 FROM leases WHERE payment_pk = payments.pk)
    ORDER BY next_due_at, pk LIMIT ?`);
  const unleased = db.prepare<[string], DocumentRow & { readonly pk: number }>(`
    SELECT pk, id, version, document FROM payments
    WHERE id = ? AND NOT EXISTS (SELECT 1 FROM leases WHERE payment_pk = payments.pk)`);
  const ahead = db.prepare<[EpochMs], DocumentRow>(`
    SELECT id, version, document FROM payments INDEXED BY payments_due WHERE next_due_at IS NOT NULL
      AND CASE WHEN json_valid(document) THEN json_extract(document, '$.updatedAt') > ? END
    ORDER BY next_due_at, pk`);
  const take = db.prepare<[number, string, EpochMs]>('INSERT INTO leases VALUES (?, ?, ?)');

  function claim({ now, owner, leaseMs, limit }: Claim): Write<readonly Payment[]> {
    return () => {
      endOld.run(now);
      const rows = due.all(now, limit);
      for (const { pk } of rows) take.run(pk, owner, now + leaseMs);
      return () => rows.flatMap(trusted);
    };
  }

  function claimOne({ id, now, owner, leaseMs }: OneClaim): Write<Payment | null> {
    return () => {
      endOld.run(now);
      const row = unleased.get(id);
      if (row) take.run(row.pk, owner, now + leaseMs);
      return () => (row ? (trusted(row)[0] ?? null) : null);
    };
  }

  /** Parses every unfinished document: for rare occasions. */
  function findAhead(now: EpochMs, limit: number): readonly Payment[] {
    const found: Payment[] = [];
    for (const row of ahead.iterate(now)) {
      found.push(...trusted(row));
      if (found.length >= limit) break;
    }
    return found;
  }

  function trusted(row: DocumentRow): Payment[] {
    try {
      return [parseDocument(row.document, row)];
    } catch (error) {
      onDamaged(error instanceof Error ? error : new Error(`store: the stored document of ${row.id} is damaged`));
      return [];
    }
  }

  return {
    claim,
    claimOne,
    isAnyDue: (now: EpochMs): boolean => anyDue.get(now, now) !== undefined,
    findAhead,
  };
}
