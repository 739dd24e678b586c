import { describe, expect, test } from 'vitest';
import type { OrderRef } from '../../../src/channel/index.ts';
import { ask } from './plain-client.ts';
import { eventually, type Stage, soon, startStage } from './stage.ts';

const REFUNDS = '/v3/refund/domestic/refunds';

async function startPaid() {
  const stage = await startStage();
  const order = await stage.aPaidOrder({ amount: { minor: 100, currency: 'CNY' } });
  const post = (set: Record<string, unknown> = {}) =>
    ask(stage, {
      method: 'POST',
      path: REFUNDS,
      json: {
        out_trade_no: order.providerRef,
        out_refund_no: 'refund-1',
        reason: 'sold out',
        amount: { refund: 40, total: 100, currency: 'CNY' },
        ...set,
      },
    });
  const get = (no: string) => ask(stage, { method: 'GET', path: `${REFUNDS}/${no}` });
  return { stage, order, post, get };
}

/** As the simulator words it. */
async function tradeStateOf(stage: Stage, order: OrderRef): Promise<string> {
  await stage.adapter.query(order, soon());
  return JSON.parse(stage.recorded.at(-1)?.responseBody ?? '').trade_state;
}

describe('the simulator’s refunds on the wire', () => {
  test('are answered as WeChat answers them, and signed', async () => {
    const { stage, order, post, get } = await startPaid();
    stage.faults({ refunds: 'pending' });
    const taken = await post();
    expect(taken).toMatchObject({
      status: 200,
      json: {
        refund_id: expect.stringMatching(/^50\d{27}$/),
        out_refund_no: 'refund-1',
        transaction_id: order.channelTradeNo,
        out_trade_no: order.providerRef,
        channel: 'ORIGINAL',
        status: 'PROCESSING',
        create_time: expect.stringMatching(/\+08:00$/),
        amount: { total: 100, refund: 40, payer_total: 100, payer_refund: 40, currency: 'CNY' },
      },
    });
    expect(taken.json).not.toHaveProperty('success_time');
    expect(taken.json).not.toHaveProperty('mchid');
    expect(taken.headers.get('wechatpay-signature')).toBeTruthy();
    expect((await get('refund-1')).json).toEqual(taken.json);
    await stage.host.control.settleRefund('wechatpay-main', { refundNo: 'refund-1', outcome: 'succeeded' });
    expect((await get('refund-1')).json).toEqual({
      ...taken.json,
      status: 'SUCCESS',
      success_time: expect.stringMatching(/\+08:00$/),
    });
  });

  test('know the order by either number, and their own number once for the whole merchant', async () => {
    const { stage, order, post } = await startPaid();
    const other = await stage.aPaidOrder({ amount: { minor: 100, currency: 'CNY' } });
    const first = await post({ transaction_id: order.channelTradeNo, out_trade_no: undefined });
    expect(first.status).toBe(200);
    expect((await post()).json.refund_id).toBe(first.json.refund_id);
    expect(await post({ out_trade_no: other.providerRef })).toMatchObject({
      status: 400,
      json: { code: 'INVALID_REQUEST', message: '订单金额或退款金额与之前请求不一致，请核实后再试' },
    });
    expect(stage.book(other.providerRef).refunds).toEqual([]);
  });

  test.each([
    ['no order', { out_trade_no: undefined }],
    ['no refund number', { out_refund_no: undefined }],
    ['a refund number with a blank', { out_refund_no: 'refund 1' }],
    ['a refund number of 65 characters', { out_refund_no: 'x'.repeat(65) }],
    ['a reason of 81 characters', { reason: 'x'.repeat(81) }],
    ['an empty reason', { reason: '' }],
    ['a notify_url with a query', { notify_url: 'http://127.0.0.1/x?y=1' }],
    ['no amount', { amount: undefined }],
    ['no total', { amount: { refund: 1, currency: 'CNY' } }],
    ['an amount of zero', { amount: { refund: 0, total: 100, currency: 'CNY' } }],
    ['an amount that is text', { amount: { refund: '1', total: 100, currency: 'CNY' } }],
    ['no currency', { amount: { refund: 1, total: 100 } }],
    ['another currency', { amount: { refund: 1, total: 100, currency: 'USD' } }],
    ['an unknown field', { surprise: 1 }],
  ])('%s is a PARAM_ERROR', async (_what, set) => {
    const { post } = await startPaid();
    expect(await post(set)).toMatchObject({ status: 400, json: { code: 'PARAM_ERROR' } });
  });

  test.each([
    ['a total that is not the order’s', 400, 'INVALID_REQUEST', { amount: { refund: 1, total: 99, currency: 'CNY' } }],
    ['more than the order', 400, 'INVALID_REQUEST', { amount: { refund: 101, total: 100, currency: 'CNY' } }],
    ['an order that nobody made', 404, 'RESOURCE_NOT_EXISTS', { out_trade_no: 'nobody-1' }],
  ])('%s is refused', async (_what, status, code, set) => {
    const { post } = await startPaid();
    expect(await post(set)).toMatchObject({ status, json: { code } });
  });

  test('after all is refunded nothing more is', async () => {
    const { post } = await startPaid();
    await post({ amount: { refund: 100, total: 100, currency: 'CNY' } });
    expect(await post({ out_refund_no: 'refund-2' })).toMatchObject({
      status: 400,
      json: { code: 'INVALID_REQUEST', message: '订单已全额退款' },
    });
  });

  test('a refund that nobody made is not there, nor is one by another method', async () => {
    const { stage, get } = await startPaid();
    expect(await get('refund-9')).toMatchObject({
      status: 404,
      json: { code: 'RESOURCE_NOT_EXISTS', message: '退款单不存在' },
    });
    const answer = await ask(stage, { method: 'POST', path: `${REFUNDS}/refund-1`, json: {} });
    expect(answer).toMatchObject({ status: 404, json: { code: 'RESOURCE_NOT_EXISTS' } });
  });

  test('the order says REFUND from the moment that one is taken', async () => {
    const { stage, order, post } = await startPaid();
    expect(await tradeStateOf(stage, order)).toBe('SUCCESS');
    await post();
    expect(await tradeStateOf(stage, order)).toBe('REFUND');
  });

  test('without a notify_url nobody is told, and a question finds the refund decided all the same', async () => {
    const { stage, order, post, get } = await startPaid();
    await post();
    await expect.poll(async () => (await get('refund-1')).json).toMatchObject({ status: 'SUCCESS' });
    expect(stage.book(order.providerRef).refunds).toMatchObject([{ refundNo: 'refund-1', status: 'succeeded' }]);
    // The payment's own callback is not acknowledged here and comes again and again.
    const told = () =>
      stage.receiver.received.map(({ body }) => JSON.parse(Buffer.from(body).toString()).event_type as string);
    const before = told().length;
    await eventually(() => (told().length >= before + 2 ? true : undefined));
    expect(new Set(told())).toEqual(new Set(['TRANSACTION.SUCCESS']));
  });

  test('a callback that is lost does not keep the refund from being decided', async () => {
    const { stage, order, post, get } = await startPaid();
    stage.faults({ drop_callbacks: 1 });
    await post({ notify_url: `${stage.receiver.url}/callbacks/x/y` });
    stage.advance(201);
    expect((await get('refund-1')).json).toMatchObject({ status: 'SUCCESS' });
    expect(stage.book(order.providerRef).refunds).toMatchObject([{ status: 'succeeded' }]);
  });

  test('only a pending refund gets stuck', async () => {
    const { stage, post } = await startPaid();
    await expect(stage.settings({ stuck_refund: { refund_no: 'refund-1' } })).rejects.toThrow();
    await post();
    stage.advance(201);
    await expect(stage.settings({ stuck_refund: { refund_no: 'refund-1' } })).rejects.toThrow();
  });
});
