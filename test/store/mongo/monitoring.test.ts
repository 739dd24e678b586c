import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MongoStore } from '../../../src/store/mongo/index.ts';
import type { PoolState } from '../../../src/store/mongo/monitoring.ts';
import { aPayment } from '../../contract/payments.ts';
import { eventually } from '../../e2e/stage.ts';
import { startMongo } from '../../services/mongo.ts';
import { type TemporaryDatabase, temporaryDatabase } from './temporary.ts';

const server = await startMongo();

describe.skipIf('missing' in server)('what a store tells of its server', () => {
  let database: TemporaryDatabase;
  beforeEach(() => {
    database = temporaryDatabase('url' in server ? server.url : '');
  });
  afterEach(() => database.dispose());
  afterAll(async () => {
    if ('stop' in server) await server.stop();
  });

  test('every command is told by its kind; a key that was there already is no failure', async () => {
    const commands: [string, boolean][] = [];
    const store = await database.open({
      onCommand: (command, tookMs, failed) => {
        expect(tookMs).toBeGreaterThanOrEqual(0);
        commands.push([command, failed]);
      },
    });
    commands.length = 0;
    const payment = aPayment();
    await store.insert(payment);
    await store.insert(payment);
    await store.findById(payment.id);
    const kinds = commands.map(([command]) => command);
    expect(kinds.filter((kind) => kind === 'insert').length).toBeGreaterThanOrEqual(2);
    expect(kinds).toContain('find');
    expect(commands.filter(([, failed]) => failed)).toEqual([]);
    expect(store.pool()).toEqual({ inUse: 0, waiting: 0, max: 100 });
  });

  test('operations that wait for a connection are counted, and none is left over', async () => {
    const seen: PoolState[] = [];
    let store: MongoStore | undefined;
    store = await database.open({ poolSize: 1, onCommand: () => void (store && seen.push(store.pool())) });
    const { findById } = store;
    await Promise.all(Array.from({ length: 20 }, () => findById(aPayment().id)));
    expect(Math.max(...seen.map(({ waiting }) => waiting))).toBeGreaterThan(10);
    expect(new Set(seen.map(({ inUse }) => inUse))).toEqual(new Set([1]));
    expect(store.pool()).toEqual({ inUse: 0, waiting: 0, max: 1 });
  });

  test('commands that a lost server did not answer have failed', async () => {
    if (!('outage' in server) || !server.outage) return;
    const failed: string[] = [];
    const store = await database.open({
      selectionMs: 500,
      onCommand: (command, _, hasFailed) => void (hasFailed && failed.push(command)),
    });
    await server.outage.begin();
    await expect(store.findById(aPayment().id)).rejects.toThrow('MongoDB cannot be reached');
    await server.outage.end();
    await eventually(() =>
      store.findById(aPayment().id).then(
        () => true,
        () => false,
      ),
    );
    expect(failed.length).toBeLessThanOrEqual(2);
    expect(store.pool().inUse).toBe(0);
  });

  test('the clock of the server is ours, since it runs here', async () => {
    const store = await database.open();
    expect(Math.abs((await store.serverTime()) - Date.now())).toBeLessThan(5_000);
  });
});
