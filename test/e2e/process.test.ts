import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Gateway, inTheatre, isListening, type Theatre } from './program.ts';
import { openShop, type Shop } from './shop.ts';
import { call, eventually } from './stage.ts';

/** Generous: a start makes RSA keys, on a machine that may be busy. */
const SLOW_MS = 60_000;

interface Scene {
  readonly theatre: Theatre;
  readonly shop: Shop;
  anOrder(set?: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /** Creates a payment; `order` is what the control API wants to hear of it. */
  placed(
    gateway: Gateway,
    set?: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly id: string; readonly channel: string; readonly order: { readonly provider_ref: string } }>;
}

/** A test with processes and a shop of its own, so that the waiting of one is the work of another. */
function inScene(act: (scene: Scene) => Promise<void>): () => Promise<void> {
  return inTheatre(async (theatre) => {
    const shop = await openShop();
    let orders = 0;
    const anOrder: Scene['anOrder'] = (set = {}) => {
      orders += 1;
      const order = { merchant_order_no: `P${orders}`, amount: 1000, currency: 'CNY', subject: 'Game key' };
      return { ...order, ...WAYS[0], notify_url: shop.url, ...set };
    };
    const placed: Scene['placed'] = async (gateway, set) => {
      const { status, body } = await gateway.api('POST', '/v1/payments', anOrder(set));
      expect(status, JSON.stringify(body)).toBe(201);
      const { channel, provider_ref } = body.attempts[0];
      return { id: body.id, channel, order: { provider_ref } };
    };
    try {
      await act({ theatre, shop, anOrder, placed });
    } finally {
      await shop.close();
    }
  });
}

const control = (sandboxUrl: string, channel: string, verb: string, body?: unknown) =>
  call(body === undefined ? 'GET' : 'POST', `${sandboxUrl}/_control/channels/${channel}/${verb}`, body);

const CHANNELS = ['alipay-main', 'wechatpay-main', 'stripe-main'];
/** One way to pay over each of them. */
const WAYS = [
  { methods: ['alipay'], scene: 'qr' },
  { methods: ['wechatpay'], scene: 'qr' },
  { methods: ['card'], scene: 'redirect' },
];

describe.concurrent('a process', { timeout: SLOW_MS }, () => {
  test(
    'a start prints where everything is, and a curl line that creates a payment when a shell executes it',
    inScene(async ({ theatre }) => {
      const gateway = await theatre.start();
      const [, line = ''] = await gateway.program.says(/\n +(curl [^\n]+)\n/);
      const shell = theatre.command('/bin/sh', ['-c', line]);
      expect(await shell.ended).toEqual({ code: 0, signal: null });
      expect(JSON.parse(shell.stdout())).toMatchObject({ object: 'payment', status: 'pending', amount: 1000 });
      expect((await call('GET', `${gateway.adminUrl}/readyz`)).status).toBe(200);
      for (const word of ['alipay-main', 'stripe-main', 'm_demo', 'sk_sandbox_demo']) {
        expect(gateway.program.stdout()).toContain(word);
      }
      gateway.program.kill('SIGTERM');
      expect(await gateway.program.ended).toEqual({ code: 0, signal: null });
      for (const url of [gateway.url, `${gateway.adminUrl}/healthz`]) expect(await isListening(url)).toBe(false);
      expect(gateway.program.stderr()).toBe('');
    }),
  );

  test(
    'SIGTERM: requests in flight are answered, the exit code is 0, and all that was answered is kept',
    inScene(async ({ theatre, anOrder, placed }) => {
      const sandbox = await theatre.sandbox();
      const gateway = await theatre.start({ SANDBOX_URL: sandbox.url });
      for (const way of WAYS) await placed(gateway, way);
      // Below the time-out of a create: every order is taken, but not before the signal.
      for (const channel of CHANNELS) await control(sandbox.url, channel, 'faults', { latency_ms: 1_000 });
      let answered = 0;
      const inFlight = Array.from({ length: 21 }, async (_, i) => {
        const answer = await gateway.api('POST', '/v1/payments', anOrder(WAYS[i % 3]));
        answered += 1;
        return answer;
      });
      await eventually(async () => {
        const { body } = await gateway.api('GET', '/v1/payments?limit=100');
        return body.data.length === 24;
      });
      expect(answered).toBeLessThan(21);
      gateway.program.kill('SIGTERM');
      const answers = await Promise.all(inFlight);
      expect(answers.map(({ status }) => status)).toEqual(Array(21).fill(201));
      // The program itself ends with 1 when stopping takes ten seconds.
      expect(await gateway.program.ended).toEqual({ code: 0, signal: null });

      const again = await theatre.start(gateway.place);
      for (const { body } of answers) {
        const kept = await again.api('GET', `/v1/payments/${body.id}`);
        expect(kept.body).toMatchObject({ status: 'pending', action: body.action, attempts: [{ status: 'open' }] });
      }
    }),
  );

  test(
    'a second signal ends at once what would still finish by itself',
    inScene(async ({ theatre, anOrder }) => {
      const gateway = await theatre.start();
      const sandboxUrl = `http://127.0.0.1:${gateway.place.SANDBOX_PORT}`;
      await control(sandboxUrl, 'stripe-main', 'faults', { latency_ms: 60_000 });
      const lost = gateway.api('POST', '/v1/payments', anOrder(WAYS[2])).catch(() => 'cut');
      await eventually(async () => (await gateway.api('GET', '/v1/payments')).body.data.length === 1);
      gateway.program.kill('SIGINT');
      await eventually(async () => !(await isListening(gateway.url)));
      gateway.program.kill('SIGINT');
      expect(await gateway.program.ended).toEqual({ code: 1, signal: null });
      expect(await lost).toBe('cut');
    }),
  );

  test(
    'kill -9 between payment and callback, before and while a shop takes an event: nothing is lost, nothing is doubled',
    inScene(async ({ theatre, shop, placed }) => {
      const sandbox = await theatre.sandbox();
      const gateway = await theatre.start({ SANDBOX_URL: sandbox.url });
      const busy = await openShop();
      busy.answerWith({ status: 503 });
      const untaken = await placed(gateway, { notify_url: busy.url });
      await control(sandbox.url, untaken.channel, 'pay', untaken.order);
      const first = await eventually(() => busy.eventsOf(untaken.id)[0]);
      const paid = [];
      for (const way of WAYS) paid.push(await placed(gateway, way));
      for (const { channel, order } of paid) {
        const answer = await control(sandbox.url, channel, 'pay', { ...order, callback: 'delay_ms:2000' });
        expect(answer.status).toBe(200);
      }
      gateway.program.kill('SIGKILL');
      expect(await gateway.program.ended).toEqual({ code: null, signal: 'SIGKILL' });
      expect(shop.events).toEqual([]);

      busy.answerWith({ status: 200 });
      const again = await theatre.start(gateway.place);
      for (const { id } of paid) {
        await eventually(() => shop.eventsOf(id)[0], SLOW_MS);
        expect((await again.api('GET', `/v1/payments/${id}`)).body.status).toBe('succeeded');
        expect(new Set(shop.eventsOf(id).map((e) => e.id))).toEqual(new Set([`evt_${id.slice(4)}_succeeded`]));
        expect(shop.eventsOf(id).every((e) => e.verified)).toBe(true);
      }
      const second = await eventually(() => busy.eventsOf(untaken.id)[1], SLOW_MS);
      expect({ id: second.id, body: second.body }).toEqual({ id: first.id, body: first.body });
      expect(second.verified).toBe(true);
      await eventually(async () => {
        const { body } = await again.api('GET', '/v1/events');
        return body.data.every((e: { delivery: { state: string } }) => e.delivery.state === 'delivered');
      });
      await busy.close();
    }),
  );

  test(
    'kill -9 while a shop is reading an event: it comes again as soon as the gateway is back',
    inScene(async ({ theatre, placed }) => {
      const heard: string[] = [];
      let answering = false;
      const slow = createServer((request, response) => {
        heard.push(String(request.headers['webhook-id']));
        if (answering) response.end();
      });
      await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
      try {
        const sandbox = await theatre.sandbox();
        const gateway = await theatre.start({ SANDBOX_URL: sandbox.url });
        const { port } = slow.address() as AddressInfo;
        const { id, channel, order } = await placed(gateway, { notify_url: `http://127.0.0.1:${port}/` });
        await control(sandbox.url, channel, 'pay', order);
        await eventually(() => heard.length === 1);
        gateway.program.kill('SIGKILL');
        await gateway.program.ended;
        answering = true;
        await theatre.start(gateway.place);
        await eventually(() => heard.length === 2, SLOW_MS / 3);
        expect(new Set(heard)).toEqual(new Set([`evt_${id.slice(4)}_succeeded`]));
      } finally {
        slow.close();
        slow.closeAllConnections();
      }
    }),
  );

  test(
    'a restart keeps the keys and the books of the simulators',
    inScene(async ({ theatre, shop, placed }) => {
      const gateway = await theatre.start();
      const { id, channel, order } = await placed(gateway, WAYS[1]);
      const keys = () =>
        CHANNELS.map(
          (name) => JSON.parse(readFileSync(join(theatre.dataDir, 'sandbox', `${name}.keys.json`), 'utf8')).keys,
        );
      const before = keys();
      gateway.program.kill('SIGINT');
      expect(await gateway.program.ended).toEqual({ code: 0, signal: null });

      const again = await theatre.start(gateway.place);
      expect(keys()).toEqual(before);
      const sandboxUrl = `http://127.0.0.1:${gateway.place.SANDBOX_PORT}`;
      const { body } = await control(sandboxUrl, channel, `orders?provider_ref=${order.provider_ref}`);
      expect(body.data).toMatchObject([{ ...order, amount: 1000, status: 'open' }]);
      await control(sandboxUrl, channel, 'pay', order);
      await eventually(() => shop.eventsOf(id)[0]);
      expect((await again.api('GET', `/v1/payments/${id}`)).body.status).toBe('succeeded');
    }),
  );
});
