import type Database from 'better-sqlite3';
import type { EpochMs, Payment } from '../../payment/index.ts';
import { parseDocument } from '../stored-document.ts';
import type { DocumentRow } from './payment-row.ts';
import type { Recent } from './recent.ts';

export interface Claim {
  readonly now: EpochMs;
  readonly owner: string;
  readonly leaseMs: number;
  readonly limit: number;
}

type OneClaim = Omit<Claim, 'limit'> & { readonly id: string };

interface Lease {
  readonly pk: number;
  readonly owner: string;
  readonly until: EpochMs;
}

/**
 * Hands out payments with something left to do. A lease of `leaseMs` taken at `now` is over at `now + leaseMs`. Leases are kept in memory:
 * the lock on the file keeps every other process out, and with this one they end anyway. A damaged document is leased too but not
 * handed out: it must not keep the payments behind it from being served, and `onDamaged` hears of it each time that its lease runs out.
 */
export function prepareLeases(db: Database.Database, recent: Pick<Recent, 'find'>, onDamaged: (error: Error) => void) {
  // The index alone answers it, so what somebody works on is passed over without a look at its document.
  const due = db
    .prepare<[EpochMs, number], number>(
      'SELECT pk FROM payments INDEXED BY payments_due WHERE next_due_at <= ? ORDER BY next_due_at, pk LIMIT ?',
    )
    .pluck();
  /** Without the document where its version is known. */
  const byPk = db.prepare<[number, number], Omit<DocumentRow, 'document'> & { readonly document: string | null }>(
    'SELECT id, version, CASE WHEN version <> ? THEN document END AS document FROM payments WHERE pk = ?',
  );
  const byId = db.prepare<[string], DocumentRow & { readonly pk: number }>(
    'SELECT pk, id, version, document FROM payments WHERE id = ?',
  );
  const ahead = db.prepare<[EpochMs], DocumentRow>(`
    SELECT id, version, document FROM payments INDEXED BY payments_due WHERE next_due_at IS NOT NULL
      AND CASE WHEN json_valid(document) THEN json_extract(document, '$.updatedAt') > ? END
    ORDER BY next_due_at, pk`);
  /** By the payment's id. */
  const leases = new Map<string, Lease>();
  const leased = new Set<number>();

  function claim({ now, owner, leaseMs, limit }: Claim): readonly Payment[] {
    for (const [id, { pk, until }] of leases) if (until <= now) end(id, pk);
    return freePks(now, limit).flatMap((pk) => {
      const known = recent.find(pk);
      const row = byPk.get(known?.version ?? 0, pk);
      if (row === undefined) return [];
      const { id, version, document } = row;
      leases.set(id, { pk, owner, until: now + leaseMs });
      leased.add(pk);
      if (document !== null) return trusted({ id, version, document });
      return known ? [known] : [];
    });
  }

  /** However many of the first are leased, enough are left. */
  function freePks(now: EpochMs, limit: number): readonly number[] {
    return due
      .all(now, limit + leased.size)
      .filter((pk) => !leased.has(pk))
      .slice(0, limit);
  }

  /** Ends a lease, when this owner holds it. */
  function release(id: string, owner: string): void {
    const lease = leases.get(id);
    if (lease?.owner === owner) end(id, lease.pk);
  }

  function end(id: string, pk: number): void {
    leases.delete(id);
    leased.delete(pk);
  }

  function claimOne({ id, now, owner, leaseMs }: OneClaim): Payment | null {
    const lease = leases.get(id);
    if (lease !== undefined && lease.until > now) return null;
    const row = byId.get(id);
    if (row === undefined) return null;
    leases.set(id, { pk: row.pk, owner, until: now + leaseMs });
    leased.add(row.pk);
    return trusted(row)[0] ?? null;
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

  return { claim, claimOne, release, findAhead };
}

export type Leases = ReturnType<typeof prepareLeases>;
