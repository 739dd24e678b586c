import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { owe } from '../gateway/owed-events.ts';
import { inTheatre } from './program.ts';
import { openShop } from './shop.ts';
import { call, eventually } from './stage.ts';

/** A shop that takes connections and never answers. */
async function openHangingShop() {
  let atOnce = 0;
  let most = 0;
  const server = createServer((request) => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    request.on('close', () => {
      atOnce -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    most: () => most,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

test(
  'a shop that never answers has thousands of events waiting; those of another shop go out meanwhile',
  inTheatre(async (theatre) => {
    const [hanging, good] = [await openHangingShop(), await openShop()];
    const store = openSqliteStore({ path: join(theatre.dataDir, 'switchyard.db') });
    const at = Date.now();
    await Promise.all(Array.from({ length: 2_000 }, () => owe(store, { notifyUrl: hanging.url, at })));
    const others: Payment[] = await Promise.all(
      Array.from({ length: 20 }, () => owe(store, { notifyUrl: good.url, at })),
    );
    await store.close();
    const gateway = await theatre.start();
    await eventually(() => good.events.length === others.length, 30_000);
    const { body } = await gateway.api('GET', '/v1/events?limit=1');
    expect(body.data[0].delivery).toMatchObject({ state: 'pending', tries: 0 });
    expect(hanging.most()).toBe(8);
    const metrics = async () => (await fetch(`${gateway.adminUrl}/metrics`)).text();
    // Once for each event of the shop that hangs that found no lane; those of the other stand in line.
    const postponed = 'switchyard_webhook_deliveries_total{outcome="postponed"} 1992\n';
    await eventually(async () => (await metrics()).includes(postponed));
    expect(await metrics()).toContain('switchyard_webhook_deliveries_total{outcome="delivered"} 20');
    expect((await call('GET', `${gateway.adminUrl}/readyz`)).status).toBe(200);
    gateway.program.kill('SIGTERM');
    expect(await gateway.program.ended).toEqual({ code: 0, signal: null });
    await hanging.close();
    await good.close();
  }),
  60_000,
);
