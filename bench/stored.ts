import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import {
  apply,
  type Candidate,
  createPayment,
  type Fact,
  newId,
  type Payment,
  providerRefOf,
} from '../src/payment/index.ts';
import { openSqliteReader, openSqliteStore } from '../src/store/sqlite/index.ts';

/** They were created evenly over this time, the last of them just now. */
const OVER_MS = 300 * 24 * 3_600_000;
const EXPIRES_IN_MS = 900_000;
/** Ids that are kept to be asked for. */
const ASKED_FOR = 5_000;
/** Rows in one transaction. */
const AT_ONCE = 50_000;
/** Every n-th was never reported as delivered. */
const UNDELIVERED_EVERY = 4;
const TABLES = ['payments', 'trade_numbers', 'events'] as const;

/**
 * Writes payments that came to their end into a data directory that no gateway works on; every fourth was never reported as delivered.
 * Two are written by the store, the others are copies of their rows under ids, numbers and times of their own: about 40,000 a second.
 * Answers the ids of some of them, spread evenly.
 */
export async function fillStore(dataDir: string, payments: number): Promise<readonly string[]> {
  const path = join(dataDir, 'switchyard.db');
  const until = Date.now();
  const places = Array.from({ length: 2 }, (_, kind) => placeOf(kind, payments, until));
  const store = openSqliteStore({ path });
  for (const [kind, place] of places.entries()) await store.insert(finished(place, kind === 1));
  await store.close();
  const every = Math.max(1, Math.floor(payments / ASKED_FOR));
  const ids: string[] = [];
  const db = new Database(path);
  try {
    // Whoever is interrupted here throws the folder away.
    db.pragma('journal_mode = DELETE');
    db.pragma('journal_mode = OFF');
    db.pragma('synchronous = OFF');
    db.pragma('cache_size = -500000');
    const copies = places.map((place, kind) => prepareCopy(db, place, kind + 1));
    for (let from = 2; from < payments; from += AT_ONCE) {
      db.transaction(() => {
        for (let index = from; index < Math.min(payments, from + AT_ONCE); index += 1) {
          const place = placeOf(index, payments, until);
          copies[index % UNDELIVERED_EVERY === 0 ? 1 : 0]?.(place, index + 1);
          if (index % every === 0) ids.push(place.id);
        }
      })();
    }
    sumUp(db);
  } finally {
    db.close();
  }
  await assertReadable(path, ids);
  return ids;
}

/** What is a payment's own. */
interface Place {
  readonly id: string;
  readonly orderNo: string;
  readonly tradeNo: string;
  readonly at: number;
}

/** The order number is out of order, as those of shops are. */
function placeOf(index: number, payments: number, until: number): Place {
  const digest = createHash('sha256').update(`stored payment ${index}`).digest();
  const at = until - Math.floor(OVER_MS * (1 - index / Math.max(payments, 2)));
  return {
    id: newId('pay', at, (size) => digest.subarray(0, size)),
    orderNo: `stored-${digest.toString('hex', 16, 24)}`,
    tradeNo: `${at}${String(index).padStart(10, '0')}`,
    at,
  };
}

/** Copies the rows of a stored payment, whose own texts and times are replaced wherever they stand. */
function prepareCopy(db: Database.Database, original: Place, pk: number): (place: Place, pk: number) => void {
  const texts = wordsOf(original);
  const inserts = TABLES.map((table) => {
    const own = table === 'payments' ? 'pk' : 'payment_pk';
    const row = db.prepare<[number], Record<string, unknown>>(`SELECT * FROM ${table} WHERE ${own} = ?`).get(pk);
    if (row === undefined) throw new Error(`a stored payment has no row in ${table}`);
    const columns = Object.entries(row).map(([name, value]) => prepareValue(name, value, texts));
    const insert = db.prepare(`INSERT INTO ${table} VALUES (${columns.map(() => '?').join(', ')})`);
    return (words: readonly string[], newPk: number): void => {
      insert.run(columns.map((column) => column(words, newPk)));
    };
  });
  return (place, newPk) => {
    const words = wordsOf(place);
    for (const insert of inserts) insert(words, newPk);
  };
}

function wordsOf({ id, orderNo, tradeNo, at }: Place): readonly string[] {
  // The trade number first: it begins with the time.
  return [tradeNo, id.slice(4), orderNo, String(at), String(at + EXPIRES_IN_MS)];
}

type Column = (words: readonly string[], pk: number) => unknown;

function prepareValue(name: string, value: unknown, texts: readonly string[]): Column {
  if (name === 'pk' || name === 'payment_pk') return (_, pk) => pk;
  if (typeof value === 'number') {
    const word = texts.indexOf(String(value));
    return word < 0 ? () => value : (words) => Number(words[word]);
  }
  if (typeof value !== 'string') return () => value;
  const parts = value.split(new RegExp(`(${texts.join('|')})`));
  const word = parts.map((part) => texts.indexOf(part));
  return (words) => parts.map((part, i) => words[word[i] ?? -1] ?? part).join('');
}

/** What the store keeps of all payments together. */
function sumUp(db: Database.Database): void {
  db.exec(`
    UPDATE totals SET undelivered = (SELECT count(*) FROM payments INDEXED BY payments_undelivered WHERE undelivered = 1);
    INSERT INTO channel_volumes
      SELECT '${CHANNEL}', 'CNY', created_at / 900000, 1000 * count(*), 1000 * count(*)
      FROM payments INDEXED BY payments_created GROUP BY created_at / 900000
      ON CONFLICT DO NOTHING`);
}

async function assertReadable(path: string, ids: readonly string[]): Promise<void> {
  const reader = openSqliteReader(path);
  for (const id of ids.slice(-2)) if ((await reader.findById(id)) === null) throw new Error(`${id} was not stored`);
  await reader.close();
}

const CHANNEL = 'alipay-main';

/** As many as the shipped configuration has, most of them excluded. */
function candidates(): readonly Candidate[] {
  const none = { score: 0, factors: null, feeMinor: null, successRatio: null, sampleSize: null, latencyMs: null };
  const scored = {
    ...{ score: 0.829058, feeMinor: 6, successRatio: 0.833, sampleSize: 120.25, latencyMs: 479, excluded: null },
    factors: { success: 0.849614, fee: 0.976, latency: 1, settlement: 0.9998 },
    ...{ technicalRatio: 0.98, paymentRatio: 0.85, expectedShare: 0.828675, expectedMinor: 207.168866 },
  };
  return [
    ...[CHANNEL, 'alipay-backup'].map((channelId) => ({ channelId, method: 'alipay', ...scored })),
    { channelId: 'epay-upstream', method: 'alipay', ...none, excluded: 'customer_ip_missing' as const },
    ...['paypal-main', 'stripe-main', 'usdt-main', 'wechatpay-main'].map((channelId) => ({
      ...{ channelId, method: null, ...none, excluded: 'method' as const },
    })),
  ];
}

function finished({ id, orderNo, tradeNo, at }: Place, undelivered: boolean): Payment {
  const blank = createPayment(
    {
      ...{ id, merchantId: 'm_demo', merchantOrderNo: orderNo, requestHash: '0'.repeat(64) },
      ...{ amount: { minor: 1_000, currency: 'CNY' }, methods: ['alipay'], scene: 'qr', subject: 'Game key' },
      ...{ customer: { country: null, sealed: null }, metadata: {}, pinnedChannelId: null, returnUrl: null },
      notifyUrl: 'https://shop.example/notify',
      policies: { lateSuccess: 'refund', surplus: 'refund', amountMismatch: 'hold', paidKnownWithinMs: 60_000 },
      expiresInMs: EXPIRES_IN_MS,
    },
    at,
  );
  const account = '2021000118651';
  const { amount } = blank;
  const after = (payment: Payment, fact: Fact): Payment => {
    const applied = apply(payment, fact, at);
    if (applied.outcome !== 'applied') throw new Error(`a stored payment cannot be made: ${fact.type}`);
    const { events } = applied.payment;
    return { ...applied.payment, events: events.map((e) => ({ ...e, body: e.body || JSON.stringify(blank) })) };
  };
  const channelId = CHANNEL;
  const started = after(blank, {
    type: 'attempt_started',
    attempt: {
      ...{ seq: 1, channelId, method: 'alipay', providerRef: providerRefOf(blank.id, 1), callbackToken: 'stored' },
      ...{ account, amount, providerExpiresAt: blank.expiresAt, absence: 'final', openedAt: at },
      decision: {
        ...{ decidedAt: at, channelId, position: 'first', reason: 'best_score', candidates: candidates() },
        ...{ draw: null, explanation: 'stored' },
      },
    },
  });
  const observation = {
    state: 'succeeded',
    account,
    amount,
    channelTradeNo: tradeNo,
    paidAt: at,
    error: null,
  } as const;
  const paid = after(started, { type: 'observed', seq: 1, by: 'callback', observation });
  const told = after(paid, { type: 'event_sent', eventId: paid.events[0]?.id ?? '', tryNo: 1, delivered: true });
  const ended = undelivered ? told : after(told, { type: 'fulfilled' });
  if (ended.nextDueAt !== null) throw new Error('a stored payment still has something to do');
  return ended;
}
