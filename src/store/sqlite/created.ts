import type Database from 'better-sqlite3';
import type { EpochMs, Payment } from '../../payment/index.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import type { CreatedPage, Page, Period } from '../port.ts';
import { parseDocument } from '../stored-document.ts';
import type { DocumentRow } from './payment-row.ts';

const LIMIT_MAX = 1_000;

type PageParameters = {
  /** The page lies behind this position. */
  readonly afterAt: EpochMs;
  readonly afterId: string;
  readonly before: EpochMs;
  readonly every: number;
  readonly limit: number;
};

/** What was created in a period, whoever's it is. A sample is taken by the order of writing, which spreads it evenly over time. */
export function prepareCreated(db: Database.Database) {
  const page = db.prepare<[PageParameters], DocumentRow>(`
    SELECT id, version, document FROM payments INDEXED BY payments_created
    WHERE (created_at, id) > (:afterAt, :afterId) AND created_at < :before AND pk % :every = 0
    ORDER BY created_at, id LIMIT :limit`);
  const counted = db.prepare<[Period], { readonly count: number }>(`
    SELECT COUNT(*) AS count FROM payments INDEXED BY payments_created
    WHERE created_at >= :from AND created_at < :before`);

  return {
    list({ from, before, every, limit: wanted, cursor }: CreatedPage): Page<Payment> {
      const limit = Math.max(1, Math.min(wanted, LIMIT_MAX));
      const last = cursor === undefined ? null : decodeCursor(cursor);
      const after = last !== null && last.createdAt >= from ? last : { createdAt: from, id: '' };
      const position = { afterAt: after.createdAt, afterId: after.id, before, every: Math.max(1, Math.trunc(every)) };
      const rows = page.all({ ...position, limit: limit + 1 });
      const items = rows.slice(0, limit).map((row) => parseDocument(row.document, row));
      const end = items.at(-1);
      return { items, nextCursor: end !== undefined && rows.length > limit ? encodeCursor(end) : null };
    },

    count: (period: Period): number => counted.get(period)?.count ?? 0,
  };
}
