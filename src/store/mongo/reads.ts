import type { QueryFilter } from 'mongoose';
import { issueDurableReceipt } from '../../payment/durable.ts';
import type { Payment } from '../../payment/index.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import type { CreatedPage, Page, PaymentFilter, PaymentStore, Period, StoreCounts, Stored } from '../port.ts';
import type { Orders } from './orders.ts';
import { paymentOf } from './payment-row.ts';
import type { PaymentRow, Rows } from './rows.ts';

const LIST_LIMIT_MAX = 100;
const CREATED_LIMIT_MAX = 1_000;
/** Gauges count no further, so that a scrape costs the same however much a shop leaves undelivered. */
const COUNTED_MAX = 100_000;

type Reads = Pick<
  PaymentStore,
  'findById' | 'findByOrderNo' | 'list' | 'listCreated' | 'countCreated' | 'dueBacklog' | 'counts' | 'countNeeding'
>;

/** The questions about payments. All read what a majority has, so whatever they answer is durable. */
export function createReads({ payments }: Pick<Rows, 'payments'>, orders: Orders): Reads {
  async function list(filter: PaymentFilter): Promise<Page<Payment>> {
    const { merchantId, status, merchantOrderNo, createdAfter: from = Number.MIN_SAFE_INTEGER } = filter;
    const before = filter.createdBefore ?? Number.MAX_SAFE_INTEGER;
    if (merchantOrderNo !== undefined) {
      const found = await orders.findByOrderNo(merchantId, merchantOrderNo);
      const fits =
        found !== null &&
        (status ?? found.status) === found.status &&
        found.createdAt >= from &&
        found.createdAt < before;
      return { items: fits ? [found] : [], nextCursor: null };
    }
    const position = filter.cursor === undefined ? null : decodeCursor(filter.cursor);
    const until = position !== null && position.createdAt < before ? position : { createdAt: before, id: '' };
    return page(
      {
        ...{ merchantId, createdAt: { $gte: from, $lte: until.createdAt } },
        ...(status === undefined ? {} : { status }),
        $or: [{ createdAt: { $lt: until.createdAt } }, { _id: { $lt: until.id } }],
      },
      { by: -1, limit: Math.max(1, Math.min(filter.limit, LIST_LIMIT_MAX)) },
    );
  }

  function listCreated({ from, before, every, limit, cursor }: CreatedPage): Promise<Page<Payment>> {
    const last = cursor === undefined ? null : decodeCursor(cursor);
    const after = last !== null && last.createdAt >= from ? last : { createdAt: from, id: '' };
    const divisor = Math.max(1, Math.trunc(every));
    return page(
      {
        createdAt: { $gte: after.createdAt, $lt: before },
        ...(divisor === 1 ? {} : { sample: { $mod: [divisor, 0] } }),
        $or: [{ createdAt: { $gt: after.createdAt } }, { _id: { $gt: after.id } }],
      },
      { by: 1, limit: Math.max(1, Math.min(limit, CREATED_LIMIT_MAX)) },
    );
  }

  async function page(
    filter: QueryFilter<PaymentRow>,
    { by, limit }: { readonly by: 1 | -1; readonly limit: number },
  ): Promise<Page<Payment>> {
    const rows = await payments
      .find(filter)
      .sort({ createdAt: by, _id: by })
      .limit(limit + 1)
      .lean<PaymentRow[]>();
    const items = rows.slice(0, limit).flatMap((row) => paymentOf(row) ?? []);
    const end = items.at(-1);
    return { items, nextCursor: end !== undefined && rows.length > limit ? encodeCursor(end) : null };
  }

  async function dueBacklog(now: number) {
    const due = { nextDueAt: { $lte: now } };
    const [count, oldest] = await Promise.all([payments.countDocuments(due), oldestOf('nextDueAt')]);
    return { count, oldestDueAt: oldest !== null && oldest <= now ? oldest : null };
  }

  type Field = 'nextDueAt' | 'unknownSince' | 'undeliveredSince' | 'webhookSince' | 'held';

  async function oldestOf(field: Field): Promise<number | null> {
    const row = await payments
      .findOne({ [field]: { $gte: 0 } }, { [field]: 1 })
      .sort({ [field]: 1 })
      .lean<PaymentRow>();
    return row?.[field] ?? null;
  }

  function countOf(field: Field): Promise<number> {
    return payments
      .countDocuments({ [field]: { $gte: 0 } })
      .limit(COUNTED_MAX)
      .exec();
  }

  async function sumOf(field: 'webhooks' | 'deadEvents' | 'refundsPending', by: string = field): Promise<number> {
    const [sum] = await payments.aggregate<{ readonly total: number }>([
      { $match: { [by]: { $gte: 0 } } },
      { $limit: COUNTED_MAX },
      { $group: { _id: null, total: { $sum: `$${field}` } } },
    ]);
    return sum?.total ?? 0;
  }

  async function counts(): Promise<StoreCounts> {
    const [unknown, undelivered, held, webhookBacklog, deadEvents, refundsPending] = await Promise.all([
      ...(['unknownSince', 'undeliveredSince', 'held'] as const).map(countOf),
      sumOf('webhooks', 'webhookSince'),
      sumOf('deadEvents'),
      sumOf('refundsPending'),
    ]);
    const [oldestUnknownAt, oldestUndeliveredAt, oldestWebhookAt] = await Promise.all([
      oldestOf('unknownSince'),
      oldestOf('undeliveredSince'),
      oldestOf('webhookSince'),
    ]);
    return {
      ...{ unknown, undelivered, held, webhookBacklog, deadEvents, refundsPending },
      ...{ oldestUnknownAt, oldestUndeliveredAt, oldestWebhookAt },
    } as StoreCounts;
  }

  return {
    findById: async (id) => stored(await orders.find(id)),
    findByOrderNo: async (merchantId, orderNo) => stored(await orders.findByOrderNo(merchantId, orderNo)),
    list,
    listCreated,
    countCreated: ({ from, before }: Period) =>
      payments.countDocuments({ createdAt: { $gte: from, $lt: before } }).exec(),
    dueBacklog,
    counts,
    countNeeding: (channelId, max) => payments.countDocuments({ needs: channelId }).limit(max).exec(),
  };
}

function stored(payment: Payment | null): Stored | null {
  return payment === null ? null : { payment, receipt: issueDurableReceipt() };
}
