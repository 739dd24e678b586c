import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoreUnavailable } from '../../../src/store/index.ts';
import type { MongoOptions, MongoStore, Renewal } from '../../../src/store/mongo/index.ts';
import { aPayment, MERCHANT, NEW_YEAR, paid } from '../../contract/payments.ts';
import { eventually } from '../../e2e/stage.ts';
import { type BreakableProxy, startProxy } from '../../services/breakable-proxy.ts';
import { type TemporaryDatabase, temporaryDatabase } from './temporary.ts';

/** What becomes of operations when the way to the server breaks. */
export function describeOutages(server: () => string): void {
  let database: TemporaryDatabase;
  let proxy: BreakableProxy;
  beforeEach(async () => {
    database = temporaryDatabase(server());
    proxy = await startProxy(Number(new URL(database.url).port));
  });
  afterEach(async () => {
    await database.dispose();
    await proxy.stop();
  });

  const openThrough = (options: Partial<MongoOptions>): Promise<MongoStore> =>
    database.open({ url: `mongodb://127.0.0.1:${proxy.port}${new URL(database.url).pathname}`, ...options });

  /** Has it done on the server, and its answer lost. */
  async function unanswered(act: () => Promise<unknown>, done: () => Promise<boolean>): Promise<void> {
    proxy.loseAnswers();
    const asked = act().catch((thrown: unknown) => thrown);
    await eventually(done);
    // The driver repeats a write once by itself, and that answer is lost as well.
    proxy.cut();
    expect(await asked).toBeInstanceOf(StoreUnavailable);
    proxy.pass();
    proxy.cut();
  }

  /** As a replica or a shop asks again after a 503. */
  const again = <T>(act: () => Promise<T>) => eventually(() => act().catch(() => undefined));

  test('a client that finds its server no more is made anew, again and again until it does, and says so', async () => {
    const renewals: Renewal[] = [];
    const timing = { selectionMs: 60_000, socketMs: 200, renewAfterMs: 0, renewStepMs: 300 };
    const store = await openThrough({ ...timing, onRenewal: (renewal) => renewals.push(renewal) });
    const payment = aPayment();
    await store.insert(payment);

    proxy.swallow();
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailable);
    expect(renewals).toEqual([
      { done: false, lostForMs: expect.any(Number), reason: expect.stringMatching(/cannot be/) },
    ]);
    const before = proxy.connections();
    await eventually(() => proxy.connections() > before + 2);
    proxy.cut();
    proxy.pass();
    expect((await again(() => store.findById(payment.id)))?.payment).toEqual(payment);
    await eventually(() => renewals.length === 2);
    expect(renewals[1]).toEqual({ done: true, tookMs: expect.any(Number), tries: expect.any(Number) });
    expect((await store.insert(aPayment())).outcome).toBe('inserted');
  });

  test('a renewal that is under way does not keep a store from closing', async () => {
    const renewals: Renewal[] = [];
    const timing = { selectionMs: 60_000, socketMs: 200, renewAfterMs: 0, renewStepMs: 300 };
    const store = await openThrough({ ...timing, onRenewal: (renewal) => renewals.push(renewal) });
    proxy.swallow();
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailable);
    await store.close();
    expect(renewals.map(({ done }) => done)).toEqual([false]);
  });

  test('a write whose answer is lost was done or not, and is found out by repeating it: nothing is done twice', async () => {
    const direct = await database.open();
    const through = await openThrough({ selectionMs: 500, socketMs: 1_000, renewAfterMs: 0 });
    const key = { merchantId: MERCHANT, key: 'K1', requestHash: 'h', subject: 'A1', now: NEW_YEAR };
    const kept = () => database.meddle((c) => c.collection('keys').countDocuments());
    await unanswered(
      () => through.reserveKey(key),
      async () => (await kept()) === 1,
    );
    expect(await again(() => through.reserveKey(key))).toEqual({ outcome: 'repeat', subject: 'A1' });

    // Between the number's reservation and the payment: another replica takes the number over, and the first comes to nothing.
    const [lost, payment] = [aPayment({ merchantOrderNo: 'A1' }), aPayment({ merchantOrderNo: 'A1' })];
    const reserved = () => database.meddle((c) => c.collection('order_reservations').countDocuments());
    await unanswered(
      () => through.insert(lost),
      async () => (await reserved()) === 1,
    );
    expect((await direct.insert(payment)).outcome).toBe('inserted');
    expect(await again(() => through.insert(lost))).toMatchObject({ outcome: 'exists', payment: { id: payment.id } });

    const [started, last] = paid(payment, 'T1');
    const stored = async () => (await direct.findById(payment.id))?.payment;
    await unanswered(
      () => through.update(started, { before: payment }),
      async () => (await stored())?.version === started.version,
    );
    expect(await again(() => through.update(started, { before: payment }))).toEqual({ outcome: 'stale' });
    expect(await stored()).toEqual(started);
    expect((await again(() => through.update(last))).outcome).toBe('updated');
    expect(
      (await again(() => through.listEvents({ merchantId: MERCHANT, limit: 10 }))).map(({ event }) => event.id),
    ).toEqual(last.events.map(({ id }) => id));
  });
}
