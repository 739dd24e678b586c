import type { Connection } from 'mongoose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StoreUnavailable } from '../../../src/store/index.ts';
import { openMongoStore } from '../../../src/store/mongo/index.ts';
import { afterFact, aPayment, attemptStarted, MERCHANT, NEW_YEAR, paid } from '../../contract/payments.ts';
import { type TemporaryDatabase, temporaryDatabase } from './temporary.ts';

/** What this adapter does beyond the contract: several processes, deaths between two writes, other versions, outages. */
export function describeAdapter(server: () => string): void {
  let database: TemporaryDatabase;
  beforeEach(() => {
    database = temporaryDatabase(server());
  });
  afterEach(() => database.dispose());

  const meddle: <T>(act: (connection: Connection) => Promise<T>) => Promise<T> = (act) => database.meddle(act);

  describe('an order number that is reserved for a payment that did not come', () => {
    const reserve = (paymentId: string, orderNo: string) =>
      meddle((c) =>
        c
          .collection<{ _id: string; paymentId: string }>('order_reservations')
          .insertOne({ _id: JSON.stringify([MERCHANT, orderNo]), paymentId }),
      );

    test('is taken over, and the first cannot come any more', async () => {
      const [first, second] = [aPayment({ merchantOrderNo: 'A1' }), aPayment({ merchantOrderNo: 'A1' })];
      const store = await database.open();
      await reserve(first.id, 'A1');
      expect(await store.findByOrderNo(MERCHANT, 'A1')).toBeNull();
      expect((await store.insert(second)).outcome).toBe('inserted');
      expect(await store.insert(first)).toMatchObject({ outcome: 'exists', payment: { id: second.id } });
      expect(await store.findById(first.id)).toBeNull();
      expect((await store.list({ merchantId: MERCHANT, limit: 10 })).items.map(({ id }) => id)).toEqual([second.id]);
    });

    test('is still its own', async () => {
      const payment = aPayment({ merchantOrderNo: 'A1' });
      const store = await database.open();
      await reserve(payment.id, 'A1');
      expect((await store.insert(payment)).outcome).toBe('inserted');
      expect((await store.insert(payment)).outcome).toBe('exists');
    });
  });

  test('two processes make one payment of an order, list the events of both without a gap, and claim each due payment once', async () => {
    const [one, two] = [await database.open(), await database.open()];
    const rivals = Array.from({ length: 10 }, () => aPayment({ merchantOrderNo: 'A1' }));
    const inserted = await Promise.all(rivals.map((payment, i) => (i % 2 ? one : two).insert(payment)));
    expect(inserted.filter(({ outcome }) => outcome === 'inserted')).toHaveLength(1);
    const histories = Array.from({ length: 8 }, (_, i) => {
      const payment = aPayment();
      return { store: i % 2 ? one : two, payment, versions: paid(payment, `T${i}`) };
    });
    await Promise.all(
      histories.map(async ({ store, payment, versions }) => {
        await store.insert(payment);
        for (const next of versions) expect((await store.update(next)).outcome).toBe('updated');
      }),
    );
    const listed = await one.listEvents({ merchantId: MERCHANT, limit: 100 });
    expect(new Set(listed.map(({ paymentId }) => paymentId))).toEqual(
      new Set(histories.map(({ payment }) => payment.id)),
    );
    expect(listed).toHaveLength(8);
    const now = NEW_YEAR + 86_400_000;
    const claims = await Promise.all(
      [one, two].map((store, i) => store.claimDue({ now, owner: `${i}`, leaseMs: 1_000, limit: 100 })),
    );
    expect(claims.flat()).toHaveLength(9);
    expect(new Set(claims.flat().map(({ id }) => id)).size).toBe(9);
  });

  test('leaves what a newer version has added where it is', async () => {
    const payment = aPayment();
    const store = await database.open();
    await store.insert(payment);
    await meddle((c) =>
      c
        .collection<{ _id: string }>('payments')
        .updateOne(
          { _id: payment.id },
          { $set: { added: 'beside', document: JSON.stringify({ ...payment, added: 'inside' }) } },
        ),
    );
    const stored = await store.findById(payment.id);
    if (!stored) throw new Error('it is gone');
    expect((await store.update(afterFact(stored.payment, attemptStarted(payment)))).outcome).toBe('updated');
    const row = await meddle((c) => c.collection<{ _id: string }>('payments').findOne({ _id: payment.id }));
    expect(row).toMatchObject({ added: 'beside', document: expect.stringContaining('"added":"inside"') });
  });

  test('refuses a document of a newer schema, says so, hands it out to nobody and leaves it as it is', async () => {
    const damaged: string[] = [];
    const store = await database.open({ onDamaged: (error) => damaged.push(error.message) });
    const [newer, known] = [aPayment(), aPayment()];
    await store.insert(newer);
    await store.insert(known);
    const document = JSON.stringify({ ...newer, schema: 3, attempts: { moved: 'elsewhere' } });
    await meddle((c) => c.collection<{ _id: string }>('payments').updateOne({ _id: newer.id }, { $set: { document } }));
    await expect(store.findById(newer.id)).rejects.toThrow(/schema 3.*newer version.*knows up to 2/);
    const claim = { now: NEW_YEAR + 86_400_000, owner: 'old', leaseMs: 1_000, limit: 10 };
    expect((await store.claimDue(claim)).map(({ id }) => id)).toEqual([known.id]);
    expect(damaged).toEqual([expect.stringMatching(/schema 3.*newer version/)]);
    const row = await meddle((c) => c.collection<{ _id: string }>('payments').findOne({ _id: newer.id }));
    expect(row).toMatchObject({ document });
  });

  test('refuses a database whose layout it does not know', async () => {
    await (await database.open()).close();
    await meddle((c) =>
      c.collection<{ _id: string }>('installation').updateOne({ _id: 'layout' }, { $set: { value: '2' } }),
    );
    await expect(database.open()).rejects.toThrow(/layout 2, this program knows 1/);
  });

  test.each([
    ['mongodb://user:secret-word@127.0.0.1:1/payments?serverSelectionTimeoutMS=100', /cannot be reached/],
    ['mongodb://user:secret-word@127.0.0.1:1/payments?w=nonsense&tls=nonsense', /not a connection string/],
  ])('says of %s what is wrong, without the password', async (url, said) => {
    const opened = openMongoStore({ url, process: 'test', now: Date.now, selectionMs: 200 });
    const error = await opened.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(String(error)).toMatch(said);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret-word');
  });
}
