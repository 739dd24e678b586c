import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sdkTypes } from '../../scripts/sdk-types.ts';
import { ApiError, createSwitchyard, type Switchyard, verifyWebhook } from '../../sdk/src/index.ts';
import { eventually, openStage, patient, type Stage } from '../e2e/stage.ts';

const ROOT = join(import.meta.dirname, '../..');
const SECRET = 'whsec_c3dpdGNoeWFyZC1zYW5kYm94LWRlbW8=';

let stage: Stage;
let client: Switchyard;
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
  client = createSwitchyard({ baseUrl: `${stage.gateway().publicUrl}/`, secretKey: 'sk_sandbox_demo' });
});
afterAll(() => stage.stop());

let orders = 0;
const order = () => {
  orders += 1;
  const methods = ['alipay'];
  return {
    merchant_order_no: `S${orders}`,
    amount: 1_000,
    currency: 'CNY',
    methods,
    scene: 'qr',
    subject: '点卡',
    notify_url: stage.shop.url,
  } as const;
};
const mutable = () => ({ ...order(), methods: ['alipay'] });

async function pay(payment: {
  readonly channel: string | null;
  readonly attempts: readonly { readonly provider_ref: string }[];
}) {
  await stage.control(payment.channel ?? '', 'pay', { provider_ref: payment.attempts[0]?.provider_ref });
}

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('the client and a running gateway', () => {
  test('create, pay, verify the event, deliver, refund', async () => {
    const wanted = mutable();
    const created = await client.payments.create(wanted);
    expect(created).toMatchObject({ object: 'payment', status: 'pending', action: { type: 'qr_code' } });
    expect(await client.payments.create(wanted)).toMatchObject({ id: created.id });
    await pay(created);
    await client.payments.sync(created.id);
    expect((await client.payments.get(created.id)).status).toBe('succeeded');

    const [sent] = await eventually(
      () => stage.shop.eventsOf(created.id).length > 0 && stage.shop.eventsOf(created.id),
    );
    const event = await verifyWebhook({ headers: sent?.headers ?? {}, body: sent?.body ?? '', secret: SECRET });
    expect(event).toMatchObject({ type: 'payment.succeeded', id: sent?.id, data: { id: created.id } });

    expect((await client.payments.fulfil(created.id)).fulfilment).toBe('delivered');
    const refund = await client.refunds.create(created.id, { merchant_refund_no: 'R1', amount: 400 });
    expect(await client.refunds.get(created.id, refund.id)).toEqual(refund);
    expect((await client.payments.routing(created.id)).data[0]?.channel).toBe(created.channel);
    expect((await client.events.redeliver(event.id)).delivery.state).toBe('pending');
    expect(await client.events.redeliverAll({ state: 'dead' })).toEqual({ redelivered: 0, next: null });
  });

  test('lists come page by page, and end', async () => {
    const made = [];
    for (let i = 0; i < 5; i += 1) made.push((await client.payments.create(mutable())).id);
    const listed = await collect(client.payments.list({ pageSize: 2, created_after: new Date(0) }));
    expect(listed.slice(0, 5).map(({ id }) => id)).toEqual(made.toReversed());
    const [first] = await collect(client.events.list({ pageSize: 1 }));
    expect(first?.type).toBe('payment.succeeded');
    for (const id of made) expect((await client.payments.close(id)).status).toBe('closed');
    const all = await collect(client.events.list({ pageSize: 2 }));
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(await collect(client.events.list({ after: all.at(-1)?.id ?? '' }))).toEqual([]);
  });

  test('a quote creates nothing; refusals are errors with their code and fields', async () => {
    expect((await client.quote({ amount: 1_000, currency: 'CNY' })).channel).not.toBeNull();
    const refused = await client.payments.create({ ...mutable(), amount: 0 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ code: 'validation_failed', status: 400, errors: [{ path: 'amount' }] });
    expect((refused as ApiError).requestId).toMatch(/^req_/);
    await expect(client.payments.get('pay_unknown/../x')).rejects.toMatchObject({ code: 'not_found' });
    const stranger = createSwitchyard({ baseUrl: stage.gateway().publicUrl, secretKey: 'sk_nobody' });
    await expect(collect(stranger.payments.list())).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

describe('the check of webhooks', () => {
  const body = '{"type":"payment.succeeded","data":{"subject":"会员"}}';
  const at = new Date();
  const seconds = Math.floor(at.getTime() / 1_000);
  const signed = (secret = SECRET) => ({
    'webhook-id': 'evt_1',
    'webhook-timestamp': `${seconds}`,
    'webhook-signature': new Webhook(secret).sign('evt_1', at, body),
  });
  const other = `whsec_${btoa('another secret of a shop')}`;

  test('believes any of several signatures, by any of several secrets', async () => {
    const rotating = {
      ...signed(),
      'webhook-signature': `v2,x v1,AAAA ${signed(other)['webhook-signature']} ${signed()['webhook-signature']}`,
    };
    expect((await verifyWebhook({ headers: rotating, body, secret: SECRET })).type).toBe('payment.succeeded');
    const headers = new Headers(signed());
    const bytes = new TextEncoder().encode(body);
    expect((await verifyWebhook({ headers, body: bytes, secret: [other, SECRET] })).type).toBe('payment.succeeded');
  });

  test.each([
    ['another body', 'signature', { body: body.replace('会员', '会費') }],
    ['another secret', 'signature', { secret: other }],
    ['another id', 'signature', { headers: { ...signed(), 'webhook-id': 'evt_2' } }],
    ['no signature', 'headers', { headers: { ...signed(), 'webhook-signature': undefined } }],
    ['a header that came twice', 'headers', { headers: { ...signed(), 'webhook-id': ['evt_1', 'evt_1'] } }],
    ['a signature that is none', 'signature', { headers: { ...signed(), 'webhook-signature': 'v1,% v1, v1' } }],
    ['an old one', 'time', { nowSeconds: seconds + 301 }],
    ['one of the future', 'time', { nowSeconds: seconds - 301 }],
    ['a time that is none', 'time', { headers: { ...signed(), 'webhook-timestamp': 'NaN' } }],
  ] as const)('does not believe %s', async (_name, reason, set) => {
    await expect(verifyWebhook({ headers: signed(), body, secret: SECRET, ...set })).rejects.toMatchObject({ reason });
  });

  test('refuses a secret that protects nothing', async () => {
    for (const secret of ['', 'whsec_', 'whsec_c2hvcnQ=', 'whsec_%%%']) {
      await expect(verifyWebhook({ headers: signed(), body, secret })).rejects.toThrow(TypeError);
    }
  });
});

test('the types are those of the API description', async () => {
  // Old ones: npm run sdk:types
  expect(readFileSync(join(ROOT, 'sdk/src/types.ts'), 'utf8')).toBe(await sdkTypes());
});

test('as a package it is plain JavaScript with declarations, and needs nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-sdk-'));
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  const built = spawnSync(tsc, ['-p', 'sdk/tsconfig.json', '--outDir', folder], { cwd: ROOT, encoding: 'utf8' });
  expect(built.stdout + built.stderr).toBe('');
  const { exports, dependencies } = JSON.parse(readFileSync(join(ROOT, 'sdk/package.json'), 'utf8'));
  expect(dependencies).toBeUndefined();
  for (const file of Object.values<string>(exports['.'])) expect(existsSync(file.replace('./dist', folder))).toBe(true);
  const { createSwitchyard: fromPackage } = await import(join(folder, 'index.js'));
  const other = fromPackage({ baseUrl: stage.gateway().publicUrl, secretKey: 'sk_sandbox_demo' });
  expect((await other.quote({ amount: 1_000, currency: 'CNY' })).channel).not.toBeNull();
  rmSync(folder, { recursive: true });
});
