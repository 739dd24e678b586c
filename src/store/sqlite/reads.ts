import type Database from 'better-sqlite3';
import { issueDurableReceipt } from '../../payment/durable.ts';
import { type EpochMs, needsChannel, type Payment } from '../../payment/index.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import type { Page, PaymentFilter, PaymentStore, StoreCounts, Stored } from '../port.ts';
import { parseDocument } from '../stored-document.ts';
import { prepareChannelReads } from './channel-shares.ts';
import type { Connection } from './connection.ts';
import { prepareCreated } from './created.ts';
import { prepareEventLists } from './events.ts';
import { prepareFailingEndpointList } from './failing-endpoints.ts';
import { explaining } from './failures.ts';
import { prepareOrderNumberLookup } from './order-numbers.ts';
import type { DocumentRow } from './payment-row.ts';

/** The part of the store that changes nothing. */
export type PaymentReads = Pick<
  PaymentStore,
  | 'findById'
  | 'findByOrderNo'
  | 'list'
  | 'listCreated'
  | 'countCreated'
  | 'dueBacklog'
  | 'listEvents'
  | 'listDeadEvents'
  | 'listFailingEndpoints'
  | 'counts'
  | 'channelVolume'
  | 'liveOrders'
  | 'countNeeding'
  | 'findOrderNumber'
>;

export const LIST_LIMIT_MAX = 100;

/**
 * The statements that read. They see what is committed and nothing else, so whatever they answer is durable: with
 * `synchronous = FULL` the log is on the disk before any connection can see what is in it.
 */
export function prepareReads({ db, path }: Connection): PaymentReads {
  const byId = db.prepare<[string], DocumentRow>('SELECT id, version, document FROM payments WHERE id = ?');
  const byOrderNo = db.prepare<[string, string], DocumentRow>(
    'SELECT id, version, document FROM payments WHERE merchant_id = ? AND merchant_order_no = ?',
  );
  const list = prepareList(db, (merchantId, orderNo) => byOrderNo.get(merchantId, orderNo));
  const created = prepareCreated(db);
  const events = prepareEventLists(db);
  const channels = prepareChannelReads(db);
  const findOrderNumber = prepareOrderNumberLookup(db);
  const listFailingEndpoints = prepareFailingEndpointList(db);
  const backlog = db.prepare<[EpochMs], { readonly count: number; readonly oldestDueAt: EpochMs | null }>(
    'SELECT COUNT(*) AS count, MIN(next_due_at) AS oldestDueAt FROM payments WHERE next_due_at <= ?',
  );
  const counts = db.prepare<[], StoreCounts>(`
    SELECT unknown, undelivered, webhooks AS webhookBacklog,
      (SELECT MIN(created_at) FROM payments INDEXED BY payments_unknown WHERE unknown = 1) AS oldestUnknownAt,
      (SELECT MIN(created_at) FROM payments INDEXED BY payments_undelivered WHERE undelivered = 1) AS oldestUndeliveredAt,
      (SELECT MIN(oldest_webhook_at) FROM payments WHERE oldest_webhook_at IS NOT NULL) AS oldestWebhookAt,
      dead_events AS deadEvents, refunds_pending AS refundsPending, held FROM totals`);

  // Whatever needs a channel has a time at which it is due (I8); the text is looked for first, so that few documents are parsed.
  const namingChannel = db.prepare<[string], DocumentRow>(`
    SELECT id, version, document FROM payments INDEXED BY payments_due
    WHERE next_due_at IS NOT NULL AND instr(document, ?)`);

  function countNeeding(channelId: string, max: number): number {
    let count = 0;
    for (const row of namingChannel.iterate(JSON.stringify(channelId))) {
      if (mayNeed(row, channelId)) count += 1;
      if (count >= max) break;
    }
    return count;
  }

  /** Nobody knows what a damaged document needs. */
  function mayNeed(row: DocumentRow, channelId: string): boolean {
    try {
      return needsChannel(parseDocument(row.document, row), channelId);
    } catch {
      return true;
    }
  }

  async function reading<T>(read: () => T): Promise<T> {
    return explaining(path, read);
  }

  return {
    findById: (id) => reading(() => stored(byId.get(id))),
    findByOrderNo: (merchantId, orderNo) => reading(() => stored(byOrderNo.get(merchantId, orderNo))),
    list: (filter) => reading(() => list(filter)),
    listCreated: (page) => reading(() => created.list(page)),
    countCreated: (period) => reading(() => created.count(period)),
    channelVolume: (query) => reading(() => channels.volume(query)),
    liveOrders: () => reading(channels.live),
    listEvents: (page) => reading(() => events.listEvents(page)),
    listDeadEvents: (page) => reading(() => events.listDeadEvents(page)),
    listFailingEndpoints: () => reading(listFailingEndpoints),
    findOrderNumber: (merchantId, orderNo) => reading(() => findOrderNumber(merchantId, orderNo)),
    dueBacklog: (now) => reading(() => one(backlog.get(now))),
    counts: () => reading(() => one(counts.get())),
    countNeeding: (channelId, max) => reading(() => countNeeding(channelId, max)),
  };
}

type ListParameters = {
  readonly merchantId: string;
  readonly status: string | null;
  readonly from: EpochMs;
  /** The page lies before this position. */
  readonly untilAt: EpochMs;
  readonly untilId: string;
  readonly limit: number;
};

function prepareList(
  db: Database.Database,
  findByOrderNo: (merchantId: string, orderNo: string) => DocumentRow | undefined,
) {
  // The indexes are named because SQLite, which does not know how rare a status is, would walk all payments for one.
  const newest = (index: string, condition: string) =>
    db.prepare<[ListParameters], DocumentRow>(`
      SELECT id, version, document FROM payments INDEXED BY ${index}
      WHERE merchant_id = :merchantId ${condition} AND created_at >= :from AND (created_at, id) < (:untilAt, :untilId)
      ORDER BY created_at DESC, id DESC LIMIT :limit`);
  const ofAnyStatus = newest('payments_newest', '');
  const ofStatus = newest('payments_newest_by_status', 'AND status = :status');

  return (filter: PaymentFilter): Page<Payment> => {
    const { merchantId, status = null, merchantOrderNo } = filter;
    const from = filter.createdAfter ?? Number.MIN_SAFE_INTEGER;
    const before = filter.createdBefore ?? Number.MAX_SAFE_INTEGER;
    if (merchantOrderNo !== undefined) {
      const row = findByOrderNo(merchantId, merchantOrderNo);
      const items = row ? [parseDocument(row.document, row)] : [];
      const fits = (p: Payment) => (status ?? p.status) === p.status && p.createdAt >= from && p.createdAt < before;
      return { items: items.filter(fits), nextCursor: null };
    }
    const limit = Math.max(1, Math.min(filter.limit, LIST_LIMIT_MAX));
    const position = filter.cursor === undefined ? null : decodeCursor(filter.cursor);
    const until = position !== null && position.createdAt < before ? position : { createdAt: before, id: '' };
    const search = { merchantId, status, from, untilAt: until.createdAt, untilId: until.id, limit: limit + 1 };
    const rows = (status === null ? ofAnyStatus : ofStatus).all(search);
    const items = rows.slice(0, limit).map((row) => parseDocument(row.document, row));
    const last = items.at(-1);
    return { items, nextCursor: last !== undefined && rows.length > limit ? encodeCursor(last) : null };
  };
}

function stored(row: DocumentRow | undefined): Stored | null {
  return row ? { payment: parseDocument(row.document, row), receipt: issueDurableReceipt() } : null;
}

function one<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('store: a row that every database has is missing; restore a backup');
  return row;
}
