import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rawRequest, sendRaw } from '../http/serve.ts';
import { CLIENTS, EPAY_KEY, type EpayShop, openEpayShop, signedOrder } from './epay-shop.ts';
import { eventually, openStage, patient, type Stage } from './stage.ts';

let stage: Stage;
let shop: EpayShop;
const merchantKey = generateKeyPairSync('rsa', { modulusLength: 2048 });

beforeAll(async () => {
  shop = await openEpayShop();
  const publicKey = merchantKey.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  stage = await openStage({
    editConfig: patient,
    editMerchants: (yaml) =>
      yaml
        .replace('sign: [md5, sha256]', 'sign: [md5, sha256, rsa]')
        .replace('public_key: null', `public_key: ${publicKey}`)
        .replace('refunds: false', 'refunds: true'),
  });
});
afterAll(async () => {
  await stage.stop();
  await shop.close();
});

let made = 0;
const anOrder = (set: Record<string, string> = {}): Record<string, string> => {
  made += 1;
  return {
    ...{ pid: '1000', type: 'alipay', out_trade_no: `E${made}`, name: '月卡 1个', money: '1' },
    ...{ notify_url: `${shop.url}/notify`, return_url: `${shop.url}/#/order` },
    ...set,
  };
};

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely and fail where they are not as expected
type Json = any;

async function post(path: string, fields: Record<string, string> | FormData): Promise<Json> {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  const answer = await fetch(stage.gateway().publicUrl + path, { method: 'POST', body });
  expect(answer.status).toBe(200);
  return answer.json();
}

async function api(fields: Record<string, string>): Promise<Json> {
  const answer = await fetch(`${stage.gateway().publicUrl}/api.php?${new URLSearchParams(fields)}`);
  expect(answer.status).toBe(200);
  return answer.json();
}

/** The buyer pays what the cashier shows. */
async function buyerPays(tradeNo: string): Promise<void> {
  const { body } = await stage.api('GET', `/v1/payments/${tradeNo}`);
  const attempt = body.attempts.at(-1);
  const { status } = await stage.control(attempt.channel, 'pay', { provider_ref: attempt.provider_ref });
  expect(status).toBe(200);
}

async function submitted(fields: Record<string, string>, path = '/submit.php'): Promise<string> {
  const url = `${stage.gateway().publicUrl}${path}?${new URLSearchParams(fields)}`;
  const answer = await fetch(url, { redirect: 'manual' });
  expect(answer.status).toBe(303);
  return answer.headers.get('location')?.split('/pay/')[1] ?? '';
}

describe('F1 F5 a buyer is sent with an order', () => {
  test('to an address with two slashes and an empty parameter, with Chinese as it is, and comes to the cashier', async () => {
    const order = signedOrder(anOrder());
    const query = Object.entries(order)
      .map(([name, value]) => `${name}=${value.replaceAll('#', '%23').replaceAll(' ', '%20')}`)
      .join('&');
    const request = rawRequest('GET', `//submit.php?&${query}`, []);
    const answer = await sendRaw(stage.gateway().publicUrl, request);
    expect(answer).toMatch(/^HTTP\/1.1 303/);
    const url = /Location: (\S+)/.exec(answer)?.[1] ?? '';
    expect(url).toMatch(/\/pay\/pay_[0-9a-z]{26}$/);
    expect(answer).toContain(`window.location.replace('${url}')`);
    expect(answer).toContain(`href="${url}"`);
    const page = await (await fetch(url)).text();
    expect(page).toContain('月卡 1个');
  });

  test.each(['/epay/submit.php', '/epay//submit.php', '/', '/epay/', '/submit.php/'])('also to %s', async (path) => {
    expect(await submitted(signedOrder(anOrder()), path)).toMatch(/^pay_/);
  });

  test('by a form, whose address has a query that nobody signs', async () => {
    const answer = await fetch(`${stage.gateway().publicUrl}/submit.php?_input_charset=utf-8`, {
      ...{ method: 'POST', redirect: 'manual', body: new URLSearchParams(signedOrder(anOrder())) },
    });
    expect(answer.status).toBe(303);
  });

  test('and is told in words what is wrong, without a redirect and without a word of what was sent', async () => {
    const order = { ...signedOrder(anOrder()), name: '<script>alert(1)</script>' };
    const answer = await fetch(`${stage.gateway().publicUrl}/submit.php?${new URLSearchParams(order)}`, {
      redirect: 'manual',
    });
    expect(answer.headers.get('location')).toBeNull();
    const page = await answer.text();
    expect(page).toContain('wrong pid, key or signature');
    expect(page).not.toContain('alert(1)');
    expect(page).not.toContain(EPAY_KEY);
  });
});

describe('F5 a shop orders by mapi.php', () => {
  test('and is answered with a number, a link to the cashier, and a code to draw on a computer alone', async () => {
    const order = anOrder();
    const answer = await post('/mapi.php', signedOrder({ ...order, device: 'pc' }));
    expect(answer).toMatchObject({ code: 1, payurl: expect.stringMatching(/^http.*\/pay\/pay_/) });
    expect(answer.qrcode).toEqual(expect.any(String));
    const again = await post('/mapi.php', signedOrder({ ...order, device: 'mobile', clientip: '203.0.113.9' }));
    expect(again).toMatchObject({ code: 1, trade_no: answer.trade_no });
    expect(again).not.toHaveProperty('qrcode');
  });

  test('and never with the bare address of a transfer, which says neither amount nor network', async () => {
    const order = anOrder({ type: 'usdt', money: '50' });
    const answer = await post('/mapi.php', signedOrder(order));
    expect(answer).toMatchObject({ code: 1, payurl: expect.stringMatching(/\/pay\/pay_/) });
    expect(answer).not.toHaveProperty('qrcode');
    const { body } = await stage.api('GET', `/v1/payments/${answer.trade_no}`);
    expect(body).toMatchObject({ method: 'usdt', action: { type: 'qr_code', transfer: { currency: 'USDT' } } });
  });

  test('F1 also as PHP sends an array', async () => {
    const form = new FormData();
    for (const [name, value] of Object.entries(signedOrder(anOrder()))) form.append(name, value);
    expect(await post('/mapi.php', form)).toMatchObject({ code: 1 });
  });

  test('F3 with names that nobody knows, without type, return_url, clientip and sign_type, and a long name', async () => {
    const order = anOrder({
      sitename: '店',
      cid: '1,2',
      email: 'a@example.com',
      name: '长'.repeat(400),
      money: '19.9',
    });
    const { type: _type, return_url: _url, ...bare } = order;
    const { sign_type: _kind, ...request } = signedOrder(bare);
    const answer = await post('/mapi.php', request);
    expect(answer.code).toBe(1);
    const { body } = await stage.api('GET', `/v1/payments/${answer.trade_no}`);
    expect(body).toMatchObject({ amount: 1990, status: 'created', subject: '长'.repeat(128) });
  });

  const changed = (set: Record<string, string>) => () => ({ ...signedOrder(anOrder()), ...set });
  const signedWith = (set: Record<string, string>) => () => signedOrder(anOrder(set));
  test.each<[string, number, () => Record<string, string>]>([
    ['nothing_sent', -4, () => ({})],
    ['unknown_pid', -3, signedWith({ pid: '999' })],
    ['bad_signature', -3, changed({ money: '2' })],
    ['bad_signature', -3, changed({ sign: '' })],
    ['bad_signature', -3, () => signedOrder(anOrder(), { key: '' })],
    ['sign_kind_refused', -3, changed({ sign_type: 'HMAC' })],
    ['split_value', -1, signedWith({ name: 'x&out_trade_no=OTHER' })],
    ['bad_order_no', -4, signedWith({ out_trade_no: 'a b' })],
    ['bad_money', -1, signedWith({ money: '1e3' })],
    ['bad_money', -1, signedWith({ money: '-1' })],
    ['bad_notify_url', -1, signedWith({ notify_url: 'ftp://shop.example/' })],
    ['bad_notify_url', -1, signedWith({ notify_url: 'https://u:p@shop.example/' })],
    ['bad_return_url', -1, signedWith({ return_url: 'javascript:alert(1)' })],
  ])('F12 a request that is refused as %s says so by %d, and is counted', async (outcome, code, request) => {
    const line = `switchyard_epay_requests_total{endpoint="mapi",outcome="${outcome}"}`;
    const before = await stage.metric(line);
    const answer = await post('/mapi.php', request());
    expect(answer).toMatchObject({ code, msg: expect.any(String) });
    expect(JSON.stringify(answer)).not.toContain(EPAY_KEY);
    expect(await stage.metric(line)).toBe(before + 1);
  });
});

describe('F7 F8 F9 F10 a paid order', () => {
  test.each([
    ['md5', {}],
    ['sha256', { param: 'a_1|b', name: "A&B \\ 'x' " }],
    ['md5', { notify_url: '/notify?method=epay', money: '19.90', name: '0' }],
    ['md5', { name: `a${'😀'.repeat(600)}`, param: `b${'😀'.repeat(600)}` }],
  ] as const)('is told to the shop as it asked (%s %j), so that every client believes it', async (kind, set) => {
    const extra: Record<string, string> = { ...set };
    if (extra.notify_url) extra.notify_url = shop.url + extra.notify_url;
    const order = anOrder(extra);
    const tradeNo = await submitted(signedOrder(order, { kind }));
    await buyerPays(tradeNo);
    const got = await eventually(() => shop.told(order.out_trade_no ?? '')[0]);
    const own = new Set(new URL(order.notify_url ?? '').searchParams.keys());
    const signedPart = new Map([...got].filter(([name]) => !own.has(name)));
    for (const [client, believes] of Object.entries(CLIENTS)) expect(believes(signedPart, EPAY_KEY), client).toBe(true);
    expect(signedPart.get('sign_type')).toBe(kind.toUpperCase());
    expect(got.get('trade_no')).toBe(tradeNo);
    expect(got.get('money')).toBe(Number(order.money).toFixed(2));
    expect(got.get('type')).toBe('alipay');

    const back = await fetch(`${stage.gateway().publicUrl}/pay/${tradeNo}/return`, { redirect: 'manual' });
    const location = back.headers.get('location') ?? '';
    expect(location).toMatch(new RegExp(`^${shop.url}/#/order\\?pid=1000&trade_no=`));
    const returned = new Map(new URLSearchParams(location.split('?')[1]));
    expect(returned).toEqual(signedPart);
    const page = await fetch(`${stage.gateway().publicUrl}/pay/${tradeNo}`);
    expect(page.headers.get('refresh')).toContain(`/pay/${tradeNo}/return`);
  });

  test('F9 can be asked about from inside the handler of its notification, and is paid by then', async () => {
    const order = anOrder();
    const statuses: unknown[] = [];
    shop.onTold = async (got) => {
      const out_trade_no = got.get('out_trade_no') ?? '';
      if (out_trade_no === order.out_trade_no) {
        statuses.push((await api({ act: 'order', pid: '1000', key: EPAY_KEY, out_trade_no })).status);
      }
      return 'SUCCESS';
    };
    await buyerPays((await post('/mapi.php', signedOrder(order))).trade_no);
    await eventually(() => statuses.length > 0);
    shop.onTold = () => 'success';
    expect(statuses).toEqual([1]);
    expect(await post('/mapi.php', signedOrder(order))).toMatchObject({
      code: -1,
      msg: expect.stringContaining('paid'),
    });
  });

  test('S11 an unpaid one sends its buyer back without a proof', async () => {
    const tradeNo = await submitted(signedOrder(anOrder()));
    const back = await fetch(`${stage.gateway().publicUrl}/pay/${tradeNo}/return`, { redirect: 'manual' });
    expect(back.headers.get('location')).toBe(`${shop.url}/#/order`);
  });
});

describe('F6 api.php', () => {
  const credentials = { pid: '1000', key: EPAY_KEY };
  async function paidOrder(): Promise<{ order: Record<string, string>; tradeNo: string }> {
    const order = anOrder({ param: 'p' });
    const { trade_no: tradeNo } = await post('/mapi.php', signedOrder(order));
    await buyerPays(tradeNo);
    await eventually(() => shop.told(order.out_trade_no ?? '')[0]);
    return { order, tradeNo };
  }

  test('tells an order by either number, by GET and POST, by the key and by a signature, with numbers as numbers', async () => {
    const { order, tradeNo } = await paidOrder();
    const { out_trade_no = '' } = order;
    const answers = [
      await api({ act: 'order', ...credentials, out_trade_no }),
      await api({ act: 'order', ...credentials, trade_no: tradeNo, out_trade_no: 'other' }),
      await post('/api.php', { act: 'order', ...credentials, out_trade_no }),
      await post('/api.php?act=order', { ...credentials, out_trade_no }),
      await post(`/api.php?${new URLSearchParams(credentials)}`, { act: 'order', out_trade_no }),
      await post(`/api.php?act=order&key=${EPAY_KEY}`, { pid: '1000', out_trade_no }),
      await post(`/api.php?${new URLSearchParams({ ...credentials, act: 'order', out_trade_no })}`, {}),
      await api(signedOrder({ pid: '1000', out_trade_no })),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({
        ...{ code: 1, trade_no: tradeNo, out_trade_no, pid: 1000, money: '1.00', status: 1, param: 'p' },
        ...{ name: '月卡 1个', type: 'alipay', addtime: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/) },
      });
    }
    const unpaid = await post('/mapi.php', signedOrder(anOrder()));
    expect(await api({ act: 'order', ...credentials, trade_no: unpaid.trade_no })).toMatchObject({
      ...{ code: 1, status: 0, endtime: null },
    });
  });

  test('S7 has one answer for a wrong key and a wrong number, and never says the key', async () => {
    const wrong = await api({ act: 'query', pid: '1000', key: 'wrong' });
    expect(await api({ act: 'query', pid: '4711', key: EPAY_KEY })).toEqual(wrong);
    expect(wrong.code).toBe(-3);
    const query = await api({ act: 'query', ...credentials });
    expect(query).toMatchObject({ code: 1, pid: 1000, active: 1, orders_today: expect.any(Number) });
    expect(JSON.stringify(query)).not.toContain(EPAY_KEY);
  });

  test('lists orders and settlements, and knows no other act', async () => {
    const orders = await api({ act: 'orders', ...credentials, limit: '2', page: '1' });
    expect(orders).toMatchObject({ code: 1, count: 2 });
    expect(orders.data[0]).toMatchObject({ status: expect.any(Number), trade_no: expect.stringMatching(/^pay_/) });
    expect(await api({ act: 'settle', ...credentials })).toMatchObject({ code: 1, data: [] });
    expect(await api({ act: 'change', ...credentials })).toMatchObject({ code: -5 });
    expect(await api({ act: 'order', ...credentials })).toMatchObject({ code: -4 });
    expect(await api({ act: 'order', ...credentials, out_trade_no: 'nobody' })).toMatchObject({ code: -1 });
  });

  test('refunds once, and answers 1, or 0 to the one plug-in that wants it', async () => {
    const { tradeNo } = await paidOrder();
    const half = { act: 'refund', ...credentials, trade_no: tradeNo, money: '0.40' };
    for (let i = 0; i < 2; i += 1) expect(await post('/api.php', half)).toMatchObject({ code: 1, money: '0.40' });
    for (let i = 0; i < 2; i += 1) {
      expect(await post('/api.php', { ...half, money: '0.30', refund_no: 'R1' })).toMatchObject({ code: 0 });
    }
    const { body } = await stage.api('GET', `/v1/payments/${tradeNo}`);
    expect(body.refunds.map((refund: Json) => refund.amount)).toEqual([40, 30]);
    expect((await post('/api.php', { ...half, money: '0.40', refund_no: 'R2' })).code).toBe(-1);
    expect((await post('/api.php', { ...half, money: '0.30', refund_no: 'R3' })).code).toBe(0);
    const refunded = await api({ act: 'order', ...credentials, trade_no: tradeNo });
    expect(refunded.status).not.toBe(1);
    expect(shop.told(refunded.out_trade_no)).toHaveLength(1);
  });
});

describe('S8 what a buyer has seen signed', () => {
  const refunds = async (tradeNo: string) => (await stage.api('GET', `/v1/payments/${tradeNo}`)).body.refunds;

  test('is no call of the shop: neither the link of the order nor the return of a paid one', async () => {
    const link = signedOrder(anOrder());
    const tradeNo = await submitted(link);
    await buyerPays(tradeNo);
    await eventually(() => shop.told(link.out_trade_no ?? '')[0]);
    const back = await fetch(`${stage.gateway().publicUrl}/pay/${tradeNo}/return`, { redirect: 'manual' });
    const returned = Object.fromEntries(new URLSearchParams(back.headers.get('location')?.split('?')[1]));
    for (const seen of [link, returned]) {
      for (const act of ['refund', 'orders', 'order', 'query']) {
        expect(await post(`/api.php?act=${act}`, seen)).toMatchObject({ code: -3 });
      }
    }
    expect(await refunds(tradeNo)).toEqual([]);
  });

  test('the act of a signed call is signed as well, but for the one that only asks for an order', async () => {
    const order = signedOrder(anOrder());
    const tradeNo = await submitted(order);
    await buyerPays(tradeNo);
    await eventually(() => shop.told(order.out_trade_no ?? '')[0]);
    const asked = { pid: '1000', trade_no: tradeNo, money: '0.10' };
    expect(await post('/api.php?act=refund', signedOrder(asked))).toMatchObject({ code: -3 });
    expect(await refunds(tradeNo)).toEqual([]);
    expect(await post('/api.php?act=order', signedOrder(asked))).toMatchObject({ code: 1, status: 1 });
    expect(await api({ act: 'order', ...signedOrder(asked) })).toMatchObject({ code: 1, status: 1 });
    expect(await api({ act: 'orders', ...signedOrder(asked) })).toMatchObject({ code: -3 });
    expect(await post('/api.php', signedOrder({ ...asked, act: 'refund' }))).toMatchObject({ code: 1 });
  });
});

describe('version 2', () => {
  const now = () => String(Math.floor(Date.now() / 1_000));
  const textOf = (fields: Readonly<Record<string, unknown>>) =>
    Object.keys(fields)
      .filter((name) => name !== 'sign' && name !== 'sign_type' && fields[name] !== '' && !Array.isArray(fields[name]))
      .sort()
      .map((name) => `${name}=${fields[name]}`)
      .join('&');
  const withRsa = (fields: Record<string, string>) => ({
    ...fields,
    sign: sign('RSA-SHA256', Buffer.from(textOf(fields)), merchantKey.privateKey).toString('base64'),
    sign_type: 'RSA',
  });
  const isOurs = (fields: Record<string, unknown>) => {
    const pem = readFileSync(join(stage.dataDir, 'epay-platform-key.pem'));
    const key = createPublicKey(createPrivateKey(pem));
    return verify('RSA-SHA256', Buffer.from(textOf(fields)), key, Buffer.from(String(fields.sign), 'base64'));
  };

  test('creates, tells, returns money, and signs all that it says', async () => {
    const order = anOrder({ method: 'jump', timestamp: now(), sitename: '店' });
    const created = await post('/api/pay/create', withRsa(order));
    expect(created).toMatchObject({ code: 0, pay_type: 'jump', pay_info: expect.stringMatching(/\/pay\/pay_/) });
    expect(isOurs(created)).toBe(true);
    await buyerPays(created.trade_no);
    const got = await eventually(() => shop.told(order.out_trade_no ?? '')[0]);
    expect(isOurs(Object.fromEntries(got))).toBe(true);
    expect(Math.abs(Number(got.get('timestamp')) * 1_000 - Date.now())).toBeLessThan(300_000);

    const asked = { pid: '1000', trade_no: created.trade_no, timestamp: now() };
    const query = await post('/api/pay/query', withRsa(asked));
    expect(query).toMatchObject({ code: 0, status: 1, money: '1.00', out_trade_no: order.out_trade_no });
    expect(isOurs(query)).toBe(true);
    const refund = withRsa({ ...asked, money: '1', out_refund_no: 'V1' });
    const refunded = [await post('/api/pay/refund', refund), await post('/api/pay/refund', refund)];
    expect(refunded[0]).toMatchObject({ code: 0, out_refund_no: 'V1', money: '1.00', reducemoney: '1.00' });
    expect(refunded[1].refund_no).toBe(refunded[0].refund_no);
    const { refund_no } = refunded[0];
    const known = await post('/api/pay/refundquery', withRsa({ pid: '1000', refund_no, timestamp: now() }));
    expect(known).toMatchObject({ code: 0, status: 1, refund_no });
    const { body } = await stage.api('GET', `/v1/payments/${created.trade_no}`);
    expect(body.refunds).toHaveLength(1);
  });

  test('draws a code on the web, and takes forms at submit', async () => {
    const web = await post('/api/pay/create', withRsa(anOrder({ method: 'web', timestamp: now() })));
    expect(web).toMatchObject({ code: 0, pay_type: 'qrcode' });
    expect(await submitted(withRsa(anOrder({ timestamp: now() })), '/api/pay/submit')).toMatch(/^pay_/);
    const asked = { pid: '1000', timestamp: now() };
    expect(await post('/api/merchant/info', withRsa(asked))).toMatchObject({ code: 0, pid: 1000, status: 1 });
    const orders = await post('/api/merchant/orders', withRsa({ ...asked, limit: '3' }));
    expect(orders.data).toHaveLength(3);
    expect(isOurs(orders)).toBe(true);
    expect((await post('/api/transfer/submit', withRsa(asked))).code).toBe(-5);
  });

  test('S8 takes the signed link of an order for that order alone', async () => {
    const order = anOrder({ timestamp: now() });
    const link = withRsa(order);
    const tradeNo = await submitted(link, '/api/pay/submit');
    await buyerPays(tradeNo);
    await eventually(() => shop.told(order.out_trade_no ?? '')[0]);
    for (const path of ['pay/refund', 'pay/query', 'merchant/orders']) {
      expect(await post(`/api/${path}`, link)).toMatchObject({ code: -3 });
    }
    expect((await stage.api('GET', `/v1/payments/${tradeNo}`)).body.refunds).toEqual([]);
  });

  test('S4 refuses what was signed too long ago, and what was changed', async () => {
    const old = String(Number(now()) - 400);
    expect(await post('/api/pay/create', withRsa(anOrder({ method: 'web', timestamp: old })))).toMatchObject({
      code: -3,
    });
    expect(await post('/api/pay/create', withRsa(anOrder({ method: 'web' })))).toMatchObject({ code: -3 });
    const changed = { ...withRsa(anOrder({ timestamp: now() })), money: '9' };
    expect(await post('/api/pay/create', changed)).toMatchObject({ code: -3 });
  });
});
