import { expect, test } from 'vitest';
import type { RefundRequest } from '../../../src/channel/index.ts';
import { money, REFUND_ABSENT, refundRefOf } from '../../../src/payment/index.ts';
import { aKeyPair } from './notice.ts';
import {
  ORDER,
  REF,
  type ScriptedGateway,
  signatureOf,
  signedBody,
  startScriptedGateway,
  unknown,
} from './scripted-gateway.ts';
import { patient } from './stage.ts';

const REFUND_KEY = 'alipay_trade_refund_response';
const QUERY_KEY = 'alipay_trade_fastpay_refund_query_response';
const FORGED = unknown({ reason: 'forged_response' });
const ACCOUNT = '2021000000000001';

const REFUND: RefundRequest = {
  order: { ...ORDER, channelTradeNo: '2026' },
  refundRef: refundRefOf(REF, 1),
  amount: money(300, 'CNY'),
  channelRefundNo: null,
  reason: null,
  callbackUrl: 'http://127.0.0.1/callbacks/alipay-main/token',
};

/** As the documentation of alipay.trade.refund shows it, what we do not read included. */
const TAKEN = {
  code: '10000',
  msg: 'Success',
  trade_no: '2026',
  out_trade_no: REF,
  buyer_logon_id: '159****5620',
  fund_change: 'Y',
  refund_fee: '3.00',
  refund_detail_item_list: [{ fund_channel: 'ALIPAYACCOUNT', amount: '10', real_amount: '11.21' }],
  gmt_refund_pay: '2026-08-15 15:56:24',
};

/** As the documentation of alipay.trade.fastpay.refund.query shows it. */
const KNOWN = {
  code: '10000',
  msg: 'Success',
  trade_no: '2026',
  out_trade_no: REF,
  out_request_no: REFUND.refundRef,
  refund_reason: '用户退款请求',
  total_amount: '10.50',
  refund_amount: '3.00',
  refund_status: 'REFUND_SUCCESS',
  gmt_refund_pay: '2026-08-15 15:56:24',
};

const observed = (set: object) => ({
  ok: true,
  value: { ...REFUND_ABSENT, account: ACCOUNT, ...set },
});

async function taken(content: object | string, set: Partial<RefundRequest> = {}, gateway?: ScriptedGateway) {
  const at = gateway ?? (await startScriptedGateway());
  const body = typeof content === 'string' ? content : signedBody(REFUND_KEY, JSON.stringify(content));
  at.answerWith((response) => response.end(body));
  return at.adapter.refund({ ...REFUND, ...set }, patient());
}

async function known(content: object | string, gateway?: ScriptedGateway) {
  const at = gateway ?? (await startScriptedGateway());
  const body = typeof content === 'string' ? content : signedBody(QUERY_KEY, JSON.stringify(content));
  at.answerWith((response) => response.end(body));
  return at.adapter.queryRefund(REFUND, patient());
}

const REFUNDED_AT = Date.UTC(2026, 7, 15, 7, 56, 24);

test.each([
  ['Y', observed({ state: 'succeeded', refundedAt: REFUNDED_AT })],
  ['N', observed({ state: 'pending' })],
  ['', observed({ state: 'pending' })],
  [undefined, observed({ state: 'pending' })],
  ['y', observed({ state: 'unclear' })],
  ['MAYBE', observed({ state: 'unclear' })],
])('fund_change %s is read as it should be', async (fund_change, expected) => {
  expect(await taken({ ...TAKEN, fund_change })).toEqual(expected);
});

test('the sum of all refunds is not taken for the amount of this one', async () => {
  expect(await taken({ ...TAKEN, refund_fee: '7.99' })).toMatchObject({ value: { state: 'succeeded', amount: null } });
});

test.each(['2.99', '0.00', '', '3.001', '-3.00', '1e3', 'NaN'])(
  'an answer in which money has moved, but only %j of it, settles nothing',
  async (refund_fee) => {
    expect(await taken({ ...TAKEN, refund_fee })).toEqual(FORGED);
  },
);

test.each([
  ['REFUND_SUCCESS', observed({ state: 'succeeded', amount: money(300, 'CNY'), refundedAt: REFUNDED_AT })],
  ['REFUND_PROCESSING', observed({ state: 'unclear', amount: money(300, 'CNY'), refundedAt: REFUNDED_AT })],
  ['refund_success', observed({ state: 'unclear', amount: money(300, 'CNY'), refundedAt: REFUNDED_AT })],
  ['', { ok: true, value: REFUND_ABSENT }],
  [undefined, { ok: true, value: REFUND_ABSENT }],
])('refund_status %s is read as it should be', async (refund_status, expected) => {
  expect(await known({ ...KNOWN, refund_status })).toEqual(expected);
});

test('an answer that says nothing at all is about a number that Alipay does not know', async () => {
  expect(await known({ code: '10000', msg: 'Success' })).toEqual({ ok: true, value: REFUND_ABSENT });
});

test('another amount under our number is reported as it stands; one that is no amount is unclear', async () => {
  expect(await known({ ...KNOWN, refund_amount: '3.01' })).toMatchObject({ value: { amount: money(301, 'CNY') } });
  expect(await known({ ...KNOWN, refund_amount: '0.00' })).toMatchObject({ value: { state: 'unclear', amount: null } });
});

test.each<[string, object]>([
  ['order', { out_trade_no: '01jzzzzzzzzzzzzzzzzzzzzzzz02' }],
  ['trade', { trade_no: '2027' }],
  ['refund', { out_request_no: refundRefOf(REF, 2) }],
])('a genuine answer about another %s is never believed', async (what, set) => {
  const gateway = await startScriptedGateway();
  expect(await known({ ...KNOWN, ...set }, gateway)).toEqual(FORGED);
  expect(await known({ ...KNOWN, ...set, refund_status: undefined }, gateway)).toEqual(FORGED);
  if (what !== 'refund') expect(await taken({ ...TAKEN, ...set }, {}, gateway)).toEqual(FORGED);
});

test.each(['out_trade_no', 'out_request_no'])('a success that does not name its %s settles nothing', async (name) => {
  expect(await known({ ...KNOWN, [name]: undefined })).toEqual(unknown());
});

test.each(['out_trade_no', 'refund_fee'])('a refund answer without %s settles nothing', async (name) => {
  expect(await taken({ ...TAKEN, [name]: undefined })).toEqual(unknown());
});

test('unsigned, foreign, misplaced and altered answers are forged; what is no answer settles nothing', async () => {
  const gateway = await startScriptedGateway();
  const content = JSON.stringify(TAKEN);
  const sign = signatureOf(content);
  const bodies = [
    `{"${REFUND_KEY}":${content}}`,
    `{"${REFUND_KEY}":${content.replace('3.00', '9.00')},"sign":"${sign}"}`,
    signedBody(REFUND_KEY, content, aKeyPair()),
  ];
  for (const body of bodies) expect(await taken(body, {}, gateway), body).toEqual(FORGED);
  for (const body of ['', '<html>', 'null', signedBody(QUERY_KEY, content)]) {
    expect(await taken(body, {}, gateway), body).toMatchObject(unknown());
  }
});

test.each([
  ['ACQ.SYSTEM_ERROR', '20000', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['ACQ.SELLER_BALANCE_NOT_ENOUGH', '40004', { kind: 'INSUFFICIENT_BALANCE', created: 'no' }],
  ['ACQ.DISCORDANT_REPEAT_REQUEST', '40004', { kind: 'DUPLICATE', created: 'maybe' }],
  ['ACQ.TRADE_NOT_EXIST', '40004', { kind: 'NOT_FOUND', created: 'no' }],
  ['ACQ.TOMORROWS_CODE', '40004', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'unmapped_code' }],
])('a signed refusal of a refund with %s is believed', async (sub_code, code, error) => {
  expect(await taken({ code, msg: 'x', sub_code })).toEqual({ ok: false, error: { ...error, providerCode: sub_code } });
});

test('a refund query that fails is no information, and never an absent refund', async () => {
  expect(await known({ code: '20000', msg: 'x', sub_code: 'ACQ.SYSTEM_ERROR' })).toMatchObject({ ok: false });
  expect(await known({ code: '40004', msg: 'x', sub_code: 'ACQ.TOMORROWS_CODE' })).toMatchObject({ ok: false });
  expect(await known({ code: '40004', msg: 'x', sub_code: 'ACQ.TRADE_NOT_EXIST' })).toEqual({
    ok: true,
    value: REFUND_ABSENT,
  });
});

test.each([
  ['isv.invalid-format', '40002', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['ACQ.REASON_TRADE_REFUND_FEE_ERR', '40004', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['ACQ.BUYER_ERROR', '40004', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['ACQ.TRADE_NOT_EXIST', '40004', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['isv.invalid-signature', '40002', { kind: 'AUTH_MISCONFIGURED', created: 'no' }],
  ['isv.app-call-limited', '40005', { kind: 'RATE_LIMITED', created: 'no' }],
])('an unsigned error_response %s never ends a refund', async (sub_code, code, error) => {
  const body = `{"error_response":${JSON.stringify({ code, msg: 'x', sub_code })}}`;
  expect(await taken(body)).toEqual({ ok: false, error: { ...error, providerCode: sub_code } });
});

test('what goes over the wire is the documented request and nothing else', async () => {
  const gateway = await startScriptedGateway();
  await taken(TAKEN, { reason: '100% & "more" 不想要了', amount: money(30, 'CNY') }, gateway);
  await taken(TAKEN, { reason: '' }, gateway);
  await known(KNOWN, gateway);
  const [first, second, third] = gateway.arrived.map(({ query, form }) => ({
    method: query.get('method'),
    notifyUrl: query.get('notify_url'),
    biz: JSON.parse(form.get('biz_content') ?? '') as unknown,
  }));
  expect(first).toEqual({
    method: 'alipay.trade.refund',
    notifyUrl: null,
    biz: {
      out_trade_no: REF,
      refund_amount: '0.30',
      out_request_no: REFUND.refundRef,
      refund_reason: '100% & "more" 不想要了',
    },
  });
  expect(second?.biz).toEqual({ out_trade_no: REF, refund_amount: '3.00', out_request_no: REFUND.refundRef });
  expect(third).toEqual({
    method: 'alipay.trade.fastpay.refund.query',
    notifyUrl: null,
    biz: { out_trade_no: REF, out_request_no: REFUND.refundRef, query_options: ['gmt_refund_pay'] },
  });
});

test('a refund that is given up after it was sent may have been taken; one given up before is not sent', async () => {
  const gateway = await startScriptedGateway();
  gateway.answerWith(() => {});
  const abort = new AbortController();
  const answer = gateway.adapter.refund(REFUND, abort.signal);
  await expect.poll(() => gateway.arrived.length).toBe(1);
  abort.abort();
  expect(await answer).toEqual(unknown({ reason: 'timeout' }));
  expect(await gateway.adapter.refund(REFUND, abort.signal)).toMatchObject({ error: { created: 'no' } });
  expect(gateway.arrived).toHaveLength(1);
});
