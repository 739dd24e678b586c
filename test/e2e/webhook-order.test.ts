import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startMongo } from '../services/mongo.ts';
import { type Gateway, inTheatre, type Theatre } from './program.ts';
import { call, eventually } from './stage.ts';

const server = await startMongo();
const CLOCK = join(import.meta.dirname, '../chaos/clock-process.ts');
const SLOW_MS = 120_000;
const PATIENCE_MS = 40_000;
const PAYMENTS = 4;
const MINUTE_MS = 60_000;

/** What came, in the order in which it came, and whether the shop has taken it. */
interface Heard {
  readonly paymentId: string;
  readonly eventId: string;
  taken: boolean;
}

/** A shop that refuses what it is sent, or lets it wait for an answer that never comes, or takes it. */
async function openMoodyShop() {
  const heard: Heard[] = [];
  const waiting = new Set<ServerResponse>();
  let mood: 'refuse' | 'hold' | 'take' = 'refuse';
  const shop = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { id, data } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const one: Heard = { paymentId: data.id, eventId: id, taken: mood === 'take' };
    heard.push(one);
    if (mood !== 'hold') return void response.writeHead(mood === 'take' ? 200 : 500).end();
    waiting.add(response);
    response.once('close', () => waiting.delete(response));
  });
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
  return {
    heard,
    url: `http://127.0.0.1:${(shop.address() as AddressInfo).port}/notify`,
    held: () => waiting.size,
    isNow: (next: typeof mood) => {
      mood = next;
    },
    close: () => {
      shop.closeAllConnections();
      return new Promise((resolve) => shop.close(resolve));
    },
  };
}

/** A gateway process whose clock can be set ahead. */
async function startReplica(theatre: Theatre, name: string, env: Readonly<Record<string, string>>) {
  const file = join(theatre.folder, `clock-${name}`);
  writeFileSync(file, env.CLOCK_MS ?? '0');
  const clock = { NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_OFFSET_FILE: file };
  const gateway = await theatre.start({ ...env, ...clock, DATA_DIR: join(theatre.folder, name) });
  const { program } = gateway;
  return {
    ...gateway,
    async setAhead(ms: number): Promise<void> {
      writeFileSync(file, String(ms));
      program.kill('SIGUSR2');
      await eventually(() => readFileSync(`${file}.${program.pid}`, 'utf8') === String(ms));
    },
  };
}

/** A payment that was paid and twice given back in part: three events, none of them taken yet. */
async function paidAndReturned(gateway: Gateway, sandboxUrl: string, notifyUrl: string, n: number): Promise<string> {
  const order = { merchant_order_no: `W${n}`, amount: 1_000, currency: 'CNY', subject: 'Game key' };
  const created = await gateway.api('POST', '/v1/payments', {
    ...{ ...order, methods: ['alipay'], scene: 'qr', notify_url: notifyUrl },
  });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  const { id, attempts } = created.body;
  const { channel, provider_ref } = attempts[0];
  await call('POST', `${sandboxUrl}/_control/channels/${channel}/pay`, { provider_ref });
  await eventually(async () => (await gateway.api('GET', `/v1/payments/${id}`)).body.status === 'succeeded');
  for (const merchant_refund_no of ['R1', 'R2']) {
    const refund = { merchant_refund_no, amount: 100 };
    await eventually(
      async () => (await gateway.api('POST', `/v1/payments/${id}/refunds`, refund)).status < 300,
      PATIENCE_MS,
    );
  }
  return id;
}

describe.skipIf('missing' in server)('two gateways on one database', () => {
  afterAll(async () => {
    if ('stop' in server) await server.stop();
  });

  test(
    'bring the events of a payment to its shop in their order, also when one of them dies with deliveries under way',
    { timeout: SLOW_MS },
    inTheatre(async (theatre) => {
      if ('missing' in server) throw new Error(server.missing);
      const shop = await openMoodyShop();
      const sandbox = await theatre.sandbox();
      const env = {
        MONGO_URL: `${server.url}/switchyard_${randomBytes(6).toString('hex')}`,
        MASTER_KEY: randomBytes(32).toString('base64'),
        SANDBOX_URL: sandbox.url,
      };
      try {
        const [one, other] = await Promise.all([
          startReplica(theatre, 'one', env),
          startReplica(theatre, 'other', env),
        ]);
        const ids = await Promise.all(
          Array.from({ length: PAYMENTS }, (_, n) => paidAndReturned(n % 2 ? one : other, sandbox.url, shop.url, n)),
        );
        const owed = async (): Promise<{ id: string; delivery: { state: string; tries: number } }[][]> => {
          const { body } = await other.api('GET', '/v1/events?limit=100');
          const events: { id: string; data: { id: string }; delivery: { state: string; tries: number } }[] = body.data;
          return ids.map((id) => events.filter(({ data }) => data.id === id));
        };
        // Past the time at which refunds are asked about and events tried again; either may have been late on a busy machine.
        await Promise.all([one, other].map(({ setAhead }) => setAhead(MINUTE_MS / 2)));
        await eventually(
          async () => (await owed()).every((events) => events.length === 3 && (events[0]?.delivery.tries ?? 0) >= 2),
          PATIENCE_MS,
        );

        // Only the first sees them due now: it has all of them under way when it is killed, and their leases with it.
        shop.isNow('hold');
        await one.setAhead(10 * MINUTE_MS);
        await eventually(() => shop.held() === PAYMENTS, PATIENCE_MS);
        one.program.kill('SIGKILL');
        await one.program.ended;
        await eventually(() => shop.held() === 0);

        shop.isNow('take');
        const CLOCK_MS = String(15 * MINUTE_MS);
        await Promise.all([startReplica(theatre, 'one', { ...env, CLOCK_MS }), other.setAhead(Number(CLOCK_MS))]);
        await eventually(
          async () => (await owed()).flat().every(({ delivery }) => delivery.state === 'delivered'),
          PATIENCE_MS,
        );

        for (const [n, events] of (await owed()).entries()) {
          const inOrder = events.map(({ id }) => id);
          const came = shop.heard.filter(({ paymentId }) => paymentId === ids[n]);
          expect(came.filter(({ taken }) => taken).map(({ eventId }) => eventId)).toEqual(inOrder);
          const places = came.map(({ eventId }) => inOrder.indexOf(eventId));
          expect(places).toEqual(places.toSorted());
        }
      } finally {
        await shop.close();
      }
    }),
  );
});
