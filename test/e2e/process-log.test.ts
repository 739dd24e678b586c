import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Gateway, openTheatre, type Theatre } from './program.ts';
import { openShop, type Shop } from './shop.ts';
import { call, eventually } from './stage.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const hex = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));

/** The line of a request has these fields and no other. */
const requestLine = z.strictObject({
  ...{ time: z.iso.datetime(), level: z.literal('info'), msg: z.literal('request answered') },
  requestId: z.string(),
  traceId: hex(32),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other']),
  route: z.string().regex(/^(none|\/[a-z0-9/:]*)$/i),
  status: z.int(),
  durationMs: z.number().min(0),
  merchantId: z.literal('m_demo').optional(),
  paymentId: z.string().startsWith('pay_').optional(),
  channelId: z
    .enum([
      'alipay-main',
      'alipay-backup',
      'wechatpay-main',
      'stripe-main',
      'paypal-main',
      'epay-upstream',
      'usdt-main',
    ])
    .optional(),
  outcome: z.string().optional(),
  code: z.string().optional(),
});
const anyLine = z.looseObject({ time: z.iso.datetime(), level: z.string(), msg: z.string() });
type Line = z.output<typeof anyLine>;

let theatre: Theatre;
let shop: Shop;
let gateway: Gateway;
let lines: readonly Line[] = [];
let paymentId = '';
beforeAll(async () => {
  theatre = await openTheatre();
  shop = await openShop();
  gateway = await theatre.start({ LOG_LEVEL: 'info' });
  const { url, adminUrl, place, program } = gateway;
  const order = {
    ...{ merchant_order_no: 'A1', amount: 1000, currency: 'CNY', methods: ['alipay'], scene: 'qr', subject: 'Key' },
    notify_url: shop.url,
  };
  const authorization = 'Bearer sk_sandbox_demo';
  const sent = { authorization, 'x-request-id': 'req-of-the-shop', traceparent: `00-${TRACE}-00f067aa0ba902b7-00` };
  const created = await call('POST', `${url}/v1/payments`, order, sent);
  paymentId = created.body.id;
  const { channel, provider_ref } = created.body.attempts[0];
  await call('POST', `http://127.0.0.1:${place.SANDBOX_PORT}/_control/channels/${channel}/pay`, { provider_ref });
  await eventually(() => shop.eventsOf(paymentId)[0]);
  await program.says(/webhook delivered/);
  await gateway.api('GET', `/v1/payments/${paymentId}`);
  await gateway.api('POST', '/v1/payments', { ...order, amount: 2000 });
  await call('GET', `${url}/v1/payments`, undefined, { authorization: 'Bearer sk_of_nobody_at_all' });
  await fetch(`${url}/nowhere/at/all?secret=word`, { method: 'PROPFIND' });
  await fetch(`${url}/callbacks/nobody/token`, { method: 'POST', body: 'x' });
  for (const path of ['/healthz', '/readyz', '/metrics']) await fetch(`${adminUrl}${path}`);
  program.kill('SIGTERM');
  await program.ended;
  const json = program
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{'));
  lines = json.map((line) => anyLine.parse(JSON.parse(line)));
}, 60_000);
afterAll(async () => {
  await theatre?.close();
  await shop?.close();
});

const requests = () => lines.filter(({ msg }) => msg === 'request answered');
const about = (msg: string) => lines.filter((line) => line.msg === msg && line.paymentId === paymentId);

describe('the log', () => {
  test('has one line per request to the public listener, and nothing but the fields that it may have', () => {
    expect(requests().map((line) => requestLine.safeParse(line).error?.issues ?? [])).toEqual(requests().map(() => []));
    const seen = requests().map(({ method, route, status, code, outcome }) => {
      return [method, route, status, code ?? outcome ?? null].join(' ').trim();
    });
    expect([...seen].sort()).toEqual(
      [
        'POST /v1/payments 201',
        'POST /callbacks/:channel/:token 200 applied',
        'GET /v1/payments/:id 200',
        'POST /v1/payments 409 idempotency_conflict',
        'GET /v1/payments 401 unauthorized',
        'other none 404 not_found',
        'POST /callbacks/:channel/:token 404',
      ].sort(),
    );
  });

  test("carries the shop's request id and trace through everything that the request did", () => {
    const mine = lines.filter(({ requestId }) => requestId === 'req-of-the-shop');
    expect(mine.map(({ msg }) => msg)).toEqual(['payment created', 'payment changed', 'request answered']);
    for (const line of mine) expect(line).toMatchObject({ traceId: TRACE, paymentId });
  });

  test('follows a payment by its trace: the callback, the change, the delivery', () => {
    const [opened, paid] = about('payment changed');
    expect(opened).toMatchObject({ merchantId: 'm_demo', from: 'created', to: 'pending', fact: 'attempt_opened' });
    expect(paid).toMatchObject({ traceId: TRACE, from: 'pending', to: 'succeeded', channelId: 'alipay-main' });
    const callback = requests().find(({ route, status }) => String(route).startsWith('/callbacks') && status === 200);
    expect(callback).toMatchObject({ traceId: TRACE, paymentId, channelId: 'alipay-main', requestId: paid?.requestId });
    const [delivered] = about('webhook delivered');
    expect(delivered).toMatchObject({ traceId: TRACE, type: 'payment.succeeded', tryNo: 1 });
    expect(delivered).not.toHaveProperty('requestId');
  });

  test('keeps those who only look in traces of their own', () => {
    const looked = requests().find(({ route }) => route === '/v1/payments/:id');
    expect(looked).toMatchObject({ paymentId });
    expect(looked?.traceId).not.toBe(TRACE);
  });

  test('is found from the story of a payment', async () => {
    const told = theatre.run(['payments', 'show', paymentId]);
    await told.ended;
    expect(told.stdout()).toContain(`trace       ${TRACE}\n`);
  });
});
