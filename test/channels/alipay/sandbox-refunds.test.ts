import { expect, test } from 'vitest';
import { type PlainAnswer, plainClient } from './plain-client.ts';
import { aPaidOrder, type Stage, startStage } from './stage.ts';

const REFUND = 'alipay.trade.refund';
const REFUND_QUERY = 'alipay.trade.fastpay.refund.query';
const QUERY = 'alipay.trade.query';
const PRECREATE = 'alipay.trade.precreate';
const business = (code: string) => ({ code: '40004', msg: 'Business Failed', sub_code: `ACQ.${code}` });

async function aPaid(stage: Stage) {
  const { providerRef } = await aPaidOrder(stage);
  const client = plainClient(stage);
  const call = async (method: string, biz: object): Promise<PlainAnswer['content']> =>
    (await client.call(method, { out_trade_no: providerRef, ...biz })).content;
  return { providerRef, client, call };
}

const notices = ({ receiver }: Stage) =>
  receiver.received.map(({ body }) => Object.fromEntries(new URLSearchParams(Buffer.from(body).toString())));

test('a refund is answered in signed text with the sum of all refunds', async () => {
  const { call, client, providerRef } = await aPaid(await startStage());
  const first = await client.call(REFUND, { out_trade_no: providerRef, refund_amount: '3.00', out_request_no: 'R1' });
  expect(first).toMatchObject({ key: 'alipay_trade_refund_response', genuine: true });
  expect(first.content).toMatchObject({
    code: '10000',
    fund_change: 'Y',
    refund_fee: '3.00',
    out_trade_no: providerRef,
  });
  expect(first.content.gmt_refund_pay).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  const second = await call(REFUND, { refund_amount: '0.5', out_request_no: 'R2' });
  expect(second).toMatchObject({ fund_change: 'Y', refund_fee: '3.50', send_back_fee: '0.50' });
  expect(await call(REFUND, { refund_amount: '3.00', out_request_no: 'R1' })).toMatchObject({
    fund_change: 'N',
    refund_fee: '3.50',
  });
});

test('trade_no leads to the trade as well, and wins', async () => {
  const { call, client } = await aPaid(await startStage());
  const { trade_no } = await call(QUERY, {});
  const refund = { trade_no, out_trade_no: 'ignored', refund_amount: '3.00', out_request_no: 'R1' };
  expect((await client.call(REFUND, refund)).content).toMatchObject({ fund_change: 'Y', trade_no });
});

test('without a number only the whole sum goes back, under the number of the order', async () => {
  const { call, providerRef } = await aPaid(await startStage());
  expect(await call(REFUND, { refund_amount: '3.00' })).toMatchObject(business('REFUND_AMT_NOT_EQUAL_TOTAL'));
  expect(await call(REFUND, { refund_amount: '10.50' })).toMatchObject({ fund_change: 'Y' });
  expect(await call(REFUND_QUERY, { out_request_no: providerRef })).toMatchObject({ refund_status: 'REFUND_SUCCESS' });
});

test.each([
  ['refund_amount', '0.00'],
  ['refund_amount', '3.005'],
  ['refund_amount', '-3.00'],
  ['refund_amount', 3],
  ['refund_amount', undefined],
  ['out_request_no', 'x'.repeat(65)],
  ['out_request_no', 'with space'],
  ['refund_reason', 'x'.repeat(257)],
  ['out_trade_no', undefined],
])('a refund whose %s is %j is an invalid parameter', async (name, value) => {
  const { call } = await aPaid(await startStage());
  const refund = { refund_amount: '3.00', out_request_no: 'R1', [name]: value };
  expect(await call(REFUND, refund)).toMatchObject(business('INVALID_PARAMETER'));
});

test('what is wrong with a refund has the code that the documentation gives it', async () => {
  const stage = await startStage();
  const { call, client } = await aPaid(stage);
  const refund = (refund_amount: string, out_request_no: string) => call(REFUND, { refund_amount, out_request_no });
  expect((await client.call(REFUND, { out_trade_no: 'nobody', refund_amount: '1.00' })).content).toMatchObject(
    business('TRADE_NOT_EXIST'),
  );
  expect(await refund('10.51', 'R1')).toMatchObject(business('REASON_TRADE_REFUND_FEE_ERR'));
  expect(await refund('3.00', 'R1')).toMatchObject({ code: '10000' });
  expect(await refund('3.01', 'R1')).toMatchObject(business('DISCORDANT_REPEAT_REQUEST'));
  expect(await refund('7.51', 'R2')).toMatchObject(business('REASON_TRADE_REFUND_FEE_ERR'));
  expect(await refund('7.50', 'R2')).toMatchObject({ code: '10000' });
  expect(await refund('0.01', 'R3')).toMatchObject(business('TRADE_HAS_CLOSE'));
  expect(await refund('7.50', 'R2')).toMatchObject({ code: '10000', fund_change: 'N' });
});

test('a full refund closes the trade, which keeps the time at which it was paid; a partial one does not', async () => {
  const { call, client, providerRef } = await aPaid(await startStage());
  const before = await call(QUERY, {});
  await call(REFUND, { refund_amount: '10.49', out_request_no: 'R1' });
  expect(await call(QUERY, {})).toEqual(before);
  await call(REFUND, { refund_amount: '0.01', out_request_no: 'R2' });
  expect(await call(QUERY, {})).toEqual({ ...before, trade_status: 'TRADE_CLOSED' });
  expect(before.send_pay_date).toBeDefined();
  expect(await call('alipay.trade.close', {})).toMatchObject(business('REASON_TRADE_STATUS_INVALID'));
  const again = { out_trade_no: providerRef, total_amount: '10.50', subject: '会员' };
  expect((await client.call(PRECREATE, again)).content).toMatchObject(business('TRADE_HAS_CLOSE'));
});

test('a refund query names the refund; of a number that nobody has sent it says nothing at all', async () => {
  const stage = await startStage();
  const { call, providerRef } = await aPaid(stage);
  expect(await call(REFUND_QUERY, { out_request_no: 'R1' })).toEqual({ code: '10000', msg: 'Success' });
  await call(REFUND, { refund_amount: '3.00', out_request_no: 'R1' });
  const known = {
    code: '10000',
    msg: 'Success',
    trade_no: expect.any(String) as string,
    out_trade_no: providerRef,
    out_request_no: 'R1',
    total_amount: '10.50',
    refund_amount: '3.00',
    refund_status: 'REFUND_SUCCESS',
  };
  expect(await call(REFUND_QUERY, { out_request_no: 'R1' })).toEqual(known);
  const timed = await call(REFUND_QUERY, { out_request_no: 'R1', query_options: ['gmt_refund_pay'] });
  expect(timed).toEqual({ ...known, gmt_refund_pay: expect.any(String) as string });
  stage.host.control.faults('alipay-main', { refunds: 'pending' });
  await call(REFUND, { refund_amount: '1.00', out_request_no: 'R2' });
  const undecided = await call(REFUND_QUERY, { out_request_no: 'R2', query_options: ['gmt_refund_pay'] });
  expect(undecided).toMatchObject({ out_request_no: 'R2', refund_amount: '1.00' });
  expect(undecided).not.toHaveProperty('refund_status');
  expect(undecided).not.toHaveProperty('gmt_refund_pay');
  expect(await call(REFUND_QUERY, {})).toMatchObject(business('INVALID_PARAMETER'));
});

test('a notice tells of each refund: its number, the sum so far, and the trade as it is then', async () => {
  const stage = await startStage();
  const { call } = await aPaid(stage);
  await call(REFUND, { refund_amount: '3.00', out_request_no: 'R1' });
  await call(REFUND, { refund_amount: '7.50', out_request_no: 'R2' });
  await expect.poll(() => notices(stage).length).toBe(3);
  const [paid, ...refunds] = notices(stage);
  expect(paid).not.toHaveProperty('refund_fee');
  expect(paid).not.toHaveProperty('out_biz_no');
  const byNumber = new Map(refunds.map((notice) => [notice.out_biz_no, notice]));
  expect(byNumber.get('R1')).toMatchObject({
    trade_status: 'TRADE_SUCCESS',
    refund_fee: '3.00',
    total_amount: '10.50',
  });
  expect(byNumber.get('R1')).not.toHaveProperty('gmt_close');
  expect(byNumber.get('R2')).toMatchObject({ trade_status: 'TRADE_CLOSED', refund_fee: '10.50' });
  expect(byNumber.get('R2')?.gmt_refund).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
  expect(byNumber.get('R2')?.gmt_payment).toBe(paid?.gmt_payment);
});

test('a refund notice that is never acknowledged is delivered eight times with one notify_id', async () => {
  const stage = await startStage();
  const { call } = await aPaid(stage);
  stage.receiver.answerWith(() => ({ status: 400, contentType: 'text/plain', body: 'fail' }));
  await call(REFUND, { refund_amount: '3.00', out_request_no: 'R1' });
  const ofRefund = () => notices(stage).filter(({ out_biz_no }) => out_biz_no === 'R1');
  await expect.poll(() => ofRefund().length, { timeout: 10_000 }).toBe(8);
  expect(new Set(ofRefund().map(({ notify_id }) => notify_id)).size).toBe(1);
});

test('nobody hears of a refund that was refused, is undecided, or has failed', async () => {
  const stage = await startStage();
  const { call } = await aPaid(stage);
  for (const refunds of ['failed', 'no_balance', 'pending'] as const) {
    stage.host.control.faults('alipay-main', { refunds });
    await call(REFUND, { refund_amount: '1.00', out_request_no: refunds });
  }
  await stage.host.control.settleRefund('alipay-main', { refundNo: 'pending', outcome: 'failed' });
  stage.host.control.faults('alipay-main', {});
  await call(REFUND, { refund_amount: '10.50', out_request_no: 'last' });
  await expect.poll(() => notices(stage).filter(({ out_biz_no }) => out_biz_no !== undefined)).toHaveLength(1);
  expect(notices(stage).at(-1)).toMatchObject({ out_biz_no: 'last', refund_fee: '10.50' });
});

test('an answer to a refund may never come, and the money has gone back all the same', async () => {
  const stage = await startStage();
  const { client, call, providerRef } = await aPaid(stage);
  stage.host.control.faults('alipay-main', { timeout_after_refund_rate: 1 });
  const refund = { out_trade_no: providerRef, refund_amount: '3.00', out_request_no: 'R1' };
  const lost = client.call(REFUND, refund).then(
    () => 'answered',
    () => 'lost',
  );
  await expect.poll(() => notices(stage).some(({ out_biz_no }) => out_biz_no === 'R1')).toBe(true);
  expect(await call(REFUND_QUERY, { out_request_no: 'R1' })).toMatchObject({ refund_status: 'REFUND_SUCCESS' });
  await stage.stop();
  expect(await lost).toBe('lost');
});
