import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { scrape, sumOf } from '../../../bench/metrics.ts';
import { inTheatre } from '../../e2e/program.ts';
import { openShop } from '../../e2e/shop.ts';
import { call, eventually } from '../../e2e/stage.ts';
import { startProxy } from '../../services/breakable-proxy.ts';
import { startMongo } from '../../services/mongo.ts';

const server = await startMongo();
const SLOW_MS = 90_000;
const keyOf = (step: number) => Buffer.from(Array.from({ length: 32 }, (_, i) => i * step)).toString('base64');

describe.skipIf('missing' in server)('a process with MONGO_URL', () => {
  afterAll(async () => {
    if ('stop' in server) await server.stop();
  });

  test(
    'takes a payment to its end, shares it with others of its key alone, and survives an outage of the database',
    { timeout: SLOW_MS },
    inTheatre(async (theatre) => {
      if ('missing' in server) throw new Error(server.missing);
      const shop = await openShop();
      const MONGO_URL = `${server.url}/switchyard_${randomBytes(6).toString('hex')}`;
      const gateway = await theatre.start({ MONGO_URL, MASTER_KEY: keyOf(7) });
      const order = {
        ...{ merchant_order_no: 'M1', amount: 1000, currency: 'CNY', subject: 'Game key' },
        ...{ methods: ['alipay'], scene: 'qr', notify_url: shop.url },
      };
      try {
        const created = await gateway.api('POST', '/v1/payments', order);
        expect(created.status, JSON.stringify(created.body)).toBe(201);
        const { id, attempts } = created.body;
        const { channel, provider_ref } = attempts[0];
        const sandboxUrl = `http://127.0.0.1:${gateway.place.SANDBOX_PORT}`;
        await call('POST', `${sandboxUrl}/_control/channels/${channel}/pay`, { provider_ref });
        const [event] = await eventually(() => shop.eventsOf(id).length > 0 && shop.eventsOf(id));
        expect(event).toMatchObject({ type: 'payment.succeeded', verified: true });
        expect((await gateway.api('GET', '/v1/events')).body).toMatchObject({ data: [{ id: event?.id }] });

        const shown = theatre.run(['payments', 'show', id], { MONGO_URL, MASTER_KEY: keyOf(7) });
        expect(await shown.ended, shown.output()).toMatchObject({ code: 0 });
        expect(shown.stdout()).toContain('succeeded');

        const DATA_DIR = join(theatre.folder, 'stranger');
        const stranger = theatre.run(['start'], { MONGO_URL, DATA_DIR, MASTER_KEY: keyOf(11) });
        expect((await stranger.ended).code).toBe(1);
        expect(stranger.output()).toContain('give all replicas the same MASTER_KEY');

        const metrics = await scrape(gateway.adminUrl);
        expect(metrics.get('switchyard_mongo_command_duration_seconds_count{command="insert"}')).toBeGreaterThan(0);
        expect(metrics.get('switchyard_mongo_connections_max')).toBe(100);
        expect(metrics.get('switchyard_mongo_operations_waiting')).toBe(0);
        expect(Math.abs(metrics.get('switchyard_clock_skew_seconds{against="mongodb"}') ?? 9)).toBeLessThan(1);

        if (!server.outage) return;
        await server.outage.begin();
        const refused = await gateway.api('POST', '/v1/payments', { ...order, merchant_order_no: 'M2' });
        expect(refused).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
        expect(refused.headers.get('retry-after')).toBe('5');
        expect((await call('GET', `${gateway.adminUrl}/readyz`)).status).toBe(503);
        await server.outage.end();
        const again = () => gateway.api('POST', '/v1/payments', { ...order, merchant_order_no: 'M2' });
        await eventually(async () => (await again()).status < 300, 30_000);
        expect((await call('GET', `${gateway.adminUrl}/readyz`)).status).toBe(200);
        expect((await gateway.api('GET', `/v1/payments/${id}`)).body.id).toBe(id);
      } finally {
        await shop.close();
      }
    }),
  );

  test(
    'whose way to the database has gone dead makes its client anew until it works, logs it and counts it',
    { timeout: SLOW_MS },
    inTheatre(async (theatre) => {
      if ('missing' in server) throw new Error(server.missing);
      const port = Number(new URL(server.url).port);
      let dead = false;
      const way = await startProxy(() => (dead ? null : port));
      try {
        const MONGO_URL = `mongodb://127.0.0.1:${way.port}/switchyard_${randomBytes(6).toString('hex')}`;
        const gateway = await theatre.start({ MONGO_URL, MASTER_KEY: keyOf(7), LOG_LEVEL: 'info' });
        const renewals = async () => sumOf(await scrape(gateway.adminUrl), 'switchyard_store_client_renewals_total');
        expect(await renewals()).toBe(0);
        dead = true;
        way.cut();
        await eventually(() => gateway.program.output().includes('its client is made anew'), SLOW_MS / 2);
        dead = false;
        await eventually(() => gateway.program.output().includes('the new client has found MongoDB'), SLOW_MS / 2);
        await eventually(async () => (await call('GET', `${gateway.adminUrl}/readyz`)).status === 200);
        expect(await renewals()).toBe(1);
        const order = { merchant_order_no: 'M1', amount: 1000, currency: 'CNY', subject: 'Game key' };
        const created = await gateway.api('POST', '/v1/payments', { ...order, methods: ['alipay'], scene: 'qr' });
        expect(created.status, JSON.stringify(created.body)).toBe(201);
      } finally {
        await way.stop();
      }
    }),
  );
});
