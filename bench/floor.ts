import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Router } from '@koa/router';
import Database from 'better-sqlite3';
import Koa from 'koa';
import { Webhook } from 'standardwebhooks';
import { Pool, request } from 'undici';
import { z } from 'zod';
import { alipay, type FloorProvider, wechatpay } from './floor-wire.ts';

/**
 * The floor: the least that a program on the same libraries has to do for one request, without our states, routing, events,
 * metrics, logs, limits or error handling. What the gateway needs beyond it is the price of those.
 */
const env = z
  .object({ PORT: z.string(), DATABASE: z.string(), SANDBOX_URL: z.url(), PUBLIC_URL: z.url(), SHOP_URL: z.url() })
  .parse(process.env);

const sandbox = new Pool(env.SANDBOX_URL, { connections: 128 });
const shop = new Pool(new URL(env.SHOP_URL).origin, { connections: 16 });
const webhook = new Webhook('whsec_c3dpdGNoeWFyZC1zYW5kYm94LWRlbW8=');

async function connect(
  channel: string,
  open: (credentials: unknown, pool: Pool) => FloorProvider,
): Promise<FloorProvider> {
  const answer = await request(`${env.SANDBOX_URL}/_control/channels/${channel}/connect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ public_url: env.PUBLIC_URL }),
  });
  return open(z.object({ credentials: z.unknown() }).parse(await answer.body.json()).credentials, sandbox);
}

const providers = new Map<string, FloorProvider>([
  ['alipay-main', await connect('alipay-main', alipay)],
  ['alipay-backup', await connect('alipay-backup', alipay)],
  ['wechatpay-main', await connect('wechatpay-main', wechatpay)],
]);

/** One table, one insert per request; what comes in one turn of the event loop shares one fsync. */
function openDocuments(path: string) {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE documents (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID');
  const insert = db.prepare<[string, string]>('INSERT OR IGNORE INTO documents VALUES (?, ?)');
  const byId = db.prepare<[string], { document: string }>('SELECT document FROM documents WHERE id = ?');
  const insertAll = db.transaction((batch: readonly Waiting[]) => {
    for (const { id, document } of batch) insert.run(id, document);
  });
  type Waiting = { readonly id: string; readonly document: string; readonly done: () => void };
  let waiting: Waiting[] = [];
  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    insertAll(batch);
    for (const { done } of batch) done();
  };
  return {
    find: (id: string) => byId.get(id)?.document,
    insert: (id: string, document: string) =>
      new Promise<void>((done) => {
        if (waiting.push({ id, document, done }) === 1) setImmediate(flush);
      }),
  };
}

async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const documents = openDocuments(env.DATABASE);
const orderSchema = z.object({ amount: z.int().positive(), subject: z.string(), notify_url: z.string().optional() });
const router = new Router();

router.post('/create/:channel', async (ctx) => {
  const order = orderSchema.parse(JSON.parse((await bytesOf(ctx.req)).toString('utf8')));
  const id = `f${randomBytes(13).toString('hex')}`;
  const document = { ...order, id, status: 'pending' };
  await documents.insert(id, JSON.stringify(document));
  const { amount: amountFen, subject } = order;
  const notifyUrl = `${env.PUBLIC_URL}/floor`;
  const qrCode = await providers.get(ctx.params.channel ?? '')?.precreate({ id, amountFen, subject, notifyUrl });
  ctx.status = 201;
  ctx.body = { ...document, qr_code: qrCode };
});

router.post('/callback/:channel', async (ctx) => {
  const trade = providers.get(ctx.params.channel ?? '')?.readNotice(ctx.headers, await bytesOf(ctx.req)) ?? '';
  const event = JSON.stringify({ id: `evt_${trade}`, type: 'payment.succeeded' });
  await documents.insert(`evt_${trade}`, event);
  ctx.body = 'success';
  void tell(`evt_${trade}`, event);
});

/** The event goes to the shop once it is durable, as ours does. */
async function tell(id: string, event: string): Promise<void> {
  const at = new Date();
  const headers = {
    ...{ 'content-type': 'application/json', 'webhook-id': id },
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': webhook.sign(id, at, event),
  };
  const answer = await shop.request({ method: 'POST', path: new URL(env.SHOP_URL).pathname, headers, body: event });
  await answer.body.dump();
}

router.get('/payments/:id', (ctx) => {
  ctx.type = 'json';
  ctx.body = documents.find(ctx.params.id ?? '');
});

router.post('/quote', async (ctx) => {
  const order = z.object({ amount: z.int() }).parse(JSON.parse((await bytesOf(ctx.req)).toString('utf8')));
  ctx.body = { channel: 'alipay-main', candidates: [{ channel: 'alipay-main', fee: Math.ceil(order.amount * 0.006) }] };
});

router.get('/healthz', (ctx) => {
  ctx.body = 'ok';
});

const server = new Koa().use(router.routes()).listen(Number(env.PORT), '127.0.0.1');
process.once('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
