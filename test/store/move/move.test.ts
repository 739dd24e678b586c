import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { createConnection } from 'mongoose';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Payment } from '../../../src/payment/index.ts';
import { openMongoStore } from '../../../src/store/mongo/index.ts';
import { type MoveOptions, moveToMongo } from '../../../src/store/move/index.ts';
import { openSqliteReader, openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/index.ts';
import { aPayment, NEW_YEAR, paid } from '../../contract/payments.ts';
import { startMongo } from '../../services/mongo.ts';
import { type TemporaryDatabase, temporaryDatabase } from '../mongo/temporary.ts';
import { openTemporaryStore, type TemporaryStore } from '../sqlite/temporary.ts';
import { aLife, LIVES, live, MERCHANTS } from './lives.ts';
import { told } from './told.ts';

const server = await startMongo();
const DAY_MS = 86_400_000;

describe.skipIf('missing' in server)('an embedded store moves to MongoDB', () => {
  let source: TemporaryStore;
  let store: SqliteStore;
  let database: TemporaryDatabase;

  beforeEach(() => {
    source = openTemporaryStore();
    store = source.store;
    database = temporaryDatabase('url' in server ? server.url : '');
  });
  afterEach(async () => {
    await source.dispose();
    await database.dispose();
  });
  afterAll(async () => {
    if ('stop' in server) await server.stop();
  });

  const move = (set: Partial<MoveOptions> = {}) =>
    moveToMongo({
      ...{
        path: source.path,
        mongoUrl: database.url,
        source: source.path,
        masterKeyId: 'key-1',
        mode: 'move' as const,
      },
      ...{ now: Date.now, onProgress: () => {}, onWaiting: () => {} },
      ...set,
    });

  async function oneOfEach(): Promise<readonly Payment[]> {
    const lives = LIVES.map((life, i) => life({ merchantId: MERCHANTS[i % 2] ?? '' }));
    await live(store, lives, () => 0);
    return lives.flatMap((versions) => versions.at(-1) ?? []);
  }

  async function meddle<T>(act: (connection: ReturnType<typeof createConnection>) => Promise<T>): Promise<T> {
    const connection = await createConnection(database.url).asPromise();
    return act(connection).finally(() => connection.close());
  }

  const key = (name: string) => ({ merchantId: 'm_demo', key: name, requestHash: 'h', subject: 's', now: NEW_YEAR });
  const endpoint = (name: string) => ({
    ...{ merchantId: 'm_demo', endpoint: name, failingSince: NEW_YEAR, pausedAt: null, reason: 'status 500' },
  });

  test('whatever has happened, it answers the same afterwards, and goes on', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(100), fc.constantFrom(...MERCHANTS)), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat(1_000)),
        async (kinds, chances) => {
          await source.dispose();
          await database.dispose();
          source = openTemporaryStore();
          store = source.store;
          database = temporaryDatabase('url' in server ? server.url : '');
          await live(
            store,
            kinds.map(([kind, merchantId]) => aLife(kind, merchantId)),
            () => chances.next().value,
          );
          await store.reserveKey(key('k1'));
          await store.saveFailingEndpoint(endpoint('https://shop.example/a'));
          await store.saveOrderNumber({
            ...{ merchantId: 'm_demo', orderNo: 'E1', version: 1, round: 1, requestHash: 'h', paidBy: null },
          });
          await store.saveRoutingMemory('learnt');
          const before = await told(store);
          await store.close();

          const report = await move();
          expect(report, JSON.stringify(report)).toMatchObject({ outcome: 'moved', problems: [] });
          const moved = await database.open();
          expect(await told(moved)).toEqual(before);
          expect(await moved.loadRoutingMemory()).toBe('learnt');
          expect(await moved.settleMasterKey('another')).toBe('key-1');
          expect(await moved.reserveKey(key('k1'))).toMatchObject({ outcome: 'repeat', subject: 's' });
          // I1, I12 and the order of events hold across the move.
          const [some] = before.sample;
          if (some !== undefined) {
            const rival = aPayment({ merchantId: some.merchantId, merchantOrderNo: some.merchantOrderNo });
            expect(await moved.insert(rival)).toMatchObject({ outcome: 'exists', payment: { id: some.id } });
            const next = aPayment({ merchantId: some.merchantId });
            const known = before.perMerchant[MERCHANTS.indexOf(some.merchantId as 'm_demo')]?.events ?? [];
            await moved.insert(next);
            for (const version of paid(next, `T${next.id}`))
              expect((await moved.update(version)).outcome).toBe('updated');
            const events = await moved.listEvents({ merchantId: some.merchantId, limit: 1_000 });
            expect(events.map(({ event }) => event.id)).toEqual([
              ...known.map(({ event }) => event.id),
              ...(events.at(-1)?.paymentId === next.id ? [events.at(-1)?.event.id] : ['the new one last']),
            ]);
          }
        },
      ),
      { numRuns: 8 },
    );
  }, 60_000);

  test('beside a gateway it copies and does not finish; what changes meanwhile follows, and what goes is gone', async () => {
    const payments = await oneOfEach();
    await store.reserveKey(key('old'));
    await store.saveFailingEndpoint(endpoint('https://shop.example/a'));
    expect((await move()).outcome).toBe('gateway_runs');
    await expect(database.open()).rejects.toThrow('being moved into the database');
    const [created] = payments;
    if (created === undefined) throw new Error('no payment');
    await live(store, [[...paid(created, 'T-later')], aLife(2, 'm_demo')], () => 0);
    await store.purgeKeys(NEW_YEAR + 1, 10);
    await store.forgetFailingEndpoint(endpoint('https://shop.example/a'));
    await store.saveOrderNumber({
      ...{ merchantId: 'm_demo', orderNo: 'E1', version: 1, round: 1, requestHash: 'h', paidBy: created.id },
    });
    const before = await told(store);
    await store.close();
    expect(await move()).toMatchObject({ outcome: 'moved', movedLast: 0 });
    expect(await told(await database.open())).toEqual(before);
  });

  test('waiting, it finishes as soon as the gateway has stopped, with what that wrote last', async () => {
    await oneOfEach();
    const report = await move({
      mode: 'wait',
      onWaiting: () => void live(store, [aLife(2, 'm_demo')], () => 0).then(() => store.close()),
    });
    expect(report).toMatchObject({ outcome: 'moved', movedLast: 1 });
    expect(await (await database.open()).countCreated({ from: 0, before: NEW_YEAR + DAY_MS })).toBe(LIVES.length + 1);
  });

  test('after it nobody opens the file for payments, and a second call changes nothing', async () => {
    await oneOfEach();
    await store.close();
    expect((await move()).outcome).toBe('moved');
    for (const open of [() => openSqliteStore({ path: source.path }), () => openSqliteReader(source.path)]) {
      expect(open).toThrow(/have moved to MongoDB.*MONGO_URL/);
    }
    expect((await move()).outcome).toBe('moved_before');
    const other = temporaryDatabase('url' in server ? server.url : '');
    await expect(move({ mongoUrl: other.url })).rejects.toThrow('moved to another database');
    await other.dispose();
  });

  test('killed between giving the file away and opening the target, it goes on', async () => {
    await oneOfEach();
    const before = await told(store);
    await store.close();
    expect((await move()).outcome).toBe('moved');
    await meddle((c) =>
      c.collection<{ _id: string }>('installation').updateOne({ _id: 'layout' }, { $set: { value: 'being-filled' } }),
    );
    await expect(database.open()).rejects.toThrow('being moved into the database');
    expect((await move()).outcome).toBe('moved');
    expect(await told(await database.open())).toEqual(before);
  });

  test.each([
    ['payments', { document: '{}' }],
    ['events', { paymentId: 'pay_other' }],
    ['order_reservations', { paymentId: 'pay_other' }],
    ['trade_numbers', { paymentId: 'pay_other' }],
  ])('names documents of %s that differ, and does not finish', async (collection, change) => {
    await oneOfEach();
    expect((await move()).outcome).toBe('gateway_runs');
    const changed = await meddle(async (c) => {
      const rows = c.collection<{ _id: string }>(collection);
      const row = await rows.findOne({});
      await rows.updateOne({ _id: row?._id ?? '' }, { $set: change });
      return row?._id;
    });
    const checked = await move({ mode: 'check' });
    expect(checked.outcome).toBe('different');
    expect(checked.collections.find((c) => c.collection === collection)).toMatchObject({
      differingCount: 1,
      differing: [changed],
    });
    // Only what stands under a name for ever cannot be mended by copying again; events can.
    await store.close();
    const finished = await move();
    expect(finished.outcome).toBe(collection === 'events' ? 'moved' : 'different');
    if (finished.outcome === 'different') await source.reopen();
  });

  test('names what only the target has', async () => {
    await oneOfEach();
    expect((await move()).outcome).toBe('gateway_runs');
    await meddle((c) => c.collection<{ _id: string }>('payments').insertOne({ _id: 'pay_stranger' }));
    await store.close();
    const report = await move();
    expect(report.outcome).toBe('different');
    expect(report.collections[0]).toMatchObject({ collection: 'payments', differing: ['pay_stranger'] });
    await source.reopen();
  });

  test('refuses a database that holds anything else, one of another directory, and a second move at the same time', async () => {
    await oneOfEach();
    const stranger = await openMongoStore({ url: database.url, process: 'x', now: Date.now });
    await stranger.close();
    await expect(move()).rejects.toThrow('a gateway has been started on the database');
    await database.dispose();
    await meddle((c) => c.collection<{ _id: string }>('payments').insertOne({ _id: 'pay_1' }));
    await expect(move()).rejects.toThrow('holds payments that no migration has brought');
    await database.dispose();
    expect((await move()).outcome).toBe('gateway_runs');
    await expect(move({ source: randomBytes(4).toString('hex') })).rejects.toThrow('of another data directory');
    const both = await Promise.allSettled([move(), move()]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });
});
