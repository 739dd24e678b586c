import type Database from 'better-sqlite3';
import { issueDurableReceipt } from '../../payment/durable.ts';
import type { Payment, SucceededAttempt } from '../../payment/index.ts';
import type { Inserted, KeyReservation, Updated } from '../port.ts';
import { parseDocument } from '../stored-document.ts';
import type { Write } from './commit-queue.ts';
import { type DocumentRow, type PaymentRow, rowOf } from './payment-row.ts';

type Gauges = Pick<PaymentRow, 'unknown' | 'undelivered' | 'webhooks'>;
type Current = Gauges & { readonly pk: number; readonly version: number };
const NOTHING: Gauges = { unknown: 0, undelivered: 0, webhooks: 0 };

export interface KeyRequest {
  readonly merchantId: string;
  readonly key: string;
  readonly requestHash: string;
  readonly subject: string;
  readonly now: number;
}

/**
 * The statements that change payments. Each method checks its document at once and answers a `Write` for the commit queue; a
 * receipt is issued when that is called back after the commit (I3).
 */
export function prepareWrites(db: Database.Database) {
  const statements = {
    ...prepareStatements(db),
    record: prepareRecording(db),
  };

  function insert(payment: Payment): Write<Inserted> {
    const row = rowOf(payment);
    return () => {
      const existing = statements.byOrderNo.get(row.merchantId, row.merchantOrderNo);
      if (existing) {
        const found = parseDocument(existing.document, existing);
        return () => ({ outcome: 'exists', payment: found, receipt: issueDurableReceipt() });
      }
      const pk = Number(statements.insert.run(row).lastInsertRowid);
      if (!statements.record(pk, payment, NOTHING, row)) {
        throw new Error(`store: the new payment ${payment.id} names a trade number of another payment`);
      }
      return () => ({ outcome: 'inserted', payment, receipt: issueDurableReceipt() });
    };
  }

  function update(next: Payment, releaseLease: string | undefined): Write<Updated> {
    const row = rowOf(next);
    return () => {
      const current = statements.current.get(next.id);
      if (current?.version !== next.version - 1) return () => ({ outcome: 'stale' });
      if (!statements.record(current.pk, next, current, row)) return () => ({ outcome: 'trade_no_taken' });
      statements.update.run({ ...row, pk: current.pk });
      if (releaseLease !== undefined) statements.releaseLease.run(next.id, releaseLease);
      return () => ({ outcome: 'updated', payment: next, receipt: issueDurableReceipt() });
    };
  }

  function releaseLease(id: string, owner: string): Write<void> {
    return () => {
      statements.releaseLease.run(id, owner);
      return () => {};
    };
  }

  function reserveKey(request: KeyRequest): Write<KeyReservation> {
    return () => {
      const known = statements.key.get(request.merchantId, request.key);
      if (!known) {
        statements.insertKey.run(request);
        return () => ({ outcome: 'reserved' });
      }
      if (known.requestHash !== request.requestHash) return () => ({ outcome: 'conflict' });
      return () => ({ outcome: 'repeat', subject: known.subject });
    };
  }

  /** Changes nothing that matters, to learn whether the disk takes writes again. */
  function checkWritable(): Write<void> {
    return () => {
      statements.checkWritable.run();
      return () => {};
    };
  }

  return { insert, update, releaseLease, reserveKey, checkWritable };
}

function prepareStatements(db: Database.Database) {
  return {
    byOrderNo: db.prepare<[string, string], DocumentRow>(
      'SELECT id, version, document FROM payments WHERE merchant_id = ? AND merchant_order_no = ?',
    ),
    current: db.prepare<[string], Current>(
      'SELECT pk, version, unknown, undelivered, webhooks FROM payments WHERE id = ?',
    ),
    insert: db.prepare<[PaymentRow]>(`
      INSERT INTO payments (id, version, merchant_id, merchant_order_no, status, created_at, next_due_at,
                            unknown, undelivered, webhooks, oldest_webhook_at, document)
      VALUES (:id, :version, :merchantId, :merchantOrderNo, :status, :createdAt, :nextDueAt,
              :unknown, :undelivered, :webhooks, :oldestWebhookAt, :document)`),
    update: db.prepare<[PaymentRow & { readonly pk: number }]>(`
      UPDATE payments SET version = :version, status = :status, next_due_at = :nextDueAt, unknown = :unknown,
        undelivered = :undelivered, webhooks = :webhooks, oldest_webhook_at = :oldestWebhookAt, document = :document
      WHERE pk = :pk`),
    releaseLease: db.prepare<[string, string]>(
      'DELETE FROM leases WHERE payment_pk = (SELECT pk FROM payments WHERE id = ?) AND owner = ?',
    ),
    key: db.prepare<[string, string], { readonly requestHash: string; readonly subject: string }>(
      'SELECT request_hash AS requestHash, subject FROM idempotency_keys WHERE merchant_id = ? AND key = ?',
    ),
    insertKey: db.prepare<[KeyRequest]>(
      'INSERT INTO idempotency_keys VALUES (:merchantId, :key, :requestHash, :subject, :now)',
    ),
    checkWritable: db.prepare('UPDATE totals SET writable_checks = writable_checks + 1'),
  };
}

/** Writes what is kept beside a document. False, with nothing written, when one of its trade numbers is taken (I12). */
function prepareRecording(db: Database.Database) {
  const holder = db.prepare<[string, string], { readonly pk: number; readonly seq: number }>(
    'SELECT payment_pk AS pk, seq FROM trade_numbers WHERE channel_id = ? AND trade_no = ?',
  );
  const insertTradeNo = db.prepare<[string, string, number, number]>('INSERT INTO trade_numbers VALUES (?, ?, ?, ?)');
  const insertEvent = db.prepare<[string, string, number]>(
    'INSERT INTO events (event_id, merchant_id, payment_pk) VALUES (?, ?, ?) ON CONFLICT (event_id) DO NOTHING',
  );
  const addTotals = db.prepare<[Gauges]>(
    'UPDATE totals SET unknown = unknown + :unknown, undelivered = undelivered + :undelivered, webhooks = webhooks + :webhooks',
  );

  return (pk: number, payment: Payment, before: Gauges, after: Gauges): boolean => {
    const fresh: Traded[] = [];
    for (const traded of payment.attempts.filter(isTraded)) {
      const held = holder.get(traded.channelId, traded.channelTradeNo);
      if (held === undefined) fresh.push(traded);
      else if (held.pk !== pk || held.seq !== traded.seq) return false;
    }
    if (new Set(fresh.map((a) => JSON.stringify([a.channelId, a.channelTradeNo]))).size < fresh.length) return false;
    for (const { channelId, channelTradeNo, seq } of fresh) insertTradeNo.run(channelId, channelTradeNo, pk, seq);
    for (const event of payment.events) insertEvent.run(event.id, payment.merchantId, pk);
    const change = {
      unknown: after.unknown - before.unknown,
      undelivered: after.undelivered - before.undelivered,
      webhooks: after.webhooks - before.webhooks,
    };
    if (Object.values(change).some((by) => by !== 0)) addTotals.run(change);
    return true;
  };
}

type Traded = SucceededAttempt & { readonly channelTradeNo: string };

function isTraded(attempt: Payment['attempts'][number]): attempt is Traded {
  return attempt.status === 'succeeded' && attempt.channelTradeNo !== null;
}
