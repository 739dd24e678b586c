import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { addMerchantsCommand } from '../../src/merchants-program.ts';
import type { Result } from '../../src/payment/index.ts';
import type { ReceivedEvent } from '../e2e/shop.ts';
import { anOrder, call, eventually, openStage, patient, type Stage } from '../e2e/stage.ts';

let stage: Stage;
let file = '';
let untouched = '';
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
  file = join(stage.dataDir, '../merchants.yaml');
  untouched = readFileSync(file, 'utf8');
});
afterAll(() => stage.stop());
beforeEach(async () => {
  writeFileSync(file, untouched);
  await stage.gateway().reload('request');
});

/** `switchyard merchants …` as the program has it, in this process. */
async function onboard(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Result<string, string>> {
  let story: Result<string, string> = { ok: false, error: 'nothing was said' };
  const program = new Command().exitOverride();
  const place = { CONFIG: join(file, '../gateway.yaml'), DATA_DIR: stage.dataDir };
  const ADMIN_PORT = new URL(stage.gateway().adminUrl).port;
  addMerchantsCommand(program, {
    env: { ...place, ADMIN_PORT, PUBLIC_URL: stage.gateway().publicUrl, ...env },
    told: (told) => {
      story = told;
    },
    failed: () => {
      if (story.ok) story = { ok: false, error: `exit code 1: ${story.value}` };
    },
  });
  await program.parseAsync(['merchants', ...args], { from: 'user' });
  return story;
}

async function said(...args: string[]): Promise<string> {
  const story = await onboard(args);
  if (!story.ok) throw new Error(story.error);
  return story.value;
}

async function refusal(...args: string[]): Promise<string> {
  const before = readFileSync(file, 'utf8');
  const story = await onboard(args);
  expect(readFileSync(file, 'utf8')).toBe(before);
  if (story.ok) throw new Error(`not refused: ${story.value}`);
  return story.error;
}

const json = async (...args: string[]) => JSON.parse(await said(...args, '--json'));
const api = (key: string, method: string, path: string, body?: unknown) =>
  call(method, `${stage.gateway().publicUrl}${path}`, body, { authorization: `Bearer ${key}` });
const order = (set: Readonly<Record<string, unknown>> = {}) => anOrder(stage, { notify_url: undefined, ...set });
const candidate = (body: { candidates: { channel: string; excluded: string | null }[] }, id: string) =>
  body.candidates.find(({ channel }) => channel === id)?.excluded;

async function paid(key: string): Promise<ReceivedEvent> {
  const { status, body } = await api(key, 'POST', '/v1/payments', order());
  expect(status, JSON.stringify(body)).toBe(201);
  await stage.control(body.channel, 'pay', { provider_ref: body.attempts[0].provider_ref });
  return eventually(() => stage.shop.eventsOf(body.id)[0]);
}

function verifies(secret: string, { body, headers }: ReceivedEvent): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

describe('a new shop', () => {
  test('calls and is told of its payments with the keys that were shown once; the file holds none of them', async () => {
    const text = await said('add', 'm_shop', '--name', 'My shop', '--epay', '--webhook-url', stage.shop.url);
    const shown = (name: string) => new RegExp(`^ *${name} +(\\S+)`, 'm').exec(text)?.[1] ?? '';
    const [key, secret, epayKey] = [shown('secret key'), shown('webhook secret'), shown('epay key')];
    expect(text).toContain('The running gateway has taken it.');
    expect(text).toContain(`${stage.gateway().publicUrl}/v1`);
    expect([key, secret, epayKey, shown('epay pid')]).toEqual([
      expect.stringMatching(/^sk_[A-Za-z0-9]{32}$/),
      expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      expect.stringMatching(/^[A-Za-z0-9]{32}$/),
      '1001',
    ]);
    expect(verifies(secret, await paid(key))).toBe(true);

    const written = readFileSync(file, 'utf8');
    expect(written.startsWith(untouched)).toBe(true);
    expect(parse(written).merchants.m_shop).toMatchObject({
      secret_keys: [expect.stringMatching(/^sha256:/)],
      webhook: { secret: expect.stringMatching(/^sealed:/) },
      epay: { pid: 1001, key: expect.stringMatching(/^sealed:/), sign: ['md5', 'sha256'] },
    });
    const told = [await said('list'), await said('show', 'm_shop'), JSON.stringify(await json('show', 'm_shop'))];
    expect(told.join()).toContain('m_shop');
    for (const hidden of [key, secret, epayKey]) expect(written + told.join()).not.toContain(hidden);
  });

  test('is routed to its channels alone: at once, by quote, by pin and when they are out', async () => {
    const { secrets } = await json('add', 'm_one', '--name', 'One', '--channels', 'alipay-backup');
    const key = secrets.secret_key;
    const placed = await Promise.all([1, 2, 3].map(() => api(key, 'POST', '/v1/payments', order())));
    expect(placed.map(({ body }) => body.channel)).toEqual(Array(3).fill('alipay-backup'));
    const { merchant_order_no: _, ...asked } = order();
    const quote = await api(key, 'POST', '/v1/routing/quote', asked);
    expect(quote.body.channel).toBe('alipay-backup');
    expect(candidate(quote.body, 'alipay-main')).toBe('merchant');
    const pinned = await api(key, 'POST', '/v1/payments', order({ channel: 'alipay-main' }));
    expect(pinned).toMatchObject({ status: 422, body: { code: 'channel_rejected' } });

    await stage.control('alipay-backup', 'faults', { outage: true });
    const out = await api(key, 'POST', '/v1/payments', order({ methods: ['alipay', 'wechatpay'] }));
    expect(out).toMatchObject({ status: 503, body: { code: 'no_channel_available' } });
    const mine = await api(key, 'GET', '/v1/payments?limit=50');
    const tried = mine.body.data.flatMap((p: { attempts: { channel: string }[] }) => p.attempts.map((a) => a.channel));
    expect(new Set(tried)).toEqual(new Set(['alipay-backup']));
    await stage.control('alipay-backup', 'faults', {});
  });

  test('is held to its limits, under stable codes; another limit counts at once', async () => {
    const limits = ['--max-amount', '5000', '--per-minute', '4'];
    const { secrets } = await json('add', 'm_small', '--name', 'Small', ...limits);
    const create = (amount: number) => api(secrets.secret_key, 'POST', '/v1/payments', order({ amount }));
    expect((await create(5_000)).status).toBe(201);
    const over = await create(5_001);
    const { merchant_order_no: _, ...asked } = order({ amount: 5_001 });
    for (const answer of [over, await api(secrets.secret_key, 'POST', '/v1/routing/quote', asked)]) {
      expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed', errors: [{ path: 'amount' }] } });
    }
    writeFileSync(file, readFileSync(file, 'utf8').replace('max_amount: 5000', 'max_amount: 6000'));
    await stage.gateway().reload('request');
    expect((await create(5_001)).status).toBe(201);
    const often = await create(1);
    expect(often).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(Number(often.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('is refused with the reason, and nothing is written', async () => {
    expect(await refusal('add', 'm_demo', '--name', 'Again')).toMatch(/m_demo is in .* already/);
    expect(await refusal('add', 'm_x', '--name', 'X', '--channels', 'alipay-mian')).toMatch(
      /merchants\.yaml:\d+: merchants\.m_x\.channels\[0\]: .*alipay-main/,
    );
    expect(await refusal('add', 'M X', '--name', 'X')).toMatch(/must be named with 1 to 40/);
    expect(await refusal('add', 'm_x', '--name', 'X', '--epay', '--pid', '1000')).toMatch(
      /pid that m_demo has already/,
    );
    expect(await refusal('add', 'm_x', '--name', 'X', '--max-amount', '1.5')).toMatch(/limits\.max_amount: must be/);
    expect(await refusal('add', 'm_x', '--name', 'X', '--pid', '7')).toMatch(/go with --epay/);
    expect(await refusal('add', 'm_x', '--name', 'sealed:x')).toMatch(/sealed:/);
    writeFileSync(file, untouched.replace('channels: all', 'channels: some'));
    expect(await refusal('add', 'm_x', '--name', 'X')).toMatch(/m_demo\.channels/);
  });

  test('is not lost when several are added at once, and each has a number of its own', async () => {
    const ids = ['m_a', 'm_b', 'm_c', 'm_d'];
    await Promise.all(ids.map((id) => said('add', id, '--name', `\${${id}}`, '--epay')));
    const all = await json('list');
    expect(all.map(({ id }: { id: string }) => id).toSorted()).toEqual([...ids, 'm_demo']);
    expect(new Set(all.map(({ epay }: { epay: { pid: number } }) => epay.pid))).toEqual(
      new Set([1000, 1001, 1002, 1003, 1004]),
    );
    expect(all.at(-1).name).toBe(`\${${all.at(-1).id}}`);
    expect(readdirSync(join(file, '..')).filter((name) => name.startsWith('merchants'))).toEqual(['merchants.yaml']);
  });
});

describe('a key', () => {
  test('is replaced without a gap: both are good until the old one is revoked, and the last one stays', async () => {
    const first = await json('add', 'm_shop', '--name', 'My shop', '--webhook-url', stage.shop.url);
    const second = await json('rotate', 'm_shop', '--secret-key', '--webhook-secret');
    expect(second.gateway.state).toBe('taken');
    const [old, fresh] = [first.secrets, second.secrets];
    for (const key of [old.secret_key, fresh.secret_key]) {
      const event = await paid(key);
      expect([old, fresh].map((keys) => verifies(keys.webhook_secret, event))).toEqual([true, true]);
    }
    expect(await refusal('rotate', 'm_shop', '--secret-key')).toMatch(/revoke one first/);

    for (const kind of ['secret_key', 'webhook_secret']) await said('revoke', 'm_shop', first.keys[kind]);
    expect((await api(old.secret_key, 'GET', '/v1/payments')).status).toBe(401);
    const event = await paid(fresh.secret_key);
    expect([old, fresh].map((keys) => verifies(keys.webhook_secret, event))).toEqual([false, true]);
    expect(await refusal('revoke', 'm_shop', second.keys.secret_key)).toMatch(
      /only secret key .* rotate m_shop --secret-key/,
    );
    expect(await refusal('revoke', 'm_shop', first.keys.secret_key)).toMatch(/no such key; it has/);
    expect(await refusal('rotate', 'm_shop', '--epay-key')).toBe('m_shop has no epay key');
    expect(await refusal('rotate', 'm_none', '--secret-key')).toMatch(/has no merchant m_none; it has m_demo/);
  });
});

describe('a disabled shop', () => {
  test('may not call; what it began goes on, its events too; enabled, it may again', async () => {
    const { secrets } = await json('add', 'm_shop', '--name', 'My shop', '--webhook-url', stage.shop.url);
    const key = secrets.secret_key;
    const { body } = await api(key, 'POST', '/v1/payments', order());
    await said('disable', 'm_shop');
    const refused = await api(key, 'POST', '/v1/payments', order());
    expect(refused).toMatchObject({
      status: 403,
      body: { code: 'forbidden', detail: expect.stringMatching(/disabled/) },
    });
    await stage.control(body.channel, 'pay', { provider_ref: body.attempts[0].provider_ref });
    expect((await eventually(() => stage.shop.eventsOf(body.id)[0])).type).toBe('payment.succeeded');
    await said('enable', 'm_shop');
    expect((await api(key, 'GET', '/v1/payments')).status).toBe(200);
  });
});

test('what the gateway makes of a change is said: nobody there, other files, or refused', async () => {
  const add = (id: string, env: Readonly<Record<string, string>>) => onboard(['add', id, '--name', 'X'], env);
  expect(await add('m_a', { ADMIN_PORT: '9' })).toMatchObject({
    ok: true,
    value: expect.stringMatching(/not known \(no gateway answers/),
  });
  writeFileSync(file, untouched);
  const folder = join(file, '../other');
  mkdirSync(folder);
  for (const name of ['gateway.yaml', 'merchants.yaml']) cpSync(join(file, '..', name), join(folder, name));
  const other = await add('m_b', { CONFIG: join(folder, 'gateway.yaml') });
  expect(other).toMatchObject({ ok: true, value: expect.stringMatching(/reads other files/) });
  // The gateway lacks a key that this environment has: it cannot open what is sealed here.
  const MASTER_KEY = Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64');
  const refused = await add('m_c', { MASTER_KEY, DATA_DIR: join(folder, 'data') });
  expect(refused).toMatchObject({
    ok: false,
    error: expect.stringMatching(/exit code 1: .*has refused it:.*sealed with/s),
  });
  expect((await api('sk_sandbox_demo', 'GET', '/v1/payments')).status).toBe(200);
});
