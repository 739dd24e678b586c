import { randomBytes } from 'node:crypto';
import { createConnection } from 'mongoose';
import { afterAll, describe, expect, test } from 'vitest';
import { signedOrder } from '../../e2e/epay-shop.ts';
import { type Gateway, inTheatre, type Theatre } from '../../e2e/program.ts';
import { openShop, type Shop } from '../../e2e/shop.ts';
import { call, eventually } from '../../e2e/stage.ts';
import { startMongo } from '../../services/mongo.ts';

const server = await startMongo();
const SLOW_MS = 90_000;
const MIGRATE = ['migrate', '--from', 'sqlite', '--to', 'mongo'];

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely and fail where they are not as expected
type Body = any;

describe.skipIf('missing' in server)('switchyard migrate', () => {
  afterAll(async () => {
    if ('stop' in server) await server.stop();
  });

  const newUrl = () => `${'url' in server ? server.url : ''}/switchyard_${randomBytes(6).toString('hex')}`;

  /** Orders as a shop makes them, and a buyer who pays. */
  function trade(shop: Shop) {
    let made = 0;
    return {
      async create(gateway: Gateway, set: Record<string, unknown> = {}): Promise<Body> {
        made += 1;
        const order = { merchant_order_no: `M${made}`, amount: 1000, currency: 'CNY', subject: 'Game key' };
        const terms = { methods: ['alipay'], scene: 'qr', notify_url: shop.url, ...set };
        const { status, body } = await gateway.api('POST', '/v1/payments', { ...order, ...terms });
        expect(status, JSON.stringify(body)).toBe(201);
        return body;
      },
      async pay(gateway: Gateway, payment: Body, callback = 'send'): Promise<void> {
        const { channel, provider_ref } = payment.attempts[0];
        const sandbox = `http://127.0.0.1:${gateway.place.SANDBOX_PORT}/_control/channels`;
        const paid = await call('POST', `${sandbox}/${channel}/pay`, { provider_ref, callback });
        expect(paid.status).toBe(200);
      },
      reads: (gateway: Gateway, payment: Body, status: string) =>
        eventually(async () => {
          const { body } = await gateway.api('GET', `/v1/payments/${payment.id}`);
          return body.status === status && body;
        }, 30_000),
      async epay(gateway: Gateway): Promise<Body> {
        const fields = { pid: '1000', type: 'alipay', out_trade_no: 'E1', name: 'Month', money: '1' };
        const order = signedOrder({ ...fields, notify_url: `${shop.url}/epay`, return_url: shop.url });
        const answer = await fetch(`${gateway.url}/mapi.php`, { method: 'POST', body: new URLSearchParams(order) });
        return answer.json();
      },
    };
  }

  /** Kills a migration as soon as `when` holds. */
  async function killed(theatre: Theatre, MONGO_URL: string, args: string[], when: (output: string) => unknown) {
    const running = theatre.run([...MIGRATE, ...args], { MONGO_URL });
    await eventually(() => when(running.output()), 20_000);
    running.kill('SIGKILL');
    await running.ended;
  }

  async function countOf(url: string, collection: string): Promise<number> {
    const connection = await createConnection(url).asPromise();
    return connection
      .collection(collection)
      .countDocuments()
      .finally(() => connection.close());
  }

  test(
    'moves a working installation, killed on its way or not, and what was under way goes on',
    { timeout: SLOW_MS },
    inTheatre(async (theatre) => {
      const MONGO_URL = newUrl();
      const shop = await openShop();
      const { create, pay, reads, epay } = trade(shop);
      try {
        const before = await theatre.start();
        const [told, open, lost, owed] = await Promise.all([1, 2, 3, 4].map(() => create(before)));
        await pay(before, told);
        await eventually(() => shop.eventsOf(told.id).length === 1);
        const order = await epay(before);
        expect(order, JSON.stringify(order)).toMatchObject({ code: 1 });

        await killed(theatre, MONGO_URL, [], async () => (await countOf(MONGO_URL, 'installation')) > 0);
        await killed(theatre, MONGO_URL, [], async () => (await countOf(MONGO_URL, 'payments')) > 0);
        await killed(theatre, MONGO_URL, ['--wait'], (output) => output.includes('stop the gateway'));
        const unfinished = theatre.run(MIGRATE, { MONGO_URL });
        expect(await unfinished.ended, unfinished.output()).toMatchObject({ code: 3 });
        expect(unfinished.stdout()).toContain('stop it and run the same command again');

        shop.answerWith({ status: 500 });
        await pay(before, owed);
        await reads(before, owed, 'succeeded');
        await eventually(() => shop.eventsOf(owed.id).length > 0);
        await pay(before, lost, 'drop');
        const listed = (await before.api('GET', '/v1/events')).body.data;
        before.program.kill('SIGTERM');
        await before.program.ended;
        const tooEarly = theatre.run(['start'], { MONGO_URL });
        expect((await tooEarly.ended).code).toBe(1);
        expect(tooEarly.output()).toContain('run `switchyard migrate` again');

        const finished = theatre.run([...MIGRATE, '--json'], { MONGO_URL });
        expect(await finished.ended, finished.output()).toMatchObject({ code: 0 });
        const report = JSON.parse(finished.stdout());
        expect(report).toMatchObject({
          outcome: 'moved',
          files: expect.arrayContaining([{ name: 'master.key', advice: expect.any(String) }]),
        });
        expect(report.collections[0]).toMatchObject({ collection: 'payments', source: 5, target: 5, differing: [] });
        const old = theatre.run(['start']);
        expect((await old.ended).code).toBe(1);
        expect(old.output()).toContain('have moved to MongoDB');

        shop.answerWith({ status: 200 });
        const after = await theatre.start({ ...before.place, MONGO_URL });
        const events = (await after.api('GET', '/v1/events')).body.data;
        expect(events.slice(0, listed.length).map(({ id }: Body) => id)).toEqual(listed.map(({ id }: Body) => id));
        await reads(after, told, 'succeeded');
        expect(await epay(after)).toMatchObject({ code: 1, trade_no: order.trade_no });
        await pay(after, open);
        await reads(after, open, 'succeeded');
        await reads(after, lost, 'succeeded');
        const refund = await after.api('POST', `/v1/payments/${told.id}/refunds`, { merchant_refund_no: 'R1' });
        expect(refund.status, JSON.stringify(refund.body)).toBe(201);
        await reads(after, told, 'refunded');
        await after.api('POST', `/v1/events/${listed.at(-1).id}/redeliver`);
        for (const payment of [open, lost]) await eventually(() => shop.eventsOf(payment.id).length > 0, 20_000);
        await eventually(() => shop.eventsOf(told.id).length > 1);
        // Of each payment one event, whoever sent it and however often: told again only what the shop refused.
        for (const payment of [open, lost, owed]) {
          expect(new Set(shop.eventsOf(payment.id).map(({ id }) => id)).size).toBe(1);
        }
        for (const payment of [open, lost]) expect(shop.eventsOf(payment.id)).toHaveLength(1);
        expect(shop.eventsOf(told.id).map(({ type }) => type)).toEqual(['payment.succeeded', 'refund.succeeded']);
      } finally {
        await shop.close();
      }
    }),
  );

  test(
    'says what is wrong before it touches anything',
    inTheatre(async (theatre) => {
      const ended = async (args: readonly string[], env: Record<string, string> = {}) => {
        const program = theatre.run(args, env);
        return { ...(await program.ended), said: program.output() };
      };
      expect(await ended(MIGRATE)).toMatchObject({ code: 1, said: expect.stringContaining('MONGO_URL: name') });
      expect(await ended(MIGRATE, { MONGO_URL: newUrl() })).toMatchObject({
        code: 1,
        said: expect.stringContaining('set DATA_DIR to where the payments are'),
      });
      expect(await ended(['migrate', '--from', 'mongo', '--to', 'mongo'])).toMatchObject({ code: 1 });
    }),
  );
});
