import type Database from 'better-sqlite3';
import { issueDurableReceipt } from '../../payment/durable.ts';
import type { Payment } from '../../payment/index.ts';
import type { Inserted, Updated, UpdateOptions } from '../port.ts';
import { parseDocument } from '../stored-document.ts';
import { prepareChannelShares } from './channel-shares.ts';
import type { Write } from './commit-queue.ts';
import type { Leases } from './leases.ts';
import { type DocumentRow, type PaymentRow, rowOf } from './payment-row.ts';
import type { Recent } from './recent.ts';
import { type Gauges, NOTHING, prepareRecording, type RareGauges } from './recording.ts';

const ROOM_BYTES = 64 * 1024;

type Current = Omit<Gauges, keyof RareGauges> & { readonly pk: number; readonly version: number };

/**
 * The statements that change payments. Each method checks its document at once and answers a `Write` for the commit queue; a
 * receipt is issued when that is called back after the commit (I3).
 */
export function prepareWrites(db: Database.Database, leases: Pick<Leases, 'release'>, recent: Pick<Recent, 'keep'>) {
  const statements = {
    ...prepareStatements(db),
    record: prepareRecording(db),
    share: prepareChannelShares(db),
  };

  function insert(payment: Payment): Write<Inserted> {
    const row = rowOf(payment);
    return () => {
      const { changes, lastInsertRowid } = statements.insert.run(row);
      if (changes === 0) {
        const found = holderOf(row);
        return () => ({ outcome: 'exists', payment: found, receipt: issueDurableReceipt() });
      }
      const pk = Number(lastInsertRowid);
      if (!statements.record(pk, payment, { before: NOTHING, after: row, replaced: null })) {
        throw new Error(`store: the new payment ${payment.id} names a trade number of another payment`);
      }
      statements.share(null, payment);
      return () => ({ outcome: 'inserted', payment, receipt: issueDurableReceipt() });
    };
  }

  function holderOf({ id, merchantId, merchantOrderNo }: PaymentRow): Payment {
    const existing = statements.byOrderNo.get(merchantId, merchantOrderNo);
    if (existing === undefined) throw new Error(`store: ${id} was not taken, and its order number is nobody's`);
    return parseDocument(existing.document, existing);
  }

  function update(next: Payment, { releaseLease, before: replaced }: UpdateOptions = {}): Write<Updated> {
    const row = rowOf(next);
    return () => {
      const current = statements.current.get(next.id);
      if (current?.version !== next.version - 1) return () => ({ outcome: 'stale' });
      // Two questions, since SQLite takes ten times as long to answer them as one join.
      const before = { ...NOTHING, ...current, ...statements.currentRare.get(current.pk) };
      const document = replaced?.version === current.version ? replaced : documentOf(current.pk);
      if (!statements.record(current.pk, next, { before, after: row, replaced: document }))
        return () => ({ outcome: 'trade_no_taken' });
      if (document) statements.share(document, next);
      statements.update.run({ ...row, pk: current.pk });
      return () => {
        recent.keep(current.pk, next);
        if (releaseLease !== undefined) leases.release(next.id, releaseLease);
        return { outcome: 'updated', payment: next, receipt: issueDurableReceipt() };
      };
    };
  }

  /** The stored document, unless it is damaged: what is counted beside it then stays as it is. */
  function documentOf(pk: number): Payment | null {
    const row = statements.byPk.get(pk);
    try {
      return row ? parseDocument(row.document, row) : null;
    } catch {
      return null;
    }
  }

  /** Writes as much as some payments would need, to learn whether the disk takes writes again. */
  function checkRoom(): Write<void> {
    return () => {
      const { lastInsertRowid } = statements.takeRoom.run(ROOM_BYTES);
      statements.dropOlderRoom.run(lastInsertRowid);
      return () => {};
    };
  }

  return { insert, update, checkRoom };
}

function prepareStatements(db: Database.Database) {
  return {
    byOrderNo: db.prepare<[string, string], DocumentRow>(
      'SELECT id, version, document FROM payments WHERE merchant_id = ? AND merchant_order_no = ?',
    ),
    byPk: db.prepare<[number], DocumentRow>('SELECT id, version, document FROM payments WHERE pk = ?'),
    current: db.prepare<[string], Current>(
      'SELECT pk, version, unknown, undelivered, webhooks FROM payments WHERE id = ?',
    ),
    currentRare: db.prepare<[number], RareGauges>(`
      SELECT dead_events AS deadEvents, refunds_pending AS refundsPending, held
      FROM rare_shares WHERE payment_pk = ?`),
    insert: db.prepare<[PaymentRow]>(`
      INSERT INTO payments (id, version, merchant_id, merchant_order_no, status, created_at, next_due_at,
                            unknown, undelivered, webhooks, oldest_webhook_at, document)
      VALUES (:id, :version, :merchantId, :merchantOrderNo, :status, :createdAt, :nextDueAt,
              :unknown, :undelivered, :webhooks, :oldestWebhookAt, :document)
      ON CONFLICT (merchant_id, merchant_order_no) DO NOTHING`),
    update: db.prepare<[PaymentRow & { readonly pk: number }]>(`
      UPDATE payments SET version = :version, status = :status, next_due_at = :nextDueAt, unknown = :unknown,
        undelivered = :undelivered, webhooks = :webhooks, oldest_webhook_at = :oldestWebhookAt, document = :document
      WHERE pk = :pk`),
    takeRoom: db.prepare<[number]>('INSERT INTO room_checks (room) VALUES (randomblob(?))'),
    // Only now, so that the room that the last check took does not serve for this one.
    dropOlderRoom: db.prepare<[number | bigint]>('DELETE FROM room_checks WHERE pk < ?'),
  };
}
