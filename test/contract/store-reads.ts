import { describe, expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import type { PaymentFilter, StoreCounts } from '../../src/store/index.ts';
import {
  afterFact,
  aPayment,
  attemptStarted,
  lastAttempt,
  MERCHANT,
  NEW_YEAR,
  observed,
  paid,
  paidLate,
  refunded,
  refundRequested,
} from './payments.ts';
import type { StoreUnderTest } from './store-harness.ts';

const OTHER = 'm_other';
const ZERO: StoreCounts = {
  unknown: 0,
  undelivered: 0,
  oldestUnknownAt: null,
  oldestUndeliveredAt: null,
  webhookBacklog: 0,
  oldestWebhookAt: null,
  deadEvents: 0,
  refundsPending: 0,
  held: 0,
};

export function describeReads({ store }: StoreUnderTest): void {
  const insert = async (set: Parameters<typeof aPayment>[0] = {}, at = NEW_YEAR): Promise<Payment> => {
    const payment = aPayment(set, at);
    await store().insert(payment);
    return payment;
  };
  const pay = async (payment: Payment, now = NEW_YEAR): Promise<Payment> => {
    const [started, done] = paid(payment, `T${payment.id}`, 'alipay-main', now);
    for (const next of [started, done]) expect((await store().update(next)).outcome).toBe('updated');
    return done;
  };

  describe('a payment', () => {
    test('is found by its id and by its order number as soon as it is written', async () => {
      const payment = await insert();
      expect((await store().findById(payment.id))?.payment).toEqual(payment);
      expect((await store().findByOrderNo(MERCHANT, payment.merchantOrderNo))?.payment).toEqual(payment);
    });

    test('is not found under another merchant, and unknown ones are null', async () => {
      const payment = await insert();
      expect(await store().findByOrderNo(OTHER, payment.merchantOrderNo)).toBeNull();
      expect(await store().findById(aPayment().id)).toBeNull();
    });
  });

  describe('list', () => {
    const ids = async (filter: Partial<PaymentFilter> = {}): Promise<readonly string[]> => {
      const page = await store().list({ merchantId: MERCHANT, limit: 100, ...filter });
      return page.items.map((payment) => payment.id);
    };
    /** All pages, one after the other. */
    const pages = async (filter: Omit<PaymentFilter, 'cursor'>): Promise<readonly (readonly string[])[]> => {
      const found: (readonly string[])[] = [];
      let cursor: string | null = null;
      do {
        const page = await store().list(cursor === null ? filter : { ...filter, cursor });
        found.push(page.items.map((payment) => payment.id));
        cursor = page.nextCursor;
      } while (cursor !== null && found.length < 50);
      return found;
    };

    test('answers newest first, and by id within a millisecond', async () => {
      const old = await insert({}, NEW_YEAR);
      const twins = [await insert({}, NEW_YEAR + 5), await insert({}, NEW_YEAR + 5)].map((p) => p.id).sort();
      const young = await insert({}, NEW_YEAR + 9);
      expect(await ids()).toEqual([young.id, ...twins.reverse(), old.id]);
    });

    test('pages through everything once, also where many share a millisecond', async () => {
      for (let i = 0; i < 23; i += 1) await insert({}, NEW_YEAR + Math.floor(i / 7));
      const found = await pages({ merchantId: MERCHANT, limit: 5 });
      expect(found.map((page) => page.length)).toEqual([5, 5, 5, 5, 3]);
      expect(found.flat()).toEqual(await ids());
    });

    test('has no further page after one that is exactly full', async () => {
      for (let i = 0; i < 4; i += 1) await insert({}, NEW_YEAR + i);
      expect((await store().list({ merchantId: MERCHANT, limit: 4 })).nextCursor).toBeNull();
    });

    test('is not disturbed by payments that come while somebody pages', async () => {
      for (let i = 0; i < 4; i += 1) await insert({}, NEW_YEAR + i);
      const before = await ids();
      const first = await store().list({ merchantId: MERCHANT, limit: 2 });
      await insert({}, NEW_YEAR + 100);
      const second = await store().list({ merchantId: MERCHANT, limit: 2, cursor: first.nextCursor ?? '' });
      expect([...first.items, ...second.items].map((p) => p.id)).toEqual(before);
    });

    test('shows a merchant its own payments only', async () => {
      const mine = await insert();
      await insert({ merchantId: OTHER });
      expect(await ids()).toEqual([mine.id]);
    });

    test('filters by order number', async () => {
      const wanted = await insert({ merchantOrderNo: 'W1' });
      await insert({ merchantOrderNo: 'W2' });
      await insert({ merchantOrderNo: 'W1', merchantId: OTHER });
      expect(await ids({ merchantOrderNo: 'W1' })).toEqual([wanted.id]);
      expect(await ids({ merchantOrderNo: 'W3' })).toEqual([]);
      expect(await ids({ merchantOrderNo: 'W1', status: 'closed' })).toEqual([]);
      expect(await ids({ merchantOrderNo: 'W1', createdAfter: NEW_YEAR + 1 })).toEqual([]);
    });

    test('filters by status as it is now, page by page', async () => {
      const done: string[] = [];
      for (let i = 0; i < 9; i += 1) {
        const payment = await insert({}, NEW_YEAR + i);
        if (i % 2 === 0) done.unshift((await pay(payment)).id);
      }
      const found = await pages({ merchantId: MERCHANT, status: 'succeeded', limit: 2 });
      expect(found.flat()).toEqual(done);
      expect(await ids({ status: 'created' })).toHaveLength(4);
    });

    test('takes times from `createdAfter` on and up to, without, `createdBefore`, so that periods join without gap or overlap', async () => {
      const [a, b, c] = [await insert({}, NEW_YEAR), await insert({}, NEW_YEAR + 10), await insert({}, NEW_YEAR + 20)];
      expect(await ids({ createdAfter: NEW_YEAR, createdBefore: NEW_YEAR + 10 })).toEqual([a.id]);
      expect(await ids({ createdAfter: NEW_YEAR + 10 })).toEqual([c.id, b.id]);
      expect(await ids({ createdBefore: NEW_YEAR + 20 })).toEqual([b.id, a.id]);
    });

    test('pages within a period and within nothing else', async () => {
      for (let i = 0; i < 12; i += 1) await insert({}, NEW_YEAR + i);
      const found = await pages({
        merchantId: MERCHANT,
        createdAfter: NEW_YEAR + 2,
        createdBefore: NEW_YEAR + 9,
        limit: 3,
      });
      expect(found.map((page) => page.length)).toEqual([3, 3, 1]);
      expect(found.flat()).toEqual((await ids()).slice(3, 10));
    });

    test.each(['', 'nonsense', '!!!', 'MTIzOg', 'eyJhIjoxfQ', Buffer.from('99:x; DROP').toString('base64url')])(
      'starts at the newest for the cursor "%s", which it never gave',
      async (cursor) => {
        const payment = await insert();
        expect(await ids({ cursor })).toEqual([payment.id]);
      },
    );
  });

  describe('listEvents', () => {
    const list = (after?: string, limit = 100, merchantId = MERCHANT) =>
      store().listEvents(after === undefined ? { merchantId, limit } : { merchantId, after, limit });

    test('answers the events of a merchant, oldest first, as they were written', async () => {
      const payments = [await insert(), await insert(), await insert({ merchantId: OTHER }), await insert()];
      const done: Payment[] = [];
      for (const [i, payment] of payments.entries()) done.push(await pay(payment, NEW_YEAR + i));
      const mine = done.filter((payment) => payment.merchantId === MERCHANT);
      expect(await list()).toEqual(mine.map((p) => ({ paymentId: p.id, merchantId: MERCHANT, event: p.events[0] })));
    });

    test('goes on after the event that is named', async () => {
      for (let i = 0; i < 5; i += 1) await pay(await insert(), NEW_YEAR + i);
      const all = await list();
      const first = await list(undefined, 2);
      const second = await list(first.at(-1)?.event.id, 2);
      const third = await list(second.at(-1)?.event.id, 2);
      expect([...first, ...second, ...third]).toEqual(all);
      expect(await list(third.at(-1)?.event.id)).toEqual([]);
    });

    test('starts from the beginning after an unknown event, and after one of another merchant', async () => {
      const mine = await pay(await insert());
      const foreign = await pay(await insert({ merchantId: OTHER }));
      expect(await list('evt_unknown')).toHaveLength(1);
      expect((await list(foreign.events[0]?.id)).map((e) => e.paymentId)).toEqual([mine.id]);
    });

    test('shows an event once, with the state of its delivery now', async () => {
      const done = await pay(await insert());
      const [event] = done.events;
      if (!event) throw new Error('a paid payment has no event');
      await store().update(afterFact(done, { type: 'event_sent', eventId: event.id, tryNo: 1, delivered: true }));
      const listed = await list();
      expect(listed).toHaveLength(1);
      expect(listed[0]?.event).toMatchObject({ id: event.id, body: event.body, delivery: { state: 'delivered' } });
    });
  });

  describe('counts', () => {
    test('are zero in an empty store', async () => {
      expect(await store().counts()).toEqual(ZERO);
    });

    test('follow a payment through an unknown outcome, its success, its webhook and its delivery', async () => {
      const payment = await insert();
      const started = afterFact(payment, attemptStarted(payment));
      const error = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', providerCode: null };
      const lost = afterFact(started, { type: 'attempt_lost', seq: 1, error, latencyMs: 3_000 });
      for (const next of [started, lost]) await store().update(next);
      expect(await store().counts()).toMatchObject({
        unknown: 1,
        undelivered: 0,
        webhookBacklog: 0,
        oldestUnknownAt: NEW_YEAR,
      });

      const done = afterFact(lost, observed(lastAttempt(lost), { channelTradeNo: 'T1' }), NEW_YEAR + 7);
      await store().update(done);
      const expected = {
        ...ZERO,
        undelivered: 1,
        oldestUndeliveredAt: NEW_YEAR,
        webhookBacklog: 1,
        oldestWebhookAt: NEW_YEAR + 7,
      };
      expect(await store().counts()).toEqual(expected);

      const sent = afterFact(done, {
        type: 'event_sent',
        eventId: done.events[0]?.id ?? '',
        tryNo: 1,
        delivered: true,
      });
      await store().update(sent);
      expect(await store().counts()).toMatchObject({ undelivered: 1, webhookBacklog: 0, oldestWebhookAt: null });

      await store().update(afterFact(sent, { type: 'fulfilled' }));
      expect(await store().counts()).toEqual(ZERO);
    });

    test('follow a refund from its making to its end', async () => {
      const done = await pay(await insert());
      const asked = afterFact(done, refundRequested({ amountMinor: 400 }));
      const twice = afterFact(asked, refundRequested({ merchantRefundNo: 'R2', amountMinor: 500 }));
      const counted: number[] = [];
      for (const next of [
        asked,
        twice,
        afterFact(twice, refunded(1)),
        afterFact(afterFact(twice, refunded(1)), refunded(2)),
      ]) {
        expect((await store().update(next)).outcome).toBe('updated');
        counted.push((await store().counts()).refundsPending);
      }
      expect(counted).toEqual([1, 2, 1, 0]);
    });

    test('follow money that waits for a person, until that person has decided', async () => {
      const payment = await insert({ policies: { ...aPayment().policies, lateSuccess: 'hold' } });
      const versions = paidLate(payment, 'T1');
      for (const next of versions) expect((await store().update(next)).outcome).toBe('updated');
      expect(await store().counts()).toMatchObject({ held: 1, undelivered: 0 });
      const late = versions.at(-1) ?? payment;
      await store().update(afterFact(late, { type: 'money_disposed', seq: 1, disposition: 'keep' }, late.updatedAt));
      expect(await store().counts()).toMatchObject({ held: 0, undelivered: 1 });
    });

    test('add up over payments, and a write that came too late counts for nothing', async () => {
      const payments = [await insert({}, NEW_YEAR), await insert({}, NEW_YEAR + 1), await insert({}, NEW_YEAR + 2)];
      const histories = payments.map((payment, i) => paid(payment, `T${i}`, 'alipay-main', NEW_YEAR + i));
      for (const [started, done] of histories.toReversed()) {
        for (const next of [started, done, done]) await store().update(next);
      }
      const expected = {
        ...ZERO,
        undelivered: 3,
        oldestUndeliveredAt: NEW_YEAR,
        webhookBacklog: 3,
        oldestWebhookAt: NEW_YEAR,
      };
      expect(await store().counts()).toEqual(expected);
    });
  });

  test('ping resolves while the store can serve', async () => {
    await expect(store().ping()).resolves.toBeUndefined();
  });

  test('whatever is asked of a closed store is rejected, and closing twice is harmless', async () => {
    const payment = await insert();
    await store().close();
    await store().close();
    await expect(store().findById(payment.id)).rejects.toThrow();
    await expect(store().insert(aPayment())).rejects.toThrow();
    await expect(store().claimDue({ now: NEW_YEAR, owner: 'a', leaseMs: 1, limit: 1 })).rejects.toThrow();
    await expect(store().ping()).rejects.toThrow();
  });
}
