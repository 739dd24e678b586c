import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Payment } from '../../../src/payment/index.ts';
import { bringForward } from '../../../src/store/bring-forward.ts';
import { openSqliteReader, openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/index.ts';
import { afterFact, aPayment, lastAttempt, MERCHANT, NEW_YEAR, observed, paid } from '../../contract/payments.ts';
import { makeTemporaryDirectory } from './temporary.ts';
import { version1Document, writeVersion1 } from './version-1.ts';

const ORDERS = ['created', 'open', 'unknown', 'paid', 'told', 'late', 'surplus', 'given-up'] as const;
type OrderNo = (typeof ORDERS)[number];

let directory: ReturnType<typeof makeTemporaryDirectory>;
let path: string;
let store: SqliteStore | undefined;

beforeEach(() => {
  directory = makeTemporaryDirectory();
  path = join(directory.path, 'switchyard.db');
});

afterEach(async () => {
  await store?.close();
  store = undefined;
  directory.remove();
});

function open(options: Partial<Parameters<typeof openSqliteStore>[0]> = {}): SqliteStore {
  store = openSqliteStore({ path, ...options });
  return store;
}

async function get(orderNo: OrderNo): Promise<Payment> {
  const stored = await store?.findByOrderNo(MERCHANT, orderNo);
  if (!stored) throw new Error(`${orderNo} is gone`);
  return stored.payment;
}

const idOf = (orderNo: OrderNo): string => String(version1Document(orderNo).id);

describe('a file of version 1', () => {
  test('opens with every payment in it, brought forward', async () => {
    writeVersion1(path);
    const opened = open();
    for (const orderNo of ORDERS) expect(await get(orderNo)).toEqual(bringForward(version1Document(orderNo)));
    expect((await opened.list({ merchantId: MERCHANT, limit: 100 })).items).toHaveLength(ORDERS.length);
  });

  test('counts what version 1 counted, and what it did not', async () => {
    writeVersion1(path);
    expect(await open().counts()).toEqual({
      unknown: 1,
      undelivered: 4,
      oldestUnknownAt: NEW_YEAR,
      oldestUndeliveredAt: NEW_YEAR,
      webhookBacklog: 2,
      oldestWebhookAt: NEW_YEAR + 60_000,
      deadEvents: 1,
      refundsPending: 0,
      held: 2,
    });
  });

  test('counts what is open on each channel, and what was taken and paid of late', async () => {
    const day = 86_400_000;
    const today = Math.floor(Date.now() / day) * day;
    writeVersion1(
      path,
      `UPDATE payments SET created_at = ${today}, document = json_replace(document, '$.createdAt', ${today},
         '$.attempts[0].decision.decidedAt', ${today}, '$.attempts[0].paidAt', ${today}) WHERE merchant_order_no IN ('open', 'paid')`,
    );
    const opened = open();
    expect(await opened.liveOrders()).toEqual(new Map([['alipay-main', 2]]));
    const asked = { channelId: 'alipay-main', currency: 'CNY', from: today, until: today + day };
    expect(await opened.channelVolume(asked)).toEqual({ takenMinor: 2_000, paidMinor: 1_000 });
    const held = await get('open');
    await opened.update(afterFact(held, observed(lastAttempt(held), { state: 'closed' }), NEW_YEAR + 60_000));
    expect(await opened.liveOrders()).toEqual(new Map([['alipay-main', 1]]));
    expect(await opened.channelVolume(asked)).toEqual({ takenMinor: 1_000, paidMinor: 1_000 });
  });

  test('lists the events that were given up before', async () => {
    writeVersion1(path);
    const opened = open();
    const listed = await opened.listDeadEvents({ merchantId: null, limit: 10 });
    const [event] = (await get('given-up')).events;
    expect(listed).toEqual([{ paymentId: idOf('given-up'), merchantId: MERCHANT, event }]);
    expect(await opened.listEvents({ merchantId: MERCHANT, limit: 10 })).toHaveLength(5);
  });

  test('hands out money that nobody has decided about, though nothing was left to do for it', async () => {
    writeVersion1(path);
    expect(version1Document('late').nextDueAt).toBeNull();
    const due = await open().claimDue({ now: NEW_YEAR + 10_000_000, owner: 'a', leaseMs: 1_000, limit: 100 });
    const reminded = due.filter((payment) => payment.agenda.some((item) => item.kind === 'remind'));
    expect(reminded.map((payment) => payment.merchantOrderNo)).toEqual(['surplus', 'late']);
    for (const payment of reminded) expect(payment.nextDueAt).toBeLessThanOrEqual(payment.updatedAt);
  });

  test('brings the day forward on which a payment with such money was to be looked at', async () => {
    const later = NEW_YEAR + 1_000_000_000;
    writeVersion1(
      path,
      `UPDATE payments SET next_due_at = ${later}, document = json_set(document, '$.nextDueAt', ${later})
       WHERE merchant_order_no = 'surplus'`,
    );
    const due = await open().claimDue({ now: NEW_YEAR + 10_000_000, owner: 'a', leaseMs: 1_000, limit: 100 });
    expect(due.map((payment) => payment.merchantOrderNo)).toContain('surplus');
    expect((await get('surplus')).nextDueAt).toBe((await get('surplus')).updatedAt);
  });

  test('goes on: its payments change, and the sums with them', async () => {
    writeVersion1(path);
    const opened = open();
    for (const orderNo of ['late', 'surplus'] as const) {
      const held = await get(orderNo);
      const decided = afterFact(held, { type: 'money_disposed', seq: 1, disposition: 'refund' }, NEW_YEAR + 90_000_000);
      expect((await opened.update(decided)).outcome).toBe('updated');
    }
    const given = await get('given-up');
    const again = { type: 'redelivery_requested', eventId: given.events[0]?.id ?? '' } as const;
    await opened.update(afterFact(given, again, NEW_YEAR + 90_000_000));
    expect(await opened.counts()).toMatchObject({ held: 0, refundsPending: 2, deadEvents: 0, webhookBacklog: 3 });
    expect(await opened.listDeadEvents({ merchantId: null, limit: 10 })).toEqual([]);
    await opened.close();
    expect(await open().counts()).toMatchObject({ held: 0, refundsPending: 2, deadEvents: 0, webhookBacklog: 3 });
  });

  test('still knows its order numbers, trade numbers and keys', async () => {
    writeVersion1(path);
    const opened = open();
    expect((await opened.insert(aPayment({ merchantOrderNo: 'paid' }, NEW_YEAR + 1))).outcome).toBe('exists');
    const [started, done] = paid(aPayment({}, NEW_YEAR + 1), 'T1');
    await opened.insert({ ...started, version: 1 });
    expect((await opened.update({ ...done, version: 2 })).outcome).toBe('trade_no_taken');
    const key = { merchantId: MERCHANT, key: 'k1', requestHash: 'h1', subject: 'new', now: NEW_YEAR };
    expect(await opened.reserveKey(key)).toEqual({ outcome: 'repeat', subject: 'pay_x' });
    expect(await opened.purgeKeys(NEW_YEAR + 1, 10)).toBe(1);
  });

  test('can be read by a program that only looks as soon as it was opened once', async () => {
    writeVersion1(path);
    expect(() => openSqliteReader(path)).toThrow(/older schema version 1; start the gateway once/);
    await open().close();
    const reader = openSqliteReader(path);
    expect((await reader.counts()).held).toBe(2);
    await reader.close();
  });
});

describe('a damaged document in a file of version 1', () => {
  const spoilt: Readonly<Record<string, string>> = {
    'is cut off': 'document = substr(document, 1, length(document) - 9)',
    'has attempts that are none': `document = json_set(document, '$.attempts', json('["late", 1, null, {"effect":"late"}]'))`,
    'has events that are none': `document = json_set(document, '$.events', json('{"delivery":{"state":"dead"}}'))`,
    'has a word for a time': `document = json_set(document, '$.updatedAt', 'soon')`,
    'has no time': `document = json_remove(document, '$.updatedAt')`,
    'is no object': `document = '[{"effect":"late"}]'`,
  };

  test.each(Object.entries(spoilt))('that %s keeps no other payment from being served', async (_, set) => {
    writeVersion1(path, `UPDATE payments SET ${set} WHERE merchant_order_no = 'late'`);
    const opened = open();
    for (const orderNo of ORDERS.filter((each) => each !== 'late')) expect((await get(orderNo)).id).toBe(idOf(orderNo));
    await expect(opened.findById(idOf('late'))).rejects.toThrow(/cannot be trusted/);
    await expect(opened.list({ merchantId: MERCHANT, limit: 100 })).rejects.toThrow(idOf('late'));
    expect((await opened.counts()).deadEvents).toBe(1);
  });
});

describe('bringing a file forward', () => {
  test('without room for it leaves the file as it was, and works once there is room', async () => {
    const many = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      INSERT INTO idempotency_keys SELECT 'm_demo', 'key ' || i, 'h', 's', i FROM n`;
    writeVersion1(path, many);
    const db = new Database(path, { readonly: true });
    const bytes = Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }));
    db.close();
    expect(() => open({ sizeBytesMax: bytes + 4_096 })).toThrow(/no space left; free disk space/);
    expect(() => openSqliteReader(path)).toThrow(/older schema version 1/);
    open();
    for (const orderNo of ORDERS) expect((await get(orderNo)).id).toBe(idOf(orderNo));
  });
});
