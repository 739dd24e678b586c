import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { errorOf } from '../../../channels/usdt/errors.ts';
import { provider } from '../../../channels/usdt/index.ts';
import { signatureOf } from '../../../channels/usdt/signature.ts';
import type { ChannelAdapter, CreateRequest, RawCallback } from '../../../src/channel/index.ts';
import { money, newId, providerRefOf } from '../../../src/payment/index.ts';

const TOKEN = 'a-t0ken-to-be-seen-nowhere';
const NOW = Date.parse('2026-11-27T12:00:00Z');
const ADDRESS = 'TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t';
const signal = () => AbortSignal.timeout(10_000);

interface Stage {
  readonly adapter: ChannelAdapter;
  readonly asked: readonly Record<string, unknown>[];
}

/** An adapter whose provider answers every request with this data. */
async function openStage(data: unknown, set: Record<string, unknown> = {}): Promise<Stage> {
  const asked: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    asked.push(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    response.end(JSON.stringify({ status_code: 200, message: 'success', data, request_id: '' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const config = provider.configSchema.parse({
    base_url: `http://127.0.0.1:${address.port}`,
    api_token: TOKEN,
    ...set,
  });
  const adapter = provider.openAdapter(config, { now: () => NOW, randomBytes, record: () => {} });
  onTestFinished(async () => {
    await adapter.dispose();
    await new Promise((resolve) => server.close(resolve));
  });
  return { adapter, asked };
}

function anOrder(set: Partial<CreateRequest> = {}): CreateRequest {
  return {
    providerRef: providerRefOf(newId('pay', NOW, randomBytes), 1),
    amount: money(1050, 'CNY'),
    method: 'usdt',
    scene: 'qr',
    subject: 'Game key',
    expiresAt: NOW + 900_000,
    callbackUrl: 'https://gateway.example/callbacks/usdt-main/token',
    returnUrl: 'https://gateway.example/pay/return',
    buyer: { ip: null },
    ...set,
  };
}

function created(order: CreateRequest, set: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    order_id: `${order.providerRef}-${order.amount.currency}`,
    trade_id: 'aTradeId123',
    status: 1,
    amount: '10.5',
    actual_amount: '1.46',
    token: ADDRESS,
    expiration_time: 900,
    payment_url: 'https://usdt.example/pay/checkout-counter/aTradeId123',
    ...set,
  };
}

test('signatures are the known ones', () => {
  const fields = {
    amount: 42,
    order_id: '20220201030210321',
    notify_url: 'http://example.com/notify',
    redirect_url: 'http://example.com/redirect',
  };
  // the provider's docs/api/api.md
  const token = 'epusdt_password_xasddawqe';
  expect(signatureOf(new Map(Object.entries(fields)), token)).toBe('1cd4b52df5587cfb1968b0c0c6e156cd');
});

describe('a create', () => {
  test('gives the address, the exact amount and the time that both hold for', async () => {
    const order = anOrder();
    const { adapter, asked } = await openStage(created(order), { network: 'trc20', rate: '~1.02' });
    expect(await adapter.create(order, signal())).toEqual({
      ok: true,
      value: {
        action: { type: 'qr_code', qrCode: ADDRESS },
        quote: { amount: money(1_460_000, 'USDT'), network: 'TRC20', address: ADDRESS, expiresAt: NOW + 900_000 },
        channelTradeNo: 'aTradeId123',
      },
    });
    expect(asked[0]).toMatchObject({
      amount: 10.5,
      fiat: 'CNY',
      rate: '~1.02',
      trade_type: 'usdt.trc20',
      timeout: 900,
    });
  });

  test('in USDT itself is priced one to one, whatever rate is configured', async () => {
    const order = anOrder({ amount: money(10_500_000, 'USDT') });
    const { adapter, asked } = await openStage(created(order, { actual_amount: '10.51' }), { rate: '7.2' });
    expect(await adapter.create(order, signal())).toMatchObject({
      ok: true,
      value: { quote: { amount: money(10_510_000, 'USDT') } },
    });
    expect(asked[0]).toMatchObject({ amount: 10.5, fiat: 'USD', rate: '1' });
  });

  test.each([
    ['more decimals than they have', money(10_500_001, 'USDT')],
    ['a currency that they have no price in', money(1050, 'CHF')],
    ['a million, which they would print in another way', money(100_000_000, 'CNY')],
  ])('of %s is asked of nobody', async (_, amount) => {
    const { adapter, asked } = await openStage({});
    const refused = await adapter.create(anOrder({ amount }), signal());
    expect(refused).toMatchObject({ ok: false, error: { kind: 'INVALID_REQUEST', created: 'no' } });
    expect(asked).toEqual([]);
  });

  test.each([
    ['another order', { order_id: 'another' }],
    ['another amount', { amount: '10.4' }],
    ['an address of another network', { token: '0x52908400098527886E0F7030069857D2E4169EE7' }],
    ['no address', { token: '' }],
    ['an amount with seven decimals', { actual_amount: '1.4600001' }],
    ['no time', { expiration_time: 0 }],
  ])('that is answered with %s is shown to nobody, and may exist', async (_, set) => {
    const order = anOrder();
    const { adapter } = await openStage(created(order, set));
    expect(await adapter.create(order, signal())).toMatchObject({ ok: false, error: { created: 'maybe' } });
  });

  test.each([
    ['trc20', ADDRESS, true],
    ['erc20', '0x52908400098527886E0F7030069857D2E4169EE7', true],
    ['erc20', ADDRESS, false],
    ['bep20', '0x52908400098527886E0F7030069857D2E4169E', false],
  ])('on %s with the address %s is usable: %s', async (network, token, usable) => {
    const order = anOrder();
    const { adapter } = await openStage(created(order, { token }), { network });
    expect((await adapter.create(order, signal())).ok).toBe(usable);
  });
});

describe('a query', () => {
  test.each([
    [1, 'open'],
    [2, 'succeeded'],
    [3, 'closed'],
    [4, 'closed'],
    [5, 'open'],
    [6, 'failed'],
    [9, 'unclear'],
  ])('status %s is %s', async (status, state) => {
    const order = anOrder();
    const info = { order_id: `${order.providerRef}-CNY`, status, money: '10.5', actual_amount: '1.46' };
    const { adapter } = await openStage(info);
    const seen = await adapter.query({ ...order, channelTradeNo: 'aTradeId123' }, signal());
    expect(seen).toMatchObject({ ok: true, value: { state, amount: order.amount, quoted: money(1_460_000, 'USDT') } });
  });

  test('about another order is not believed', async () => {
    const order = anOrder();
    const info = { order_id: `${order.providerRef}-USD`, status: 2, money: '10.5', actual_amount: '1.46' };
    const { adapter } = await openStage(info);
    const seen = await adapter.query({ ...order, channelTradeNo: 'aTradeId123' }, signal());
    expect(seen).toMatchObject({ ok: false, error: { reason: 'forged_response' } });
  });
});

describe('a notice', () => {
  const notice = (order: CreateRequest, set: Record<string, unknown> = {}) => ({
    trade_id: 'aTradeId123',
    order_id: `${order.providerRef}-CNY`,
    amount: 10.5,
    actual_amount: '1.46',
    token: ADDRESS,
    block_transaction_id: 'ab'.repeat(32),
    status: 2,
    ...set,
  });
  /** Signed as the provider does it, written down here once more. */
  const signed = (fields: Record<string, unknown>): RawCallback => {
    const text = Object.keys(fields)
      .sort()
      .map((name) => `${name}=${fields[name]}`)
      .join('&');
    const signature = createHash('md5').update(`${text}${TOKEN}`).digest('hex');
    return raw(JSON.stringify({ ...fields, signature }));
  };
  const raw = (body: string): RawCallback => ({
    method: 'POST',
    target: '/callbacks/usdt-main/token',
    headers: new Map(),
    body: Buffer.from(body),
    receivedAt: NOW,
  });
  const info = (order: CreateRequest, set: Record<string, unknown> = {}) => ({
    order_id: `${order.providerRef}-CNY`,
    status: 2,
    money: '10.5',
    actual_amount: '1.46',
    ...set,
  });

  test('that the provider confirms is paid, with both amounts', async () => {
    const order = anOrder();
    const { adapter } = await openStage(info(order));
    expect(await adapter.parseCallback(signed(notice(order)), signal())).toMatchObject({
      ok: true,
      value: [
        {
          providerRef: order.providerRef,
          observation: { state: 'succeeded', amount: order.amount, quoted: money(1_460_000, 'USDT') },
        },
      ],
    });
  });

  test('that the provider does not confirm is refused, and where amounts differ none is told', async () => {
    const order = anOrder();
    const waiting = await openStage(info(order, { status: 5 }));
    expect(await waiting.adapter.parseCallback(signed(notice(order)), signal())).toEqual({
      ok: false,
      error: 'unconfirmed',
    });
    const other = await openStage(info(order, { actual_amount: '1.45' }));
    expect(await other.adapter.parseCallback(signed(notice(order)), signal())).toMatchObject({
      ok: true,
      value: [{ observation: { amount: null } }],
    });
  });

  test.each([
    [1, 'open'],
    [3, 'closed'],
    [7, 'unclear'],
  ])('of status %s is %s, and nobody is asked', async (status, state) => {
    const order = anOrder();
    const { adapter, asked } = await openStage({});
    const parsed = await adapter.parseCallback(signed(notice(order, { status })), signal());
    expect(parsed).toMatchObject({ ok: true, value: [{ observation: { state } }] });
    expect(asked).toEqual([]);
  });

  test('about an order of somebody else at the same instance concerns nothing here', async () => {
    const { adapter } = await openStage({});
    const parsed = await adapter.parseCallback(signed(notice(anOrder(), { order_id: '20260101' })), signal());
    expect(parsed).toEqual({ ok: true, value: [] });
  });

  test('with nested values, names that come twice or text around it is malformed', async () => {
    const { adapter } = await openStage({});
    const good = Buffer.from(signed(notice(anOrder())).body).toString('utf8');
    const spoilt = [
      good.replace('{', '{"status":2,'),
      good.replace('"status":2', '"status":[2]'),
      good.replace('"status":2', '"status":{"a":2}'),
      good.replace('"status":2', '"status":true'),
      ` ${good}`,
    ];
    for (const body of spoilt)
      expect(await adapter.parseCallback(raw(body), signal()), body).toMatchObject({ ok: false });
  });
});

test.each([
  ['400', '签名错误', 'AUTH_MISCONFIGURED', 'no'],
  ['400', '订单创建失败：没有可用的钱包地址', 'AUTH_MISCONFIGURED', 'no'],
  ['400', '请求参数错误：amount', 'INVALID_REQUEST', 'no'],
  ['400', '订单创建失败：汇率获取失败', 'CHANNEL_UNAVAILABLE', 'no'],
  ['10005', '', 'CHANNEL_UNAVAILABLE', 'no'],
  ['10002', '', 'DUPLICATE', 'maybe'],
  ['400', 'system error', 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
])('a refusal %s %s is %s, %s', (code, message, kind, made) => {
  expect(errorOf(code, message)).toMatchObject({ kind, created: made });
});
