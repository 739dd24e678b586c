import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { provider } from '../../../channels/wechatpay/index.ts';
import { startSandboxHost } from '../../../src/channel/sandbox/index.ts';
import { ask, credentialsOf } from './plain-client.ts';
import { type Stage, soon, startStage } from './stage.ts';

function anOrderBody(stage: Stage, set: Record<string, unknown> = {}): Record<string, unknown> {
  const { appid, mchid } = credentialsOf(stage);
  return {
    appid,
    mchid,
    description: 'a book',
    out_trade_no: 'ORDER-0001',
    notify_url: `${stage.receiver.url}/callbacks/x/y`,
    amount: { total: 100, currency: 'CNY' },
    ...set,
  };
}

const NATIVE = '/v3/pay/transactions/native';
const UNKNOWN_ORDER = '/v3/pay/transactions/out-trade-no/unknown-1?mchid=';

describe('the simulator checks a request as WeChat does', () => {
  test('a good one, with the prefix in the signed path, the fields in any order and the serial in any case', async () => {
    const stage = await startStage();
    const { serial_no } = credentialsOf(stage);
    const answer = await ask(stage, {
      method: 'POST',
      path: NATIVE,
      json: anOrderBody(stage),
      serial: serial_no.toLowerCase(),
      authorization: (parts) => `WECHATPAY2-SHA256-RSA2048 ${[...parts].reverse().join(', ')}`,
    });
    expect(answer).toMatchObject({ status: 200, json: { code_url: expect.stringMatching(/^weixin:/) } });
    expect(answer.headers.get('wechatpay-signature')).toBeTruthy();
    expect(answer.headers.get('request-id')).toBeTruthy();
  });

  test('a signature without the prefix does not match, and the answer shows what was checked', async () => {
    const stage = await startStage();
    const answer = await ask(stage, { method: 'POST', path: NATIVE, signedPath: NATIVE, json: anOrderBody(stage) });
    expect(answer).toMatchObject({
      status: 401,
      json: {
        code: 'SIGN_ERROR',
        message: '错误的签名，验签失败',
        detail: {
          detail: { issue: 'sign not match' },
          field: 'signature',
          location: 'authorization',
          sign_information: { method: 'POST', url: `/wechatpay-main${NATIVE}` },
        },
      },
    });
    const { truncated_sign_message: shown } = answer.json.detail.sign_information;
    expect(shown).toMatch(/^POST\n\/wechatpay-main\/v3\/pay\/transactions\/native\n\d{10}\nA1b2C3d4E5f6\n\{"appid"\n$/);
  });

  test.each([
    ['301 s old', { at: Date.now() - 301_000 }],
    ['302 s early', { at: Date.now() + 302_000 }],
    ['under another serial number', { serial: '5F0A' }],
    ['with an empty nonce', { nonce: '' }],
    ['without authorization', { authorization: () => '' }],
    [
      'of another scheme',
      { authorization: (parts: readonly string[]) => `WECHATPAY2-SM2-WITH-SM3 ${parts.join(',')}` },
    ],
    [
      'without one field',
      { authorization: (parts: readonly string[]) => `WECHATPAY2-SHA256-RSA2048 ${parts.slice(1)}` },
    ],
    [
      'with one field twice',
      { authorization: (parts: readonly string[]) => `WECHATPAY2-SHA256-RSA2048 ${parts},${parts[0]}` },
    ],
  ])('%s is a SIGN_ERROR', async (_what, set) => {
    const stage = await startStage();
    const answer = await ask(stage, { method: 'POST', path: NATIVE, json: anOrderBody(stage), ...set });
    expect(answer).toMatchObject({ status: 401, json: { code: 'SIGN_ERROR' } });
    expect(stage.host.control.orders('wechatpay-main')).toEqual({ ok: true, value: [] });
  });

  test('a request for the answer to be signed with a key that WeChat does not have is refused', async () => {
    const stage = await startStage();
    const headers = { 'wechatpay-serial': 'PUB_KEY_ID_0' };
    expect(await ask(stage, { method: 'POST', path: NATIVE, json: anOrderBody(stage), headers })).toMatchObject({
      status: 400,
      json: { code: 'PARAM_ERROR' },
    });
  });

  test.each([
    ['an unknown field', { surprise: 1 }],
    ['no description', { description: undefined }],
    ['a description of 128 characters', { description: 'x'.repeat(128) }],
    ['an order number of 5 characters', { out_trade_no: 'A1234' }],
    ['an order number with a blank', { out_trade_no: 'A 12345' }],
    ['an amount of zero', { amount: { total: 0 } }],
    ['an amount with decimals', { amount: { total: 1.5 } }],
    ['an amount that is text', { amount: { total: '100' } }],
    ['another currency', { amount: { total: 100, currency: 'USD' } }],
    ['a notify_url with a query', { notify_url: 'http://127.0.0.1/x?y=1' }],
    ['a time_expire without offset', { time_expire: '2030-01-01T00:00:00' }],
  ])('%s is a PARAM_ERROR', async (_what, set) => {
    const stage = await startStage();
    expect(await ask(stage, { method: 'POST', path: NATIVE, json: anOrderBody(stage, set) })).toMatchObject({
      status: 400,
      json: { code: 'PARAM_ERROR' },
    });
  });

  test('H5 without the scene is refused, JSAPI is not there', async () => {
    const stage = await startStage();
    const post = (path: string) => ask(stage, { method: 'POST', path, json: anOrderBody(stage) });
    expect(await post('/v3/pay/transactions/h5')).toMatchObject({ status: 400, json: { code: 'PARAM_ERROR' } });
    for (const path of ['/v3/pay/transactions/jsapi', '/v3/pay/transactions/native/close']) {
      expect(await post(path)).toMatchObject({ status: 404, json: { code: 'RESOURCE_NOT_EXISTS' } });
    }
  });

  test('a query asks with the merchant number, by our number or by theirs', async () => {
    const stage = await startStage();
    const { mchid } = credentialsOf(stage);
    await ask(stage, { method: 'POST', path: NATIVE, json: anOrderBody(stage) });
    const paid = await stage.host.control.pay('wechatpay-main', { providerRef: 'ORDER-0001' });
    const tradeNo = paid.ok ? paid.value.tradeNo : '';
    expect(tradeNo).toMatch(/^42\d{26}$/);
    const get = (path: string) => ask(stage, { method: 'GET', path });
    const base = '/v3/pay/transactions';
    expect(await get(`${base}/out-trade-no/ORDER-0001`)).toMatchObject({ status: 400, json: { code: 'PARAM_ERROR' } });
    for (const path of [`${base}/out-trade-no/ORDER-0001?mchid=${mchid}`, `${base}/id/${tradeNo}?mchid=${mchid}`]) {
      expect(await get(path)).toMatchObject({
        status: 200,
        json: { trade_state: 'SUCCESS', transaction_id: tradeNo, amount: { total: 100, currency: 'CNY' }, mchid },
      });
    }
    expect(await get(UNKNOWN_ORDER + mchid)).toMatchObject({ status: 404, json: { code: 'ORDER_NOT_EXIST' } });
  });
});

describe('the simulator keeps what WeChat keeps', () => {
  test('an amount other than the order’s is what query and callback tell', async () => {
    const stage = await startStage();
    const order = stage.anOrder();
    await stage.adapter.create(order, soon());
    await stage.host.control.pay('wechatpay-main', { providerRef: order.providerRef, amountMinor: 1 });
    expect(await stage.adapter.query(stage.refOf(order), soon())).toMatchObject({
      ok: true,
      value: { amount: { minor: 1 } },
    });
  });

  test.each([
    ['in a second', 1_000, 60_000],
    ['in 91 days', 91 * 86_400_000, 90 * 86_400_000],
  ])('an expiry %s is moved without a word', async (_what, lifeMs, keptMs) => {
    const stage = await startStage();
    const before = Date.now();
    const order = stage.anOrder({ expiresAt: before + lifeMs });
    await stage.adapter.create(order, soon());
    const books = stage.host.control.orders('wechatpay-main', order.providerRef);
    const [kept] = books.ok ? books.value : [];
    expect(kept?.expiresAt).toBe((kept?.createdAt ?? 0) + keptMs);
  });

  test('its settings refuse what they do not know', async () => {
    const { settings } = await startStage();
    await expect(settings({ key_mode: 'none' })).rejects.toThrow();
    await expect(settings({ keymode: 'mixed' })).rejects.toThrow();
    await expect(settings({ paying: { provider_ref: 'nobody', for_ms: 1 } })).rejects.toThrow();
  });

  test('its credentials and orders outlive a restart', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'wechatpay-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    const start = () =>
      startSandboxHost({
        host: '127.0.0.1',
        port: 0,
        channels: [{ id: 'wechatpay-main', provider: provider }],
        publicUrl: () => 'http://127.0.0.1:9',
        dataDir,
        now: Date.now,
        randomBytes: (size) => crypto.getRandomValues(new Uint8Array(size)),
        random: () => 0,
        retryTimeFactor: 0.001,
        onError: () => {},
      });
    const first = await start();
    const { base_url: _first, ...before } = credentialsOf({ host: first });
    await first.close();
    const second = await start();
    const { base_url: _second, ...after } = credentialsOf({ host: second });
    await second.close();
    expect(after).toEqual(before);
  });

  test('no orders are mixed up when many are made and paid at the same time', async () => {
    const { adapter, anOrder, refOf, pay } = await startStage();
    const orders = Array.from({ length: 30 }, (_, i) => anOrder({ amount: { minor: i + 1, currency: 'CNY' } }));
    const created = await Promise.all(orders.map((order) => adapter.create(order, soon())));
    expect(new Set(created.map((one) => one.ok && JSON.stringify(one.value.action))).size).toBe(30);
    await Promise.all(orders.filter((_, i) => i % 2 === 0).map(pay));
    const seen = await Promise.all(orders.map((order) => adapter.query(refOf(order), soon())));
    expect(seen.map((one) => one.ok && [one.value.state, one.value.amount?.minor])).toEqual(
      orders.map((order, i) => [i % 2 === 0 ? 'succeeded' : 'open', order.amount.minor]),
    );
  });
});
