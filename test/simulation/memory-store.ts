import { issueDurableReceipt } from '../../src/payment/durable.ts';
import {
  assertPayment,
  channelShifts,
  type EpochMs,
  isHeld,
  needsChannel,
  type Payment,
  paymentIdOfEvent,
} from '../../src/payment/index.ts';
import {
  type CreatedPage,
  decodeCursor,
  encodeCursor,
  type FailingEndpoint,
  gaugeShareOf,
  type ListedEvent,
  type OrderNumber,
  type PaymentStore,
  type Stored,
} from '../../src/store/index.ts';
import { createHeap, type Heap } from './heap.ts';

interface Row {
  readonly pk: number;
  payment: Payment;
  lease: { readonly owner: string; readonly until: EpochMs } | null;
}

interface Due {
  readonly at: EpochMs;
  readonly row: Row;
}

interface KnownEvent {
  readonly id: string;
  readonly row: Row;
}

/** What outlives a process. */
export interface MemoryData {
  readonly rows: Map<string, Row>;
  readonly byOrderNo: Map<string, Row>;
  /** Channel and trade number -> payment and attempt. */
  readonly tradeNos: Map<string, string>;
  readonly events: KnownEvent[];
  readonly eventPositions: Map<string, number>;
  readonly keys: Map<string, { readonly requestHash: string; readonly subject: string; readonly at: EpochMs }>;
  readonly endpoints: Map<string, FailingEndpoint>;
  readonly orderNumbers: Map<string, OrderNumber>;
  /** Entries whose time is no longer that of their payment are passed over. */
  readonly due: Heap<Due>;
}

/** How a store is opened. */
export interface MemoryStoreOptions {
  readonly data?: MemoryData;
  /** Told of every commit, before whoever wrote hears of it. */
  readonly onCommit?: (before: Payment | null, after: Payment) => void;
  /** No document can be changed by whoever holds it. Costs time; for looking into a suspicion. */
  readonly freeze?: boolean;
}

/** Nothing stored yet. */
export function emptyData(): MemoryData {
  return {
    rows: new Map(),
    byOrderNo: new Map(),
    tradeNos: new Map(),
    events: [],
    eventPositions: new Map(),
    keys: new Map(),
    endpoints: new Map(),
    orderNumbers: new Map(),
    due: createHeap((a, b) => a.at < b.at || (a.at === b.at && a.row.pk < b.row.pk)),
  };
}

/**
 * A payment store in memory. Each operation takes effect when it is called, as a whole; documents are kept as they are and shared with
 * their readers. As with SQLite, whoever opens it is alone with it.
 */
export function createMemoryStore({
  data = emptyData(),
  onCommit,
  freeze = false,
}: MemoryStoreOptions = {}): PaymentStore {
  const { rows, byOrderNo, keys, endpoints, orderNumbers } = data;
  let isOpen = true;

  const open =
    <A extends readonly unknown[], R>(act: (...given: A) => R) =>
    async (...given: A): Promise<R> => {
      if (!isOpen) throw new Error('store: closed');
      return act(...given);
    };

  function commit(row: Row, before: Payment | null, after: Payment): Stored {
    row.payment = freeze ? deepFreeze(after) : after;
    if (after.nextDueAt !== null && after.nextDueAt !== before?.nextDueAt) data.due.push({ at: after.nextDueAt, row });
    for (const { id } of after.events) {
      if (data.eventPositions.has(id)) continue;
      data.eventPositions.set(id, data.events.length);
      data.events.push({ id, row });
    }
    onCommit?.(before, after);
    return { payment: after, receipt: issueDurableReceipt() };
  }

  function insert(payment: Payment) {
    assertPayment(payment);
    const key = keyOf(payment.merchantId, payment.merchantOrderNo);
    const existing = byOrderNo.get(key);
    if (existing) return { outcome: 'exists' as const, ...storedOf(existing) };
    if (rows.has(payment.id)) throw new Error(`store: ${payment.id} exists`);
    const row: Row = { pk: rows.size + 1, payment, lease: null };
    if (!takeTradeNos(data, payment)) throw new Error(`store: ${payment.id} names a trade number of another payment`);
    rows.set(payment.id, row);
    byOrderNo.set(key, row);
    return { outcome: 'inserted' as const, ...commit(row, null, payment) };
  }

  function update(next: Payment, options: { readonly releaseLease?: string } = {}) {
    assertPayment(next);
    const row = rows.get(next.id);
    if (row?.payment.version !== next.version - 1) return { outcome: 'stale' as const };
    if (!takeTradeNos(data, next)) return { outcome: 'trade_no_taken' as const };
    if (options.releaseLease !== undefined) release(next.id, options.releaseLease);
    return { outcome: 'updated' as const, ...commit(row, row.payment, next) };
  }

  function release(id: string, owner: string): void {
    const row = rows.get(id);
    if (row?.lease?.owner === owner) row.lease = null;
  }

  function claimDue({ now, owner, leaseMs, limit }: Parameters<PaymentStore['claimDue']>[0]): readonly Payment[] {
    const taken: Row[] = [];
    const seen: Due[] = [];
    for (let top = data.due.peek(); top !== undefined && top.at <= now && taken.length < limit; top = data.due.peek()) {
      data.due.pop();
      const { row, at } = top;
      if (row.payment.nextDueAt !== at || seen.at(-1)?.row === row) continue;
      seen.push(top);
      if (isLeased(row, now, leaseMs)) continue;
      row.lease = { owner, until: now + leaseMs };
      taken.push(row);
    }
    for (const each of seen) data.due.push(each);
    return taken.map(({ payment }) => payment);
  }

  function claimPayment({ id, now, owner, leaseMs }: Parameters<PaymentStore['claimPayment']>[0]): Payment | null {
    const row = rows.get(id);
    if (!row || isLeased(row, now, leaseMs)) return null;
    row.lease = { owner, until: now + leaseMs };
    return row.payment;
  }

  function reserveKey({ merchantId, key, requestHash, subject, now }: Parameters<PaymentStore['reserveKey']>[0]) {
    const known = keys.get(keyOf(merchantId, key));
    if (!known) {
      keys.set(keyOf(merchantId, key), { requestHash, subject, at: now });
      return { outcome: 'reserved' as const };
    }
    if (known.requestHash !== requestHash) return { outcome: 'conflict' as const };
    return { outcome: 'repeat' as const, subject: known.subject };
  }

  function purgeKeys(olderThan: EpochMs, limit: number): number {
    const old = [...keys].filter(([, { at }]) => at < olderThan).sort(([, a], [, b]) => a.at - b.at);
    const gone = old.slice(0, Math.max(0, limit));
    for (const [key] of gone) keys.delete(key);
    return gone.length;
  }

  function saveOrderNumber(next: OrderNumber): 'saved' | 'stale' {
    const key = keyOf(next.merchantId, next.orderNo);
    if ((orderNumbers.get(key)?.version ?? 0) !== next.version - 1) return 'stale';
    orderNumbers.set(key, next);
    return 'saved';
  }

  const all = (): readonly Payment[] => [...rows.values()].map(({ payment }) => payment);
  for (const row of rows.values()) row.lease = null;

  return {
    insert: open(insert),
    update: open(update),
    findById: open((id) => storedOrNull(rows.get(id))),
    findByOrderNo: open((merchantId, orderNo) => storedOrNull(byOrderNo.get(keyOf(merchantId, orderNo)))),
    list: open((filter) => listOf(all(), filter)),
    listCreated: open((page) => createdOf([...rows.values()], page)),
    countCreated: open(({ from, before }) => all().filter((p) => p.createdAt >= from && p.createdAt < before).length),
    claimDue: open(claimDue),
    claimPayment: open(claimPayment),
    releaseLease: open(release),
    dueBacklog: open((now) => {
      const due = all().flatMap(({ nextDueAt }) => (nextDueAt !== null && nextDueAt <= now ? [nextDueAt] : []));
      return { count: due.length, oldestDueAt: due.length === 0 ? null : Math.min(...due) };
    }),
    listEvents: open((page) => eventsOf(data, page, () => true)),
    listDeadEvents: open((page) => eventsOf(data, page, ({ delivery }) => delivery.state === 'dead')),
    findAhead: open((now, limit) =>
      all()
        .filter(({ nextDueAt, updatedAt }) => nextDueAt !== null && updatedAt > now)
        .slice(0, Math.max(1, limit)),
    ),
    countNeeding: open((channelId, max) =>
      Math.min(max, all().filter((payment) => needsChannel(payment, channelId)).length),
    ),
    saveFailingEndpoint: open((entry) => void endpoints.set(keyOf(entry.merchantId, entry.endpoint), entry)),
    forgetFailingEndpoint: open((entry) => void endpoints.delete(keyOf(entry.merchantId, entry.endpoint))),
    listFailingEndpoints: open(() => [...endpoints.values()]),
    findOrderNumber: open((merchantId, orderNo) => orderNumbers.get(keyOf(merchantId, orderNo)) ?? null),
    saveOrderNumber: open(saveOrderNumber),
    reserveKey: open(reserveKey),
    purgeKeys: open(purgeKeys),
    channelVolume: open((query) => volumeOf(all(), query)),
    liveOrders: open(() => liveOf(all())),
    counts: open(() => countsOf(all())),
    ping: open(() => {}),
    close: async () => {
      isOpen = false;
    },
  };
}

/** A lease that ends further ahead than any can was taken under a clock that has been set back since; waiting for it would take as long. */
function isLeased({ lease }: Row, now: EpochMs, leaseMs: number): boolean {
  return lease !== null && lease.until > now && lease.until <= now + 2 * leaseMs;
}

/** When the store has something to hand out next: a due payment that nobody holds, or the end of a lease. */
export function nextClaimAt(data: MemoryData): EpochMs | null {
  let next: EpochMs | null = null;
  for (const { payment, lease } of data.rows.values()) {
    if (payment.nextDueAt === null) continue;
    const at = Math.max(payment.nextDueAt, lease?.until ?? 0);
    if (next === null || at < next) next = at;
  }
  return next;
}

function storedOf({ payment }: Row): Stored {
  return { payment, receipt: issueDurableReceipt() };
}

function storedOrNull(row: Row | undefined): Stored | null {
  return row ? storedOf(row) : null;
}

/** Takes the trade numbers of all successes, or none of them when one belongs to somebody else (I12). */
function takeTradeNos({ tradeNos }: MemoryData, payment: Payment): boolean {
  const fresh = new Map<string, string>();
  for (const attempt of payment.attempts) {
    if (attempt.status !== 'succeeded' || attempt.channelTradeNo === null) continue;
    const key = keyOf(attempt.channelId, attempt.channelTradeNo);
    const holder = tradeNos.get(key) ?? fresh.get(key);
    if (holder !== undefined && holder !== attempt.providerRef) return false;
    fresh.set(key, attempt.providerRef);
  }
  for (const [key, holder] of fresh) tradeNos.set(key, holder);
  return true;
}

function createdOf(rows: readonly Row[], { from, before, every, limit, cursor }: CreatedPage) {
  const after = decodeCursor(cursor ?? '');
  const items = rows
    .filter(({ pk, payment: { createdAt } }) => createdAt >= from && createdAt < before && pk % every === 0)
    .map(({ payment }) => payment)
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
    .filter((p) => !after || p.createdAt > after.createdAt || (p.createdAt === after.createdAt && p.id > after.id));
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return { items: page, nextCursor: last && items.length > limit ? encodeCursor(last) : null };
}

function listOf(all: readonly Payment[], filter: Parameters<PaymentStore['list']>[0]) {
  const { createdAfter = Number.MIN_SAFE_INTEGER, createdBefore = Number.MAX_SAFE_INTEGER, status } = filter;
  const from = filter.cursor === undefined ? null : decodeCursor(filter.cursor);
  const found = all
    .filter(
      (p) => p.merchantId === filter.merchantId && p.merchantOrderNo === (filter.merchantOrderNo ?? p.merchantOrderNo),
    )
    .filter((p) => p.createdAt >= createdAfter && p.createdAt < createdBefore && p.status === (status ?? p.status))
    .filter((p) => from === null || p.createdAt < from.createdAt || (p.createdAt === from.createdAt && p.id < from.id))
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
  const items = found.slice(0, Math.max(1, Math.min(filter.limit, 100)));
  const last = items.at(-1);
  return { items, nextCursor: last !== undefined && found.length > items.length ? encodeCursor(last) : null };
}

function eventsOf(
  { events, eventPositions, rows }: MemoryData,
  page: Parameters<PaymentStore['listDeadEvents']>[0],
  isWanted: (event: ListedEvent['event']) => boolean,
): readonly ListedEvent[] {
  const isTheirs = (row: Row | undefined) => (page.merchantId ?? row?.payment.merchantId) === row?.payment.merchantId;
  const owner = page.after === undefined ? undefined : rows.get(paymentIdOfEvent(page.after) ?? '');
  const after = page.after !== undefined && isTheirs(owner) ? eventPositions.get(page.after) : undefined;
  const found = events.slice((after ?? -1) + 1).flatMap(({ id, row }): ListedEvent[] => {
    const event = row.payment.events.find((e) => e.id === id);
    if (event === undefined || !isTheirs(row) || !isWanted(event)) return [];
    return [{ paymentId: row.payment.id, merchantId: row.payment.merchantId, event }];
  });
  return found.slice(0, Math.max(1, Math.min(page.limit, 1_000)));
}

function volumeOf(all: readonly Payment[], query: Parameters<PaymentStore['channelVolume']>[0]) {
  let [takenMinor, paidMinor] = [0, 0];
  for (const shift of all.flatMap((payment) => channelShifts(null, payment))) {
    if (shift.channelId !== query.channelId || shift.currency !== query.currency) continue;
    if (shift.at < query.from || shift.at >= query.until) continue;
    takenMinor += shift.takenMinor;
    paidMinor += shift.paidMinor;
  }
  return { takenMinor, paidMinor };
}

function liveOf(all: readonly Payment[]): ReadonlyMap<string, number> {
  const live = new Map<string, number>();
  for (const shift of all.flatMap((payment) => channelShifts(null, payment))) {
    live.set(shift.channelId, (live.get(shift.channelId) ?? 0) + shift.live);
  }
  return live;
}

function countsOf(all: readonly Payment[]) {
  const shares = all.map(gaugeShareOf);
  const sum = (of: (share: (typeof shares)[number]) => number) => shares.reduce((total, share) => total + of(share), 0);
  const oldest = shares.flatMap(({ oldestWebhookAt }) => (oldestWebhookAt === null ? [] : [oldestWebhookAt]));
  return {
    unknown: sum((s) => s.unknown),
    undelivered: sum((s) => s.undelivered),
    oldestUnknownAt: oldestOf(all.filter((p) => gaugeShareOf(p).unknown === 1)),
    oldestUndeliveredAt: oldestOf(all.filter((p) => gaugeShareOf(p).undelivered === 1)),
    webhookBacklog: sum((s) => s.webhooks),
    oldestWebhookAt: oldest.length === 0 ? null : Math.min(...oldest),
    deadEvents: sum((s) => s.deadEvents),
    refundsPending: sum((s) => s.refundsPending),
    held: all.filter((p) => p.attempts.some(isHeld)).length,
  };
}

function oldestOf(payments: readonly Payment[]): number | null {
  return payments.length === 0 ? null : Math.min(...payments.map((payment) => payment.createdAt));
}

function keyOf(owner: string, name: string): string {
  return `${owner} ${name}`;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}
