import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { isListening } from '../e2e/program.ts';
import { eventually } from '../e2e/stage.ts';
import { chanceOf } from './chance.ts';
import { differencesInEvents, differencesInMoney, readAccounts } from './judge.ts';
import { openShop, type Shop } from './shop.ts';
import { openSite, type Site } from './site.ts';
import { openTraffic, type Traffic, WAYS } from './traffic.ts';

/** What README promises of SIGTERM. */
const STOP_MS_MAX = 10_000;
const SLOW_MS = 120_000;
const SEED = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));

interface Scene {
  readonly site: Site;
  readonly shop: Shop;
  anOrder(set?: Readonly<Record<string, unknown>>): Record<string, unknown>;
}

/** A gateway with the shipped time-outs, its sandbox and a shop. */
function inScene(act: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const shop = await openShop();
    const site = await openSite({
      editConfig: (yaml) => yaml.replaceAll('400ms', '3s').replace('paid_known_within: 60s', 'paid_known_within: 10s'),
    });
    let orders = 0;
    const anOrder: Scene['anOrder'] = (set = {}) => {
      orders += 1;
      const order = { merchant_order_no: `S${orders}`, amount: 1_000, currency: 'CNY', subject: 'Game key' };
      return { ...order, ...WAYS[0], notify_url: shop.url, ...set };
    };
    try {
      await site.sandbox.start();
      await act({ site, shop, anOrder });
    } finally {
      await site.close();
      await shop.close();
    }
  };
}

/** Sends SIGTERM and expects the documented end of it. */
function expectOrderlyStop(site: Site): Promise<void> {
  const stopping = orderlyStop(site);
  // Who awaits it later hears of it then.
  stopping.catch(() => {});
  return stopping;
}

async function orderlyStop(site: Site): Promise<void> {
  const program = site.gateway.program();
  const askedAt = performance.now();
  program.kill('SIGTERM');
  expect(await program.ended, program.output()).toEqual({ code: 0, signal: null });
  expect(performance.now() - askedAt).toBeLessThan(STOP_MS_MAX);
}

/** The listener is opened early in a start, and answers only at its end. */
function takesConnections(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function expectAgreement(site: Site, shop: Shop, traffic: Traffic): Promise<void> {
  let differences: readonly string[] = [];
  await eventually(async () => {
    const accounts = await readAccounts(site);
    differences = [...differencesInMoney(accounts), ...differencesInEvents(accounts, shop)];
    const missing = [...traffic.created].filter(
      ([, ids]) => ids.size !== 1 || !accounts.payments.has([...ids][0] ?? ''),
    );
    differences = [...differences, ...missing.map(([orderNo]) => `${orderNo}: not as it was answered`)];
    return differences.length === 0;
  }, 60_000).catch(() => expect(differences).toEqual([]));
  expect(traffic.complaints).toEqual([]);
}

describe('SIGTERM', { timeout: SLOW_MS }, () => {
  test(
    'under load, with a channel and a shop that hang: answers what is in hand, takes nothing new, ends with 0 in time, loses nothing',
    inScene(async ({ site, shop, anOrder }) => {
      process.stdout.write(`shutdown: CHAOS_SEED=${SEED}\n`);
      const chance = chanceOf(SEED);
      await site.gateway.start();
      const traffic = openTraffic({ site, shop, chance: chance.branch(), ratePerS: 12 });
      traffic.start();
      await eventually(() => traffic.paid() > 20, 30_000);
      shop.answerBy(() => (chance.happens(0.3) ? 'hang' : { status: 200, afterMs: chance.below(200) }));
      // Slower than the signal, faster than the time-out; and one that never answers in time.
      await site.control('wechatpay-main', 'faults', { latency_ms: 1_000 });
      await site.control('stripe-main', 'faults', { latency_ms: 60_000 });
      const stored = async (): Promise<number> =>
        (await site.metrics()).get('switchyard_payments_total{method="card",outcome="created"}') ?? 0;
      const before = await stored();
      const inFlight = [WAYS[1], WAYS[2]].flatMap((way) =>
        Array.from({ length: 5 }, () => site.api('POST', '/v1/payments', anOrder(way))),
      );
      await eventually(async () => (await stored()) >= before + 5);

      const stopping = expectOrderlyStop(site);
      await eventually(async () => !(await isListening(site.url)));
      const answers = await Promise.all(inFlight);
      await stopping;
      // What the hanging channel made of them is not known, so the shop is asked to repeat; nobody was cut off.
      expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(5).fill(201), ...Array(5).fill(503)]);
      for (const { type } of answers.filter(({ status }) => status === 503))
        expect(type).toMatch(/^application\/problem\+json/);

      await site.control('wechatpay-main', 'faults', {});
      await site.control('stripe-main', 'faults', {});
      shop.answerBy(() => ({ status: 200 }));
      await site.gateway.start();
      await traffic.finish();
      await expectAgreement(site, shop, traffic);
    }),
  );

  test(
    'twice, as supervisors and npm send it: the second one cuts nothing short',
    inScene(async ({ site, anOrder }) => {
      await site.gateway.start();
      await site.control('wechatpay-main', 'faults', { latency_ms: 1_500 });
      const inFlight = Array.from({ length: 5 }, () => site.api('POST', '/v1/payments', anOrder(WAYS[1])));
      await eventually(async () => (await site.api('GET', '/v1/payments')).body.data.length === 5);
      const stopping = expectOrderlyStop(site);
      await eventually(async () => !(await isListening(site.url)));
      site.gateway.program().kill('SIGTERM');
      expect((await Promise.all(inFlight)).map(({ status }) => status)).toEqual(Array(5).fill(201));
      await stopping;
    }),
  );

  test(
    'during the start, whenever it comes: ends soon, leaves nothing behind, and the next start works',
    inScene(async ({ site, anOrder }) => {
      await site.gateway.start();
      const { body } = await site.api('POST', '/v1/payments', anOrder());
      await site.gateway.kill();
      for (const afterMs of [0, 60, 120, 250, 400, 550, 700, 900, 1_200]) {
        const program = site.gateway.spawn();
        await pause(afterMs);
        const askedAt = performance.now();
        program.kill('SIGTERM');
        const { code, signal } = await program.ended;
        // Before there is anything to stop, the signal does what it does to every program.
        expect([0, 'SIGTERM'], program.output()).toContain(signal ?? code);
        expect(performance.now() - askedAt).toBeLessThan(STOP_MS_MAX);
        expect(program.stderr()).toBe('');
      }
      await site.gateway.start();
      expect((await site.api('GET', `/v1/payments/${body.id}`)).body.status).toBe('pending');
    }),
  );

  test(
    'while the start waits for a sandbox that is not there: ends at once',
    inScene(async ({ site }) => {
      await site.sandbox.kill();
      const program = site.gateway.spawn();
      await eventually(() => takesConnections(site.url), 30_000);
      const askedAt = performance.now();
      program.kill('SIGTERM');
      const { code, signal } = await program.ended;
      expect([0, 'SIGTERM'], program.output()).toContain(signal ?? code);
      expect(performance.now() - askedAt).toBeLessThan(STOP_MS_MAX);
    }),
  );

  test(
    'while another program holds the database: ends in time, says nothing false, and nothing that was said is lost',
    inScene(async ({ site, shop, anOrder }) => {
      await site.gateway.start();
      const kept = await site.api('POST', '/v1/payments', anOrder());
      const [attempt] = kept.body.attempts;
      const holder = new Database(join(site.theatre.dataDir, 'switchyard.db'));
      holder.exec('BEGIN IMMEDIATE');
      const paid = site.control(attempt.channel, 'pay', { provider_ref: attempt.provider_ref });
      const refused = await Promise.all(Array.from({ length: 5 }, () => site.api('POST', '/v1/payments', anOrder())));
      for (const { status, body } of refused)
        expect({ status, code: body.code }).toEqual({ status: 500, code: 'internal' });
      await paid;
      const inFlight = Array.from({ length: 5 }, () => site.api('POST', '/v1/payments', anOrder()).catch(() => null));
      const stopping = expectOrderlyStop(site);
      await eventually(async () => !(await isListening(site.url)));
      expect(shop.heard.size).toBe(0);
      holder.exec('ROLLBACK');
      holder.close();
      await stopping;
      const taken = (await Promise.all(inFlight)).filter((answer) => answer?.status === 201);
      await site.gateway.start();
      await eventually(() => [...shop.heard.values()].find(({ paymentId }) => paymentId === kept.body.id), 30_000);
      expect((await site.api('GET', `/v1/payments/${kept.body.id}`)).body.status).toBe('succeeded');
      const { body } = await site.api('GET', '/v1/payments');
      const here = body.data.map(({ id }: { id: string }) => id);
      expect(here).toEqual(expect.arrayContaining(taken.map((answer) => answer?.body.id)));
      expect(here.length).toBeLessThanOrEqual(1 + inFlight.length);
    }),
  );
});
