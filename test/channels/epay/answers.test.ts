import { describe, expect, test } from 'vitest';
import { errorOf } from '../../../channels/epay/errors.ts';
import { provider } from '../../../channels/epay/index.ts';
import { md5Of } from '../../../channels/epay/signature.ts';
import { anOrder, KEY, NOW, openStage, PID, paidOrder } from './stage.ts';

const signal = () => AbortSignal.timeout(10_000);

describe('MD5 signatures', () => {
  test('of known texts are the known ones', () => {
    // AH-dark/epay-cli and Calcium-Ion/go-epay
    const cli = {
      pid: '1001',
      type: 'alipay',
      out_trade_no: '20160806151343349',
      notify_url: 'https://www.pay.com/notify_url.php',
      return_url: 'https://www.pay.com/return_url.php',
      name: 'VIP会员',
      money: '1.00',
      clientip: '192.168.1.100',
      device: 'pc',
      param: '',
    };
    expect(md5Of(new Map(Object.entries(cli)), '123456')).toBe('4a0d8e5a6499e5de11878b87fa9ac8ba');
    const goEpay = { device: 'devicev', money: 'moneyv' };
    expect(md5Of(new Map(Object.entries(goEpay)), '1234567')).toBe('3854cc9f022e0fb821bd2e002260245d');
  });
});

describe('refusals', () => {
  const meaning = (msg: string, code = '-1') => errorOf(new Map(Object.entries({ code, msg })), []);

  test.each([
    ['MD5签名校验失败', 'AUTH_MISCONFIGURED', 'no', undefined],
    ['商户已被封禁，无法支付！', 'AUTH_MISCONFIGURED', 'no', 'frozen'],
    ['该域名不可发起支付，原因：域名没过白', 'AUTH_MISCONFIGURED', 'no', 'frozen'],
    ['金额不合法', 'INVALID_REQUEST', 'no', undefined],
    ['最大支付金额是500元', 'INVALID_REQUEST', 'no', undefined],
    ['系统异常无法完成付款', 'RISK_REJECTED', 'no', undefined],
    ['该订单(1)已完成支付，请勿重复发起支付', 'ALREADY_PAID', 'maybe', undefined],
    ['该订单(1)支付参数有变化，请更换订单号重新发起支付', 'DUPLICATE', 'maybe', undefined],
    ['没有可用的支付通道', 'CHANNEL_UNAVAILABLE', 'no', undefined],
    ['通道今日限额已满', 'CHANNEL_UNAVAILABLE', 'no', 'quota'],
    ['请求过于频繁', 'RATE_LIMITED', 'no', undefined],
    ['订单号不存在', 'NOT_FOUND', 'no', undefined],
    ['当前商户余额不足，无法完成支付', 'INSUFFICIENT_BALANCE', 'no', undefined],
    ['退款金额不能大于订单金额', 'INVALID_REQUEST', 'no', undefined],
    ['天气不好', 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe', 'unmapped_code'],
  ])('%s', (msg, kind, created, reason) => {
    expect(meaning(msg)).toMatchObject({ kind, created });
    expect(meaning(msg).reason).toBe(reason);
  });

  test('a code counts where no words do, and a stranger to both is named without its text', () => {
    expect(meaning('whatever', '-3')).toMatchObject({ kind: 'AUTH_MISCONFIGURED', created: 'no' });
    expect(meaning('张三 13800000000')).toMatchObject({ created: 'maybe', providerCode: 'code -1' });
  });

  test("a fork's own words go before ours", async () => {
    const error_words = [{ words: '风控拦截', kind: 'RISK_REJECTED', created: 'no' }];
    const { adapter } = await openStage(() => ({ code: -1, msg: '签名错误？不，风控拦截' }), { error_words });
    expect(await adapter.create(anOrder(), signal())).toMatchObject({
      ok: false,
      error: { kind: 'RISK_REJECTED', created: 'no', providerCode: '风控拦截' },
    });
  });
});

describe('creates', () => {
  test.each([
    ['redirect', { payurl: 'https://o.example/p' }, { type: 'redirect', url: 'https://o.example/p' }],
    ['redirect', { qrcode: 'weixin://wxpay/x' }, { type: 'qr_code', qrCode: 'weixin://wxpay/x' }],
    ['qr', { payurl: 'https://o.example/p' }, { type: 'qr_code', qrCode: 'https://o.example/p' }],
    ['qr', { payurl: 'https://o.example/p', qrcode: 'wx' }, { type: 'qr_code', qrCode: 'wx' }],
  ] as const)('as %s with %o', async (scene, more, action) => {
    const { adapter } = await openStage(() => ({ code: '1', trade_no: 'T1', ...more }));
    expect(await adapter.create(anOrder({ scene }), signal())).toEqual({
      ok: true,
      value: { action, channelTradeNo: 'T1' },
    });
  });

  test.each([
    ['a scheme that no browser can be sent to', { payurl: 'javascript:alert(1)' }],
    ['nothing to pay with', {}],
    ['a warning of PHP before the JSON', 'Warning: x\n{"code":1,"trade_no":"T1","payurl":"https://o.example"}'],
  ])('%s leaves an order behind, perhaps', async (_, said) => {
    const { adapter } = await openStage(() => (typeof said === 'string' ? said : { code: 1, trade_no: 'T1', ...said }));
    expect(await adapter.create(anOrder(), signal())).toMatchObject({ ok: false, error: { created: 'maybe' } });
  });

  test('a name that could be read as other fields, or that they would escape, goes out plain and cut at 127 bytes', async () => {
    const { adapter } = await openStage(() => '', { create_by: 'link' });
    const subject = `A&out_trade_no=1&b <b>"${'会'.repeat(100)}`;
    const created = await adapter.create(anOrder({ subject }), signal());
    const url = created.ok && created.value.action.type === 'redirect' ? created.value.action.url : '';
    const name = new URL(url).searchParams.get('name') ?? '';
    expect(name).toMatch(/^A out_trade_no=1 b b 会+$/);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(127);
  });

  test('an amount that is not in yuan, or a method without a type, is asked of nobody', async () => {
    const { adapter, asked } = await openStage(() => ({ code: 1 }));
    const dollars = anOrder({ amount: { minor: 1050, currency: 'USD' } });
    expect(await adapter.create(dollars, signal())).toMatchObject({ ok: false, error: { created: 'no' } });
    expect(await adapter.create(anOrder({ method: 'pix' }), signal())).toMatchObject({
      ok: false,
      error: { created: 'no' },
    });
    expect(asked).toEqual([]);
  });
});

describe('queries', () => {
  test('hold the key, and nothing that is kept of them does, also where the operator repeats it', async () => {
    const order = anOrder();
    const { adapter, recorded, asked } = await openStage(() => ({ ...paidOrder(order), key: KEY }));
    expect(await adapter.query({ ...order, channelTradeNo: null }, signal())).toMatchObject({ ok: true });
    expect(asked[0]).toContain(KEY);
    expect(recorded).toHaveLength(1);
    expect(JSON.stringify(recorded)).not.toContain(KEY);
  });

  test.each([
    ['0', 'open'],
    ['1', 'succeeded'],
    ['2', 'succeeded'],
    ['3', 'unclear'],
    ['4', 'unclear'],
    ['7', 'unclear'],
  ])('status %s is %s', async (status, state) => {
    const order = anOrder();
    const { adapter } = await openStage(() => paidOrder(order, { status }));
    const seen = await adapter.query({ ...order, channelTradeNo: null }, signal());
    expect(seen.ok && seen.value.state).toBe(state);
  });

  test('an unpaid order is over when the life that the operator gives orders is', async () => {
    const order = anOrder();
    const { adapter } = await openStage(() => paidOrder(order, { status: 0, addtime: '2026-11-27 19:30:00' }), {
      order_life_minutes: 30,
    });
    const seen = await adapter.query({ ...order, channelTradeNo: null }, signal());
    expect(seen.ok && seen.value.state).toBe('closed');
    expect(adapter.providerExpiresAt(NOW + 60_000, NOW)).toBe(NOW + 1_800_000);
  });

  test.each([{ out_trade_no: 'another' }, { pid: 1002 }])('an answer about %o is not believed', async (other) => {
    const order = anOrder();
    const { adapter } = await openStage(() => paidOrder(order, other));
    const seen = await adapter.query({ ...order, channelTradeNo: null }, signal());
    expect(seen).toMatchObject({ ok: false, error: { reason: 'forged_response', created: 'maybe' } });
  });
});

test('an address without TLS is refused, since the key travels in it', () => {
  const parse = (base_url: string) =>
    provider.configSchema.safeParse({ version: 'v1', pid: PID, key: KEY, base_url }).success;
  expect(parse('https://pay.example')).toBe(true);
  expect(parse('http://pay.example')).toBe(false);
  expect(parse('http://127.0.0.1:8082/epay-upstream')).toBe(true);
});
