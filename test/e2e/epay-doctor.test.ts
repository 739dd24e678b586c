import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, truncate } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openMasterKey } from '../../src/config/index.ts';
import { doctorEpay } from '../../src/doctor-command.ts';
import { openEpayRecord } from '../../src/epay-record.ts';
import { EPAY_KEY, signedOrder } from './epay-shop.ts';
import { eventually, openStage, patient, type Stage } from './stage.ts';

const TOKEN = 'c3f1a09be7d24586aa01f3d2';
const OTHER_KEY = 'another-shops-key-of-32-letters-0';
const HOSTILE = '<img src=x onerror=alert(1)>';

let stage: Stage;
let shop: Server;
let notifyUrl: string;
const sent: string[] = [];

beforeAll(async () => {
  shop = createServer((request, response) => {
    sent.push(request.url ?? '');
    response.writeHead(403, { server: 'cloudflare' });
    // Repeats what it was asked, and the key as well.
    response.end(`<html><title>Just a moment...</title>${HOSTILE}\u0007${EPAY_KEY}${request.url}`);
  });
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
  notifyUrl = `http://127.0.0.1:${(shop.address() as AddressInfo).port}/notify?token=hidden`;
  stage = await openStage({
    editConfig: patient,
    editMerchants: (yaml) =>
      `${yaml}\n  m_other:\n    name: Other\n    secret_keys: [sk_other_0123456789abcdef]\n    webhook: { url: null, secret: whsec_${createHash('sha256').update('other').digest('base64')} }\n    epay: { pid: 2000, key: ${OTHER_KEY}, sign: [md5], notify_hosts: [ok.example] }\n    channels: all\n`,
    env: { ADMIN_TOKEN: TOKEN },
    // What a crash or a hand has left there keeps nobody from starting.
    prepare: (dataDir) => {
      mkdirSync(dataDir, { recursive: true });
      writeFileSync(join(dataDir, 'epay-record.sealed'), 'not sealed at all');
    },
  });
});
afterAll(async () => {
  await stage.stop();
  shop.closeAllConnections();
  await new Promise((resolve) => shop.close(resolve));
});

const order = (set: Record<string, string> = {}): Record<string, string> => ({
  ...{ pid: '1000', type: 'alipay', out_trade_no: 'D1', name: '月卡', money: '1', notify_url: notifyUrl },
  ...set,
});
const submit = (fields: Record<string, string>, init: RequestInit = {}) =>
  fetch(`${stage.gateway().publicUrl}/submit.php?${new URLSearchParams(fields)}`, { redirect: 'manual', ...init });
const ask = (path: string) =>
  fetch(`${stage.gateway().adminUrl}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
const env = () => ({ ADMIN_PORT: new URL(stage.gateway().adminUrl).port, ADMIN_TOKEN: TOKEN });
async function cli(options: { pid?: string; json?: boolean }): Promise<string> {
  const said = await doctorEpay(env(), options);
  if (!said.ok) throw new Error(said.error);
  return said.value;
}

test('a shop whose requests are broken and whose CDN stops the notification is told why, without a key, a signature or markup', async () => {
  const taken = await submit(signedOrder(order()));
  const id = taken.headers.get('location')?.split('/pay/')[1];
  await submit(signedOrder(order(), { key: OTHER_KEY }));
  await submit(signedOrder(order({ pid: '77' })));
  await submit(signedOrder(order({ money: '2' })));
  await submit(signedOrder(order({ pid: '2000' }), { key: OTHER_KEY }));
  await submit(signedOrder(order({ param: 'a&money=9' })));
  const { x: _unsent, ...form } = signedOrder(order({ out_trade_no: 'D2', x: '1' }));
  await submit({ x: '1' }, { method: 'POST', body: new URLSearchParams(form) });
  await fetch(`${stage.gateway().publicUrl}/api.php?act=order&pid=1000&out_trade_no=D1&key=${OTHER_KEY}`);
  const { body } = await stage.api('GET', `/v1/payments/${id}`);
  const attempt = body.attempts.at(-1);
  await stage.control(attempt.channel, 'pay', { provider_ref: attempt.provider_ref });

  const report = await eventually(async () => {
    const seen = JSON.parse(await cli({ pid: '1000', json: true }));
    return seen.notices.length > 0 && seen;
  });
  expect(report.requests.map((one: { verdict: string }) => one.verdict)).toEqual([
    "another merchant's key",
    'wrong key or signature',
    'the order number exists with another content',
    "another merchant's key",
    'an order by submit.php was taken',
  ]);
  expect(report.requests.map((one: { near_miss: string }) => one.near_miss)).toEqual([
    ...['foreign_key', 'query_merged', null, 'foreign_key', null],
  ]);
  expect(report.requests[0].why).toContain('m_other');
  expect(report.nobodys.map((one: { verdict: string }) => one.verdict)).toEqual([
    'ambiguous: a value holds a parameter of the protocol',
    'wrong pid 77',
  ]);
  expect(report.nobodys[1].why).toContain('m_demo');
  expect(report.notices.at(-1)).toMatchObject({
    ...{ verdict: expect.stringContaining('CDN'), status: 403, out_trade_no: 'D1', try: 1, own_query: ['token'] },
    again: expect.stringMatching(/^switchyard events redeliver evt_/),
  });
  expect(await cli({ pid: '2000' })).toContain('Allowed for this shop: ok.example');

  const list = await cli({});
  expect(list).toMatch(/1000 +m_demo +enabled .*another merchant's key/);
  const pages = await Promise.all(['/admin/epay', '/admin/epay/1000'].map(ask));
  const texts = [list, await cli({ pid: '1000' }), JSON.stringify(report)];
  for (const page of pages) {
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const text = await page.text();
    expect(text).not.toContain(HOSTILE);
    texts.push(text);
  }
  expect(texts.at(-1)).toContain('a CDN stands before the shop');
  const signs = sent.map((url) => new URLSearchParams(url.split('?')[1]).get('sign') ?? '?');
  for (const text of texts) {
    for (const secret of [EPAY_KEY, OTHER_KEY, 'hidden', ...signs]) expect(text).not.toContain(secret);
    expect(text.split('\u0007')).toHaveLength(1);
  }
});

test('who shows no token, or asks for a pid of nobody, is told so', async () => {
  expect((await fetch(`${stage.gateway().adminUrl}/admin/epay/1000`)).status).toBe(401);
  for (const name of ['5', '1000.html', '%2e%2e%2f', `${'9'.repeat(40)}.json`])
    expect((await ask(`/admin/epay/${name}`)).status).toBe(404);
  const unknown = await doctorEpay(env(), { pid: '5' });
  expect(unknown).toMatchObject({ ok: false, error: expect.stringContaining('No shop has the pid 5') });
  expect(await doctorEpay(env(), { pid: '1 OR 1' })).toMatchObject({ ok: false });
});

describe('the record', () => {
  const note = {
    at: 1,
    endpoint: 'mapi',
    method: 'POST',
    outcome: 'ok',
    sign: 'md5',
    names: [],
    nearMiss: null,
  } as const;
  let path: string;
  const opened = (fill: number) => {
    const key = {
      masterKey: createHash('sha256').update(String(fill)).digest('base64'),
      dataDir: path,
      sandbox: false,
      randomBytes,
    };
    const sealer = openMasterKey(key);
    if (!sealer.ok) throw new Error(JSON.stringify(sealer.error));
    const troubles: unknown[] = [];
    const onTrouble = (error: unknown) => troubles.push(error);
    return { troubles, ...openEpayRecord({ path, sealer: sealer.value, onTrouble }) };
  };
  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'switchyard-record-')), 'epay-record.sealed');
    const first = opened(1);
    first.request('m_a', note);
    await first.close();
  });
  afterEach(() => rm(dirname(path), { recursive: true }));

  test('is there after a restart', () => {
    const record = opened(1);
    expect(record.of('m_a').requests).toEqual([note]);
    expect(record.troubles).toEqual([]);
  });

  test.each<[string, number, () => Promise<unknown> | unknown]>([
    ['another master key', 2, () => {}],
    ['a file that was cut off', 1, () => truncate(path, 40)],
    ['a huge file', 1, () => truncate(path, 3 * 1024 ** 3)],
    ['no file but a folder', 1, () => rm(path).then(() => mkdir(path))],
  ])('is empty and says so, with %s, and keeps what comes', async (_what, fill, harm) => {
    await harm();
    const record = opened(fill);
    expect(record.troubles).toHaveLength(1);
    expect(record.of('m_a')).toEqual({ requests: [], notices: [] });
    record.request('m_a', note);
    expect(record.of('m_a').requests).toEqual([note]);
    await record.close();
  });
});
