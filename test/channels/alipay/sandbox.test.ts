import { createPublicKey, verify } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { CreateRequest } from '../../../src/channel/index.ts';
import { noticeText } from './notice.ts';
import { type PlainAnswer, plainClient } from './plain-client.ts';
import { aRequest, patient, refOf, type Stage, startStage } from './stage.ts';

const PRECREATE = 'alipay.trade.precreate';
const QUERY = 'alipay.trade.query';
const CLOSE = 'alipay.trade.close';
const PAGE = 'alipay.trade.page.pay';

const anOrder = (set: Readonly<Record<string, unknown>> = {}) => ({
  out_trade_no: `T${Math.floor(performance.now() * 1000)}`,
  total_amount: '10.50',
  subject: '会员',
  ...set,
});
const aPage = (set: Readonly<Record<string, unknown>> = {}) =>
  anOrder({ product_code: 'FAST_INSTANT_TRADE_PAY', ...set });
const business = (code: string) => ({ code: '40004', msg: 'Business Failed', sub_code: `ACQ.${code}` });
const scan = async ({ content }: PlainAnswer) => (await fetch(content.qr_code ?? '')).text();
const open = async (url: string) => (await fetch(url, { redirect: 'manual' })).text();

/** The buyer presses a button of the page that is shown. */
async function press(page: string, choice: 'pay' | 'decline'): Promise<Response> {
  const action = /action="([^"]+)"/.exec(page)?.[1] ?? '';
  const hidden = [...page.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]);
  const fields = Object.fromEntries(hidden.filter(([name]) => name !== 'choice')) as Record<string, string>;
  return fetch(action, { method: 'POST', body: new URLSearchParams({ ...fields, choice }), redirect: 'manual' });
}

test('an answer is text/html, and its signature covers the JSON as it stands, escaped slashes included', async () => {
  const client = plainClient(await startStage());
  const answer = await client.call(PRECREATE, anOrder());
  expect(answer).toMatchObject({ key: 'alipay_trade_precreate_response', genuine: true, content: { code: '10000' } });
  expect(answer.contentType).toBe('text/html;charset=utf-8');
  expect(answer.text).toContain('"qr_code":"http:\\/\\/127.0.0.1');
});

test.each([
  ['app_id', undefined, '40001', 'isv.missing-app-id'],
  ['app_id', '2021000000000000', '40002', 'isv.invalid-app-id'],
  ['method', undefined, '40001', 'isv.missing-method'],
  ['method', 'alipay.trade.nothing', '40002', 'isv.invalid-method'],
  ['sign_type', undefined, '40001', 'isv.missing-signature-type'],
  ['sign_type', 'RSA', '40002', 'isv.invalid-signature-type'],
  ['timestamp', undefined, '40001', 'isv.missing-timestamp'],
  ['timestamp', 'yesterday', '40002', 'isv.invalid-timestamp'],
  ['timestamp', '2019-08-15 15:56:25', '40002', 'isv.invalid-timestamp'],
  ['version', undefined, '40001', 'isv.missing-version'],
  ['charset', 'gbk', '40002', 'isv.invalid-charset'],
  ['format', 'XML', '40002', 'isv.invalid-format'],
])('a request whose %s is %s is turned away at the entrance', async (name, value, code, sub_code) => {
  const client = plainClient(await startStage());
  const answer = await client.call(QUERY, { out_trade_no: 'x' }, { set: { [name]: value } });
  expect(answer).toMatchObject({ key: 'error_response', content: { code, sub_code }, genuine: true });
});

test('a missing, foreign or stale signature is turned away with the text that should have been signed', async () => {
  const client = plainClient(await startStage());
  const ask = (after: Record<string, string | undefined>) => client.call(QUERY, { out_trade_no: 'x' }, { after });
  expect(await ask({ sign: undefined })).toMatchObject({
    key: 'error_response',
    content: { code: '40001', sub_code: 'isv.missing-signature' },
  });
  const invalid = { key: 'error_response', content: { code: '40002', sub_code: 'isv.invalid-signature' } };
  for (const after of [{ sign: 'AAAA' }, { biz_content: '{"out_trade_no":"y"}' }, { extra: 'x' }, { version: '1.1' }]) {
    const answer = await ask(after);
    expect(answer, JSON.stringify(after)).toMatchObject(invalid);
    expect(answer.content.sub_msg).toContain('app_id=');
  }
});

test.each([
  [14 * 60_000, 'ACQ.TRADE_NOT_EXIST'],
  [-14 * 60_000, 'ACQ.TRADE_NOT_EXIST'],
  [16 * 60_000, 'isv.invalid-timestamp'],
  [-16 * 60_000, 'isv.invalid-timestamp'],
  [-8 * 3_600_000, 'isv.invalid-timestamp'], // UTC taken for GMT+8
])('a clock that is off by %i ms is answered %s', async (offMs, sub_code) => {
  const client = plainClient(await startStage());
  const at = new Date(Date.now() + 8 * 3_600_000 + offMs).toISOString();
  const timestamp = at.slice(0, 19).replace('T', ' ');
  const answer = await client.call(QUERY, { out_trade_no: 'x' }, { set: { timestamp } });
  expect(answer.content).toMatchObject({ sub_code });
});

test.each([
  ['out_trade_no', 'with space'],
  ['out_trade_no', 'x'.repeat(65)],
  ['out_trade_no', undefined],
  ['total_amount', '0.00'],
  ['total_amount', '10.505'],
  ['total_amount', '1e3'],
  ['total_amount', 10.5],
  ['subject', 'a/b'],
  ['subject', ''],
  ['time_expire', 'soon'],
])('an order whose %s is %j is an invalid parameter', async (name, value) => {
  const client = plainClient(await startStage());
  expect((await client.call(PRECREATE, anOrder({ [name]: value }))).content).toMatchObject(
    business('INVALID_PARAMETER'),
  );
});

test('too large a sum and a time that has passed have codes of their own', async () => {
  const client = plainClient(await startStage());
  const create = async (set: object) => (await client.call(PRECREATE, anOrder({ ...set }))).content;
  expect(await create({ total_amount: '100000000.00' })).toMatchObject({ code: '10000' });
  expect(await create({ total_amount: '100000000.01' })).toMatchObject(business('TOTAL_FEE_EXCEED'));
  expect(await create({ time_expire: '2019-08-15 15:56:25' })).toMatchObject(
    business('NOW_TIME_AFTER_EXPIRE_TIME_ERROR'),
  );
});

test('nobody knows of a code before it is scanned: neither query nor close', async () => {
  const client = plainClient(await startStage());
  const order = anOrder();
  const created = await client.call(PRECREATE, order);
  for (const method of [QUERY, CLOSE]) {
    expect((await client.call(method, order)).content).toMatchObject(business('TRADE_NOT_EXIST'));
  }
  await scan(created);
  const { content } = await client.call(QUERY, order);
  expect(content).toMatchObject({ code: '10000', trade_status: 'WAIT_BUYER_PAY', total_amount: '10.50' });
  expect((await client.call(QUERY, { trade_no: content.trade_no })).content).toEqual(content);
  const other = { trade_no: content.trade_no, out_trade_no: 'ignored' };
  expect((await client.call(QUERY, other)).content, 'trade_no wins').toEqual(content);
});

test('a number is one order for ever', async () => {
  const stage = await startStage();
  const client = plainClient(stage);
  const order = anOrder();
  const create = async (set: object = {}) => client.call(PRECREATE, { ...order, ...set });
  const created = await create();
  expect((await create()).content).toEqual(created.content);
  expect((await create({ total_amount: '10.51' })).content).toMatchObject(business('CONTEXT_INCONSISTENT'));
  expect((await create({ subject: 'other' })).content).toMatchObject(business('CONTEXT_INCONSISTENT'));
  await press(await scan(created), 'pay');
  expect((await create()).content).toMatchObject(business('TRADE_HAS_SUCCESS'));
  expect((await client.call(CLOSE, order)).content).toMatchObject(business('REASON_TRADE_STATUS_INVALID'));

  const second = anOrder();
  await scan(await client.call(PRECREATE, second));
  expect((await client.call(CLOSE, second)).content).toMatchObject({ code: '10000' });
  expect((await client.call(PRECREATE, second)).content).toMatchObject(business('TRADE_HAS_CLOSE'));
  expect((await client.call(CLOSE, second)).content).toMatchObject(business('REASON_TRADE_STATUS_INVALID'));
});

test('the adapter reads every one of these answers in our words', async () => {
  const stage = await startStage();
  const request = aRequest(stage);
  const create = (set: Partial<CreateRequest> = {}) => stage.adapter.create({ ...request, ...set }, patient());
  expect(await create()).toMatchObject({ ok: true });
  expect(await create({ subject: 'other' })).toMatchObject({ error: { kind: 'DUPLICATE', created: 'maybe' } });
  await stage.host.control.pay('alipay-main', { providerRef: request.providerRef });
  expect(await create()).toMatchObject({ error: { kind: 'ALREADY_PAID', created: 'maybe' } });
  const closed = aRequest(stage);
  const made = await stage.adapter.create(closed, patient());
  if (made.ok && made.value.action.type === 'qr_code') await open(made.value.action.qrCode);
  await stage.adapter.close(refOf(closed), patient());
  expect(await stage.adapter.create(closed, patient())).toMatchObject({
    error: { kind: 'ALREADY_CLOSED', created: 'no' },
  });
  const foreign = stage.adapterWith({ ...stage.credentials, app_id: '2021000000000000' });
  expect(await foreign.create(aRequest(stage), patient())).toMatchObject({
    error: { kind: 'AUTH_MISCONFIGURED', created: 'no', providerCode: 'isv.invalid-app-id' },
  });
});

test.each<[string, Partial<CreateRequest>, string]>([
  ['another currency', { amount: { minor: 1050, currency: 'USD' } }, 'INVALID_REQUEST'],
  ['more than Alipay takes', { amount: { minor: 10_000_000_001, currency: 'CNY' } }, 'INVALID_REQUEST'],
  ['a scene that Alipay does not have here', { scene: 'inapp' }, 'INVALID_REQUEST'],
  ['a time that has passed', { expiresAt: Date.now() - 1 }, 'INVALID_REQUEST'],
  ['a callback URL that is too long', { callbackUrl: `https://shop.example/${'x'.repeat(250)}` }, 'AUTH_MISCONFIGURED'],
])('%s is refused before anything is sent', async (_what, set, kind) => {
  const stage = await startStage();
  stage.host.control.faults('alipay-main', { outage: true });
  expect(await stage.adapter.create(aRequest(stage, set), patient())).toEqual({
    ok: false,
    error: { kind, created: 'no', providerCode: null },
  });
});

test('words that Alipay refuses in a subject reach it in another form', async () => {
  const stage = await startStage();
  const request = aRequest(stage, { subject: 'A/B & C=D <b>' });
  const made = await stage.adapter.create(request, patient());
  if (!made.ok || made.value.action.type !== 'qr_code') throw new Error('no code');
  expect(await open(made.value.action.qrCode)).toContain('A／B ＆ C＝D &lt;b&gt;');
});

test('the buyer page shows the order, takes the money and brings the buyer back with signed words', async () => {
  const stage = await startStage();
  const request = aRequest(stage, { scene: 'redirect' });
  const made = await stage.adapter.create(request, patient());
  if (!made.ok || made.value.action.type !== 'redirect') throw new Error('no page');
  const page = await open(made.value.action.url);
  expect(page).toContain('¥10.50');
  const back = await press(page, 'pay');
  expect(back.status).toBe(303);
  const url = new URL(back.headers.get('location') ?? '');
  expect(`${url.origin}${url.pathname}`).toBe(request.returnUrl);
  const fields = Object.fromEntries(url.searchParams);
  expect(fields).toMatchObject({ out_trade_no: request.providerRef, total_amount: '10.50', sign_type: 'RSA2' });
  const key = createPublicKey(stage.credentials.alipay_public_key ?? '');
  const sign = Buffer.from(fields.sign ?? '', 'base64');
  expect(verify('sha256', Buffer.from(noticeText(fields)), key, sign)).toBe(true);
  await expect.poll(() => stage.callbacksOf(request).length).toBe(1);
  expect(await open(made.value.action.url)).toContain('ACQ.TRADE_HAS_SUCCESS');
});

test('a buyer who declines leaves the order open and may pay after all', async () => {
  const stage = await startStage();
  const client = plainClient(stage);
  const order = anOrder();
  const declined = await press(await scan(await client.call(PRECREATE, order)), 'decline');
  expect((await client.call(QUERY, order)).content).toMatchObject({ trade_status: 'WAIT_BUYER_PAY' });
  await press(await declined.text(), 'pay');
  expect((await client.call(QUERY, order)).content).toMatchObject({ trade_status: 'TRADE_SUCCESS' });
});

test('a page with a wrong signature, product or ticket takes no money', async () => {
  const stage = await startStage();
  const client = plainClient(stage);
  const order = aPage();
  const forged = client.pageUrl(PAGE, order, {
    after: { biz_content: JSON.stringify({ ...order, total_amount: '0.01' }) },
  });
  expect(await open(forged)).toContain('isv.invalid-signature');
  expect(await open(client.pageUrl(PAGE, aPage({ product_code: 'QUICK_WAP_WAY' })))).toContain('ACQ.INVALID_PARAMETER');
  const page = await open(client.pageUrl(PAGE, order));
  const stolen = await press(page.replace(/value="[0-9a-f]{32}"/, `value="${'0'.repeat(32)}"`), 'pay');
  expect(stolen.status).toBe(404);
  expect((await client.call(QUERY, order)).content).toMatchObject({ trade_status: 'WAIT_BUYER_PAY' });
});

test('time_expire ends an order: a seen one is closed and notified, an unseen one never was', async () => {
  const stage = await startStage();
  const seen = aRequest(stage);
  const unseen = aRequest(stage);
  const made = await stage.adapter.create(seen, patient());
  await stage.adapter.create(unseen, patient());
  if (made.ok && made.value.action.type === 'qr_code') await open(made.value.action.qrCode);
  stage.clock.offsetMs = 901_000;
  expect(await stage.adapter.query(refOf(unseen), patient())).toMatchObject({ value: { state: 'absent' } });
  expect(await stage.adapter.query(refOf(seen), patient())).toMatchObject({ value: { state: 'closed', paidAt: null } });
  await expect.poll(() => stage.callbacksOf(seen).length).toBe(1);
  const [raw] = stage.callbacksOf(seen);
  if (raw === undefined) throw new Error('no callback');
  expect(await stage.adapter.parseCallback(raw, patient())).toMatchObject({
    value: [{ providerRef: seen.providerRef, observation: { state: 'closed', paidAt: null } }],
  });
  expect(stage.callbacksOf(unseen)).toEqual([]);
});

test('a notice that is never acknowledged is delivered eight times, always under the same notify_id', async () => {
  const stage = await startStage();
  stage.receiver.answerWith(() => ({ status: 200, contentType: 'text/html', body: '<p>success</p>' }));
  const request = aRequest(stage);
  await stage.adapter.create(request, patient());
  await stage.host.control.pay('alipay-main', { providerRef: request.providerRef });
  await expect.poll(() => stage.callbacksOf(request).length, { timeout: 10_000 }).toBe(8);
  const ids = stage
    .callbacksOf(request)
    .map(({ body }) => new URLSearchParams(Buffer.from(body).toString()).get('notify_id'));
  expect(new Set(ids).size).toBe(1);
  const [order] = ordersOf(stage, request);
  expect(order).toMatchObject({ callbacksSent: 8, callbacksAcked: 0 });
});

test('keys and orders outlive a restart', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'alipay-sandbox-'));
  onTestFinished(() => rm(dataDir, { recursive: true }));
  const first = await startStage({ dataDir });
  const request = aRequest(first);
  await first.adapter.create(request, patient());
  await first.host.control.pay('alipay-main', { providerRef: request.providerRef });
  await first.stop();
  const second = await startStage({ dataDir });
  const { gateway: _old, ...keys } = first.credentials;
  expect(second.credentials).toMatchObject(keys);
  expect(await second.adapter.query(refOf(request), patient())).toMatchObject({ value: { state: 'succeeded' } });
});

function ordersOf({ host }: Stage, { providerRef }: CreateRequest) {
  const orders = host.control.orders('alipay-main', providerRef);
  return orders.ok ? orders.value : [];
}
