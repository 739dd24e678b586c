import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aFreePort } from '../services/free-port.ts';
import { openReceiver, type Receiver } from '../telemetry/otlp-receiver.ts';
import { deliver } from './forger.ts';
import { type Gateway, openTheatre, type Program, type Theatre } from './program.ts';
import { openShop, type Shop } from './shop.ts';
import { call, eventually } from './stage.ts';
import { type Exchange, openWiretap, type Wiretap } from './wiretap.ts';

const SECRETS = {
  DEMO_SECRET_KEY: 'sk_own_3f9c1e77a0b24d5e8c6f',
  DEMO_WEBHOOK_SECRET: `whsec_${randomBytes(24).toString('base64')}`,
  DEMO_EPAY_KEY: 'ownEpayKey7Qm2Xv9Lr4Tz8',
  MASTER_KEY: randomBytes(32).toString('base64'),
};
const CUSTOMER = { id: 'cust-5512', ip: '203.0.113.77', email: 'Buyer.One+x@mail.example', device_id: 'device-9917' };
const CARD = '4242424242424242';
const PERSONAL = [...Object.values(CUSTOMER), CUSTOMER.email.toLowerCase(), CARD, '2001:db8::77', 'wrong@mail.example'];
const WORDS = ['notify-word-31', 'return-word-32', 'sk_wrong_aa77bb88', 'answer-word-33', 'Game key for Zhang San'];
const MORE_WORDS = ['refund-word-34', 'admin-word-35', 'otel-word-36', 'fault-word-37'];

let theatre: Theatre;
let shop: Shop;
let sandboxTap: Wiretap;
let gatewayTap: Wiretap;
let receiver: Receiver;
let gateway: Gateway;
let sandbox: { readonly url: string; readonly program: Program };
/** Everything that was scraped, logged and learnt in one long run. */
let metrics = '';
let refusal = '';
const known = { ids: new Set<string>(), clientSecrets: new Set<string>() };

beforeAll(async () => {
  theatre = await openTheatre({}, SECRETS.DEMO_SECRET_KEY);
  shop = await openShop();
  receiver = await openReceiver();
  sandbox = await theatre.sandbox({ LOG_LEVEL: 'trace' });
  sandboxTap = await openWiretap({
    to: () => sandbox.url,
    // Only where the gateway learns whom to call: other answers are signed.
    rewrite: ({ target, body, tapUrl }) => (target.endsWith('/connect') ? body.replaceAll(sandbox.url, tapUrl) : body),
  });
  const PORT = String(await aFreePort());
  gatewayTap = await openWiretap({ to: () => `http://127.0.0.1:${PORT}` });
  const env = {
    PORT,
    PUBLIC_URL: gatewayTap.url,
    SANDBOX_URL: sandboxTap.url,
    LOG_LEVEL: 'trace',
    ...SECRETS,
    ...traced(),
  };
  gateway = await theatre.start(env);
  await goodTrade();
  await badTrade();
  await brokenChannels();
  await adminWork();
  await refusedStart();
  metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  gateway.program.kill('SIGTERM');
  await gateway.program.ended;
}, 120_000);
afterAll(async () => {
  await theatre.close();
  for (const part of [shop, sandboxTap, gatewayTap, receiver]) await part.close();
});

const traced = () => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20otel-word-36',
});

let orders = 0;
function anOrder(set: Readonly<Record<string, unknown>> = {}) {
  orders += 1;
  return {
    ...{ merchant_order_no: `ORDER-${orders}-XYZ`, amount: 1000, currency: 'CNY', subject: 'Game key for Zhang San' },
    ...{ methods: ['alipay'], scene: 'qr', customer: CUSTOMER, metadata: { note: CARD } },
    notify_url: `${shop.url}?word=notify-word-31`,
    return_url: 'http://shop.example/?word=return-word-32',
    ...set,
  };
}

async function placed(set: Readonly<Record<string, unknown>> = {}) {
  const order = anOrder(set);
  const { body } = await gateway.api('POST', '/v1/payments', order);
  const attempt = body.attempts?.[0] ?? {};
  for (const id of [body.id, attempt.provider_ref, order.merchant_order_no]) if (id) known.ids.add(String(id));
  if (body.action?.client_secret) known.clientSecrets.add(body.action.client_secret);
  return { id: String(body.id), channel: String(attempt.channel), order: { provider_ref: attempt.provider_ref } };
}

const control = (channel: string, verb: string, body: unknown) =>
  call('POST', `${sandbox.url}/_control/channels/${channel}/${verb}`, body);

async function goodTrade(): Promise<void> {
  const ways = [
    { methods: ['alipay'], scene: 'qr' },
    { methods: ['alipay'], scene: 'redirect' },
    { methods: ['wechatpay'], scene: 'qr' },
    { methods: ['wechatpay'], scene: 'wap' },
    { methods: ['card'], scene: 'redirect' },
    { methods: ['card'], scene: 'inapp', customer: { ...CUSTOMER, ip: '2001:db8::77' } },
  ];
  for (const way of ways) {
    const { id, channel, order } = await placed(way);
    for (const path of ['', '/state', '/go']) await fetch(`${gateway.url}/pay/${id}${path}`, { redirect: 'follow' });
    await gateway.api('POST', `/v1/payments/${id}/sync`, {});
    await control(channel, 'pay', order);
    const event = await eventually(() => shop.eventsOf(id)[0]);
    await gateway.api('POST', `/v1/events/${event.id}/redeliver`, {});
    await gateway.api('POST', `/v1/payments/${id}/fulfilment`, { status: 'delivered' });
    const refund = { merchant_refund_no: `REFUND-${id.slice(-6)}`, reason: 'refund-word-34' };
    await gateway.api('POST', `/v1/payments/${id}/refunds`, refund);
    known.ids.add(refund.merchant_refund_no);
  }
  const declined = await placed({ methods: ['card'], scene: 'redirect' });
  await control(declined.channel, 'fail', declined.order);
  const closed = await placed({ methods: ['wechatpay'] });
  await gateway.api('POST', `/v1/payments/${closed.id}/close`, {});
}

async function badTrade(): Promise<void> {
  const { api, url } = gateway;
  await api('POST', '/v1/payments', anOrder({ customer: { ...CUSTOMER, emial: 'wrong@mail.example' } }));
  await api('POST', '/v1/payments', `{"customer":{"email":"wrong@mail.example"},"card":"${CARD}"`);
  await api('POST', '/v1/payments', anOrder({ metadata: { padding: CARD.repeat(8_000) } }));
  await api('GET', `/v1/payments?email=wrong@mail.example&card=${CARD}`);
  await fetch(`${url}/v1/payments/${CARD}?key=${SECRETS.DEMO_SECRET_KEY}`, {
    headers: { authorization: 'Bearer sk_wrong_aa77bb88', 'x-forwarded-for': CUSTOMER.ip, 'user-agent': CARD },
  });
  await fetch(`${url}/pay/${CARD}/x?email=wrong@mail.example`);
  for (const { target, method, headers, body } of callbacks()) {
    const { host: _host, connection: _connection, ...sent } = headers;
    await deliver(`${url}${target}`, { method, headers: sent, body: body.replace(/[A-Za-z0-9](?=.{20}$)/s, '_') });
    await deliver(`${url}${target.replace('-main', '-backup')}`, { method, headers: sent, body });
  }
  shop.answerWith({ status: 500, body: 'answer-word-33 wrong@mail.example' });
  const refused = await placed();
  await control(refused.channel, 'pay', refused.order);
  const unreachable = await placed({ notify_url: 'http://127.0.0.1:9/?word=notify-word-31' });
  await control(unreachable.channel, 'pay', unreachable.order);
  await eventually(async () => {
    const { body } = await api('GET', '/v1/events?limit=100');
    const pending = body.data.filter((e: { delivery: { state: string } }) => e.delivery.state === 'pending');
    return pending.length === 2 && pending.every((e: { delivery: { tries: number } }) => e.delivery.tries > 0);
  });
}

async function brokenChannels(): Promise<void> {
  const faults = [
    { answer: 'wrong_key' },
    { answer: 'html_502' },
    { answer: 'truncated' },
    { outage: true },
    { wrong_amount: true },
  ];
  for (const fault of faults) {
    for (const channel of ['alipay-main', 'wechatpay-main', 'stripe-main']) await control(channel, 'faults', fault);
    for (const methods of [['alipay'], ['wechatpay'], ['card']]) {
      const scene = methods[0] === 'card' ? 'inapp' : 'qr';
      const { id, channel, order } = await placed({ methods, scene });
      if (order.provider_ref) await control(channel, 'pay', order);
      await gateway.api('POST', `/v1/payments/${id}/sync`, {});
    }
  }
}

async function adminWork(): Promise<void> {
  const { adminUrl } = gateway;
  for (const path of [
    '/metrics',
    '/readyz',
    '/admin/status',
    '/admin/events?email=wrong@mail.example&key=admin-word-35',
  ]) {
    await fetch(`${adminUrl}${path}`);
  }
  for (const path of [`/admin/payments/${CARD}/keep`, '/admin/webhooks/resume', '/admin/admin-word-35']) {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer admin-word-35' };
    const body = JSON.stringify({ merchant: 'm_demo', endpoint: 'http://shop.example/?word=admin-word-35' });
    await fetch(`${adminUrl}${path}`, { method: 'POST', headers, body });
  }
}

/** A start with every secret at a wrong place: the faults name variables and say nothing of what is in them. */
async function refusedStart(): Promise<void> {
  for (const env of [
    { PUBLIC_URL: 'https://fault-word-37:fault-word-37@pay.example', MASTER_KEY: 'fault-word-37' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://fault-word-37@collector', LOG_LEVEL: 'fault-word-37' },
    { DEMO_WEBHOOK_SECRET: 'whsec_fault-word-37', DEMO_SECRET_KEY: 'fault-word-37 ', DEMO_EPAY_KEY: '' },
    { MASTER_KEY: 'fault-word-37fault-word-37fault-word-37fault', DATA_DIR: join(theatre.folder, 'other') },
  ]) {
    const program = theatre.run(['start'], { ...SECRETS, SANDBOX_URL: sandbox.url, ...env });
    const { code } = await program.ended;
    refusal += `${code}: ${program.output()}\n`;
  }
}

const callbacks = (): readonly Exchange[] =>
  gatewayTap.exchanges.filter(({ target }) => target.startsWith('/callbacks/'));

/** Whatever signed something or opened something on the wires, in each spelling in which it was seen. */
/** A signature that was spoilt on purpose, or cut, is not always valid percent-encoding. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function wireSecrets(): ReadonlySet<string> {
  const found = new Set<string>(known.clientSecrets);
  const add = (text: string | undefined) => {
    if (text !== undefined && text.length >= 16) found.add(text).add(decoded(text.replaceAll('+', ' ')));
  };
  for (const { target, headers, body, answer } of [...sandboxTap.exchanges, ...gatewayTap.exchanges]) {
    for (const name of ['authorization', 'wechatpay-signature', 'stripe-signature']) add(headers[name]);
    add(headers.authorization?.split(' ')[1]);
    for (const [, proof] of (headers['stripe-signature'] ?? '').matchAll(/v1=(\w+)/g)) add(proof);
    add(/signature="([^"]+)"/.exec(headers.authorization ?? '')?.[1]);
    add(answer.headers['wechatpay-signature']);
    add(/[?&]sign=([^&]+)/.exec(`?${body}`)?.[1]);
    add(/[?&]sign=([^&]+)/.exec(target)?.[1]);
    add(/"sign":"([^"]+)"/.exec(answer.body)?.[1]);
    add(/"client_secret": ?"([^"]+)"/.exec(answer.body)?.[1]);
    add(/^\/callbacks\/[^/]+\/([\w-]+)/.exec(target)?.[1]);
  }
  for (const { headers } of shop.events) add(String(headers['webhook-signature']));
  return found;
}

/** The simulators' secrets as they are saved: keys whole, PEM texts by the line. */
function keptSecrets(): ReadonlySet<string> {
  const books = join(theatre.folder, 'books');
  const texts = readdirSync(books)
    .filter((name) => name.endsWith('.keys.json'))
    .flatMap((name) => Object.entries(JSON.parse(readFileSync(join(books, name), 'utf8')).keys))
    .filter(([name]) => /private|secret|apiV3/i.test(name))
    .map(([, value]) => String(value));
  return new Set(
    texts.flatMap((text) => text.split('\n')).filter((line) => line.length >= 16 && !line.startsWith('--')),
  );
}

function expectNone(text: string, secrets: Iterable<string>): void {
  const found = [...secrets].filter((secret) => text.includes(secret));
  expect(found).toEqual([]);
}

describe('row 18: after a whole run with everything logged', () => {
  test('the run has really seen what the tests below look for', () => {
    expect(gateway.program.stdout().split('\n').length).toBeGreaterThan(100);
    expect(gateway.program.stdout()).toContain('payment changed');
    expect(gateway.program.stdout()).toContain('callback refused');
    expect(callbacks().length).toBeGreaterThan(8);
    expect(wireSecrets().size).toBeGreaterThan(100);
    expect(keptSecrets().size).toBeGreaterThan(100);
    expect(known.clientSecrets.size).toBeGreaterThan(0);
    expect(shop.events.length).toBeGreaterThan(6);
    expect(receiver.spans.length).toBeGreaterThan(100);
    expect([...receiver.authorizations]).toEqual(['Bearer otel-word-36']);
    expect(refusal.match(/^1: /gm)).toHaveLength(4);
  });

  test.each([
    ['the log of the gateway', () => gateway.program.output()],
    ['the log of the sandbox', () => sandbox.program.output()],
    ['the metrics', () => metrics],
    ['the answer to a start with faults', () => refusal],
    ['the spans that went to a collector', () => JSON.stringify(receiver.spans)],
  ])('%s holds no configured secret, no key, no signature, no token and nobody', (_, text) => {
    expectNone(text(), Object.values(SECRETS));
    expectNone(text(), keptSecrets());
    expectNone(text(), wireSecrets());
    expectNone(text(), PERSONAL);
    expectNone(text(), WORDS);
    expectNone(text(), MORE_WORDS);
  });

  test('no line of the log holds an address of a peer, and none holds a number like that of a card', () => {
    const lines = gateway.program.output().split('\n');
    const logged = lines.filter((line) => line.startsWith('{'));
    expect(logged.length).toBeGreaterThan(100);
    expect(logged.filter((line) => /127\.0\.0\.1|::1|localhost/.test(line))).toEqual([]);
    const withoutIds = logged.map((line) =>
      line.replaceAll(/"(?:traceId|requestId|paymentId|eventId|refundId|time)":"[^"]*"/g, ''),
    );
    expect(withoutIds.filter((line) => /(?<![\w.])\d{13,19}(?![\w.])/.test(line))).toEqual([]);
  });

  test('the database holds the buyer only encrypted', () => {
    const files = readdirSync(theatre.dataDir).filter((name) => name.startsWith('switchyard.db'));
    const bytes = files.map((name) => readFileSync(join(theatre.dataDir, name)).toString('latin1')).join('');
    expect(bytes).toContain('ORDER-1-XYZ');
    expectNone(bytes, Object.values(CUSTOMER));
    expectNone(bytes, Object.values(SECRETS));
  });

  test('no label of any metric is an id, an order number, an address or a person', () => {
    const values = new Set([...metrics.matchAll(/[{,]\w+="((?:[^"\\]|\\.)*)"/g)].map(([, value]) => value ?? ''));
    expect(values.size).toBeGreaterThan(30);
    for (const value of values) {
      expect(known.ids.has(value)).toBe(false);
      expect(value).not.toMatch(/pay_|evt_|ORDER-|@|\d{1,3}(\.\d{1,3}){3}|:\/\/|^[0-9a-hjkmnp-tv-z]{26}/);
    }
    expect(metrics).toContain('switchyard_callbacks_total{channel="alipay-main",outcome="bad_signature"}');
  });
});
