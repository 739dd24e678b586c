import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../e2e/stage.ts';
import { differencesInMoney, readAccounts } from './judge.ts';
import { openShop, type Shop } from './shop.ts';
import { type Answer, openSite, type Service, type Site } from './site.ts';
import { WAYS } from './traffic.ts';

const SLOW_MS = 180_000;
/** What the configuration of these tests promises is ten seconds; the rest is for a busy machine. */
const KNOWN_MS_MAX = 60_000;
const HOUR_MS = 3_600_000;
const LIMITED_KEY = 'sk_sandbox_limited_shop';
const LIMITED_SHOP = `
  m_limited:
    name: Limited shop
    secret_keys: ["${LIMITED_KEY}"]
    webhook: { url: null, secret: "whsec_bGltaXRlZC1zaG9wLXNlY3JldC0wMQ==" }
    limits: { max_amount: null, per_minute: 3 }
`;

const [ALIPAY, WECHATPAY, CARD] = WAYS;
const DIRECTIONS: readonly [string, number][] = [
  ['ahead', HOUR_MS],
  ['back', -HOUR_MS],
];

interface Scene {
  readonly site: Site;
  readonly shop: Shop;
  /** Sets the clock of a process, running or still to be started, off by so much. */
  setClock(service: 'gateway' | 'sandbox', offsetMs: number): Promise<void>;
  create(set?: Readonly<Record<string, unknown>>): Promise<Answer>;
  pay(created: Answer, callback?: string): Promise<number>;
  payment(created: Answer): Promise<Answer['body']>;
  becomes(created: Answer, status: string): Promise<void>;
}

async function inScene(act: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-clock-'));
  const file = (service: string): string => join(folder, service);
  const env = (service: string) => {
    writeFileSync(file(service), '0');
    const preload = join(import.meta.dirname, 'clock-process.ts');
    return { NODE_OPTIONS: `--import ${preload}`, CLOCK_OFFSET_FILE: file(service) };
  };
  const shop = await openShop();
  const site = await openSite({
    gatewayEnv: env('gateway'),
    sandboxEnv: env('sandbox'),
    editConfig: (yaml) => yaml.replace('paid_known_within: 60s', 'paid_known_within: 10s'),
    editMerchants: (yaml) => yaml + LIMITED_SHOP,
  });
  const services: Readonly<Record<'gateway' | 'sandbox', Service>> = { gateway: site.gateway, sandbox: site.sandbox };
  let orders = 0;
  const scene: Scene = {
    ...{ site, shop },
    async setClock(service, offsetMs) {
      writeFileSync(file(service), String(offsetMs));
      if (!services[service].isRunning()) return;
      const program = services[service].program();
      program.kill('SIGUSR2');
      const seen = `${file(service)}.${program.pid}`;
      await eventually(() => readFileSync(seen, 'utf8') === String(offsetMs));
    },
    create(set = {}) {
      orders += 1;
      const order = { merchant_order_no: `K${orders}`, amount: 1_000, currency: 'CNY', subject: 'Game key' };
      return site.api('POST', '/v1/payments', { ...order, ...ALIPAY, notify_url: shop.url, ...set });
    },
    async pay({ body }, callback = 'send') {
      const [{ channel, provider_ref }] = body.attempts;
      return (await site.control(channel, 'pay', { provider_ref, callback })).status;
    },
    payment: async ({ body }) => (await site.api('GET', `/v1/payments/${body.id}`)).body,
    async becomes(created, status) {
      let seen: Answer['body'];
      await eventually(async () => {
        seen = await scene.payment(created);
        return seen.status === status;
      }, KNOWN_MS_MAX).catch(() => expect(seen).toMatchObject({ status }));
    },
  };
  try {
    await site.sandbox.start();
    await site.gateway.start();
    await act(scene);
  } finally {
    await site.close();
    await shop.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Sells over every channel, and returns the money of it. */
async function expectBusinessAsUsual({ site, shop, create, pay, becomes }: Scene): Promise<void> {
  for (const way of WAYS) {
    const created = await eventually(async () => {
      const answer = await create(way);
      return answer.status === 201 && answer;
    }, 30_000);
    expect(await pay(created)).toBe(200);
    await becomes(created, 'succeeded');
    await eventually(() => shop.heard.get(`evt_${created.body.id.slice(4)}_succeeded`));
    const refund = await site.api('POST', `/v1/payments/${created.body.id}/refunds`, {
      merchant_refund_no: `R${created.body.id.slice(-9)}`,
    });
    expect(refund.status, JSON.stringify(refund.body)).toBe(201);
    await becomes(created, 'refunded');
  }
}

async function expectAgreement({ site, shop }: Scene): Promise<void> {
  let differences: readonly string[] = [];
  await eventually(async () => {
    differences = differencesInMoney(await readAccounts(site));
    return differences.length === 0;
  }, KNOWN_MS_MAX).catch(() => expect(differences).toEqual([]));
  // A shop that looks at the time refuses what a wrong clock has signed; that it is told the same under one id stays true.
  for (const { id, bodies } of shop.heard.values()) expect({ id, bodies: bodies.size }).toEqual({ id, bodies: 1 });
}

/** What one process left unfinished when its clock changed. */
async function unfinishedBusiness({ site, shop, create, pay, becomes, payment }: Scene) {
  const refunding = await create(WECHATPAY);
  await pay(refunding);
  await becomes(refunding, 'succeeded');
  await site.control('wechatpay-main', 'faults', { refunds: 'pending' });
  await site.api('POST', `/v1/payments/${refunding.body.id}/refunds`, { merchant_refund_no: 'R1' });
  expect((await payment(refunding)).refunds).toMatchObject([{ status: 'pending' }]);
  await site.control('wechatpay-main', 'faults', {});
  const untaken = await create(CARD);
  shop.answerBy(({ paymentId }, delivery) => ({ status: paymentId === untaken.body.id && delivery === 1 ? 503 : 200 }));
  await pay(untaken);
  const news = `evt_${untaken.body.id.slice(4)}_succeeded`;
  await eventually(() => shop.heard.get(news));
  const lost = await create(WECHATPAY);
  await pay(lost, 'drop');
  return {
    unpaid: await create(ALIPAY),
    async expectFinished() {
      await becomes(lost, 'succeeded');
      await eventually(() => (shop.heard.get(news)?.taken ?? 0) > 0, KNOWN_MS_MAX);
      const { provider_ref } = refunding.body.attempts[0];
      const { body } = await site.control('wechatpay-main', `orders?provider_ref=${provider_ref}`);
      const [{ refund_no }] = body.data[0].refunds;
      await site.control('wechatpay-main', 'refunds', { refund_no, outcome: 'succeeded' });
      await becomes(refunding, 'refunded');
    },
  };
}

describe.each(DIRECTIONS)('a clock that is set %s by an hour', { timeout: SLOW_MS }, (direction, offsetMs) => {
  test('with the providers in step, while it runs: what was begun is finished, and everything works', () =>
    inScene(async (scene) => {
      const { site, setClock, create, pay, becomes } = scene;
      const { unpaid, expectFinished } = await unfinishedBusiness(scene);
      const keyed = { merchant_order_no: 'KEYED', amount: 700, currency: 'CNY', subject: 'Game key', ...ALIPAY };
      const useKey = (amount: number) =>
        site.api('POST', '/v1/payments', { ...keyed, amount }, { 'idempotency-key': 'one-and-only' });
      const first = await useKey(700);
      const limited = (): Promise<Answer> =>
        site.api('GET', '/v1/payments', undefined, { authorization: `Bearer ${LIMITED_KEY}` });
      for (const status of [200, 200, 200, 429]) expect((await limited()).status).toBe(status);

      await setClock('sandbox', offsetMs);
      await setClock('gateway', offsetMs);

      expect((await limited()).status).toBe(200);
      expect((await useKey(700)).body.id).toBe(first.body.id);
      expect(await useKey(800)).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
      await expectBusinessAsUsual(scene);
      await expectFinished();
      if (direction === 'ahead') {
        await becomes(unpaid, 'closed');
        expect(await pay(unpaid)).toBe(409);
      } else {
        expect(await pay(unpaid)).toBe(200);
        await becomes(unpaid, 'succeeded');
      }
      const { id, merchant_order_no } = unpaid.body;
      expect((await create({ merchant_order_no })).body.id).toBe(id);
      await expectAgreement(scene);
    }));

  test('between two runs: a create that was cut off is repeated, and what was begun is finished', () =>
    inScene(async (scene) => {
      const { site, setClock, create, payment } = scene;
      const { expectFinished } = await unfinishedBusiness(scene);
      await site.control('wechatpay-main', 'faults', { latency_ms: 3_000 });
      const order = { ...WECHATPAY, merchant_order_no: 'CUT' };
      const cut = create(order).catch(() => null);
      await eventually(
        async () => (await site.api('GET', '/v1/payments?merchant_order_no=CUT')).body.data.length === 1,
      );
      await site.gateway.kill();
      expect(await cut).toBeNull();
      await site.control('wechatpay-main', 'faults', {});
      await setClock('sandbox', offsetMs);
      await setClock('gateway', offsetMs);
      await site.gateway.start();

      const repeated = await eventually(async () => {
        const answer = await create(order);
        // By a clock that is ahead the order has expired meanwhile.
        const isSettled =
          direction === 'ahead' ? answer.body.status === 'closed' : answer.body.action?.type === 'qr_code';
        return isSettled && answer;
      }, 30_000);
      expect((await payment(repeated)).merchant_order_no).toBe('CUT');
      await expectFinished();
      await expectBusinessAsUsual(scene);
      await expectAgreement(scene);
    }));

  test('and alone in being wrong: providers that look at the time are refused and refuse, clearly, until it is right', () =>
    inScene(async (scene) => {
      const { site, setClock, create, pay, payment, becomes } = scene;
      const open: Answer[] = [];
      for (const way of WAYS) open.push(await create(way));
      for (const created of open) expect(await pay(created, 'delay_ms:1500')).toBe(200);
      await setClock('gateway', offsetMs);

      const [alipay, wechatpay, card] = [await create(ALIPAY), await create(WECHATPAY), await create(CARD)];
      for (const { status, type, retryAfter, body } of [alipay, wechatpay]) {
        expect({ status, code: body.code }).toEqual({ status: 503, code: 'no_channel_available' });
        expect(type).toMatch(/^application\/problem\+json/);
        expect(retryAfter).not.toBeNull();
      }
      // Stripe looks at no time but the expiry that it is asked for, and takes no order that is over already.
      if (direction === 'ahead') expect(card.status).toBe(201);
      else expect(card).toMatchObject({ status: 422, body: { code: 'channel_rejected' } });
      const program = site.gateway.program();
      await program.says(/"operation":"create","kind":"AUTH_MISCONFIGURED".*"channel trouble"/);
      await program.says(/"why":"stale".*"callback refused"/);
      const wechatOrder = open[1]?.body.attempts[0].provider_ref;
      const booked = await site.control('wechatpay-main', `orders?provider_ref=${wechatOrder}`);
      expect(booked.body.data).toMatchObject([{ status: 'paid', callbacks_acked: 0 }]);

      await setClock('gateway', 0);
      await expectBusinessAsUsual(scene);
      for (const created of open) await becomes(created, 'succeeded');
      for (const { attempts } of await Promise.all(open.map(payment)))
        expect(attempts).toMatchObject([{ effect: 'effective' }]);
      await expectAgreement(scene);
    }));
});
