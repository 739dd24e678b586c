import { afterAll, describe, expect, inject, test } from 'vitest';
import { startMongo } from '../services/mongo.ts';
import { startBalancer } from './balancer.ts';
import { chanceOf } from './chance.ts';
import { openCluster } from './cluster.ts';
import { openShop } from './shop.ts';
import { aMoment, DEMO_KEY } from './site.ts';
import { WAYS } from './traffic.ts';

const SLOW_MS = 120_000;
/** What the balancer needs to see that a replica leaves, several times over. */
const GRACE_S = 1;
const REQUESTS_PER_S = 20;

const redis = inject('redis');
const probe = await startMongo();
if ('stop' in probe) await probe.stop();

const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

describe.skipIf('missing' in redis || 'missing' in probe)('a rolling restart', () => {
  test('behind a balancer that asks /readyz and never retries no request fails', { timeout: SLOW_MS }, async () => {
    const shop = await openShop();
    closers.push(shop.close);
    const cluster = await openCluster({
      chance: chanceOf(1),
      redisProgram: 'path' in redis ? redis.path : '',
      env: { STOP_GRACE_S: String(GRACE_S) },
    });
    closers.push(cluster.close);
    await cluster.sandbox.start();
    await Promise.all(cluster.replicas.map((replica) => replica.start()));
    const balancer = await startBalancer(cluster.replicas);
    closers.push(balancer.close);

    const asking = new Set<Promise<void>>();
    let orders = 0;
    const ask = async (): Promise<void> => {
      orders += 1;
      const headers = { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' };
      const order = {
        merchant_order_no: `R${orders}`,
        amount: 100,
        currency: 'CNY',
        subject: 'Key',
        notify_url: shop.url,
      };
      const body = JSON.stringify({ ...order, ...WAYS[orders % 2] });
      const made = await fetch(`${balancer.url}/v1/payments`, { method: 'POST', headers, body });
      const { id } = (await made.json()) as { id: string };
      await (await fetch(`${balancer.url}/v1/payments/${id}`, { headers })).arrayBuffer();
    };
    const timer = setInterval(() => {
      const asked = ask()
        .catch(() => {})
        .finally(() => asking.delete(asked));
      asking.add(asked);
    }, 2_000 / REQUESTS_PER_S);
    for (const replica of cluster.replicas) {
      const before = balancer.answered();
      const leaving = replica.program();
      leaving.kill('SIGTERM');
      expect(await leaving.ended, leaving.output()).toEqual({ code: 0, signal: null });
      await replica.start();
      while (balancer.answered() < before + REQUESTS_PER_S) await aMoment();
    }
    clearInterval(timer);
    await Promise.all(asking);
    expect(balancer.failures).toEqual([]);
    expect(balancer.answered()).toBeGreaterThan(3 * REQUESTS_PER_S);
  });
});
