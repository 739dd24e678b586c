import { describe, expect, test } from 'vitest';
import {
  aRefund,
  NOW,
  openAdapter,
  REF,
  REFUND_NO,
  REFUND_REF,
  type ScriptedAnswer,
  signedAnswer,
  startScripted,
  strangerKey,
  TRADE_NO,
} from './platform.ts';
import { nothingKnownOfRefund, soon } from './stage.ts';

const REQUEST = {
  order: { providerRef: REF, channelTradeNo: TRADE_NO, amount: { minor: 100, currency: 'CNY' } },
  refundRef: REFUND_REF,
  amount: { minor: 40, currency: 'CNY' },
  channelRefundNo: null,
  reason: null,
  callbackUrl: 'http://127.0.0.1:9/callbacks/wechatpay-main/t',
};
const FORGED = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'forged_response', providerCode: null };
const UNREADABLE = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: null };
const ABSENT = '{"code":"RESOURCE_NOT_EXISTS","message":"退款单不存在"}';
const REFUSED = '{"code":"INVALID_REQUEST","message":"订单已全额退款"}';

const bodyOf = (set: Record<string, unknown> = {}) => JSON.stringify(aRefund(set));
const amountOf = (set: Record<string, unknown>) =>
  bodyOf({ amount: { total: 100, refund: 40, currency: 'CNY', ...set } });

/** Both calls against the same answer; what they make of it has to be the same. */
async function bothAnswered(answer: ScriptedAnswer, ref: Partial<typeof REQUEST> | { channelRefundNo: string } = {}) {
  const { url } = await startScripted(() => answer);
  const adapter = openAdapter({ base_url: url });
  const refund = await adapter.refund({ ...REQUEST, ...ref }, soon());
  const queried = await adapter.queryRefund({ ...REQUEST, ...ref }, soon());
  expect(queried).toEqual(refund);
  return refund;
}

describe('an answer about a refund', () => {
  test('is read when WeChat signed it', async () => {
    expect(await bothAnswered(signedAnswer(200, bodyOf()))).toEqual({
      ok: true,
      value: {
        state: 'succeeded',
        account: null,
        amount: { minor: 40, currency: 'CNY' },
        channelRefundNo: REFUND_NO,
        refundedAt: NOW,
        error: null,
      },
    });
  });

  test.each([
    ['unsigned', { status: 200, body: bodyOf() }],
    ['signed by a stranger', signedAnswer(200, bodyOf(), { key: strangerKey })],
    ['301 s old', signedAnswer(200, bodyOf(), { at: NOW - 301_000 })],
    ['changed after signing', { ...signedAnswer(200, bodyOf()), body: bodyOf({ status: 'CLOSED' }) }],
  ])('%s: not believed', async (_what, answer) => {
    expect(await bothAnswered(answer)).toEqual({ ok: false, error: FORGED });
  });

  test.each([
    ['SUCCESS', 'succeeded', null],
    ['PROCESSING', 'pending', null],
    ['ABNORMAL', 'pending', 'ABNORMAL'],
    ['CLOSED', 'failed', 'CLOSED'],
    ['SOMETHING_NEW', 'unclear', null],
    ['success', 'unclear', null],
    ['FAIL', 'unclear', null],
  ])('that says %s is %s', async (status, state, code) => {
    expect(await bothAnswered(signedAnswer(200, bodyOf({ status })))).toMatchObject({
      ok: true,
      value: {
        state,
        error: code === null ? null : { providerCode: code },
        refundedAt: state === 'succeeded' ? NOW : null,
      },
    });
  });

  test.each([
    ['another refund', bodyOf({ out_refund_no: `${REF}r002` })],
    ['another order', bodyOf({ out_trade_no: '01j0000000000000000000000099' })],
    ['another trade of WeChat', bodyOf({ transaction_id: '4200000000202601010000000002' })],
    ['another amount', amountOf({ refund: 41 })],
    ['an order of another amount', amountOf({ total: 101 })],
    ['another currency', amountOf({ currency: 'HKD' })],
  ])('about %s, put in its place: not believed', async (_what, body) => {
    expect(await bothAnswered(signedAnswer(200, body))).toEqual({ ok: false, error: FORGED });
  });

  test('about a refund that WeChat numbers otherwise than before: not believed', async () => {
    const answer = signedAnswer(200, bodyOf());
    expect(await bothAnswered(answer, { channelRefundNo: REFUND_NO })).toMatchObject({ ok: true });
    expect(await bothAnswered(answer, { channelRefundNo: `${REFUND_NO}0` })).toEqual({ ok: false, error: FORGED });
  });

  test.each([
    ['no JSON', '<html>'],
    ['no object', '[]'],
    ['no status', bodyOf({ status: undefined })],
    ['a status that is a list', bodyOf({ status: ['SUCCESS'] })],
    ['no refund number', bodyOf({ out_refund_no: undefined })],
    ['no number of WeChat', bodyOf({ refund_id: undefined })],
    ['no amount', bodyOf({ amount: undefined })],
    ['an amount that is text', amountOf({ refund: '40' })],
    ['an amount with decimals', amountOf({ refund: 40.5 })],
    ['an amount of zero', amountOf({ refund: 0 })],
    ['a time that is none', bodyOf({ success_time: 'yesterday' })],
  ])('with %s says nothing', async (_what, body) => {
    expect(await bothAnswered(signedAnswer(200, body))).toEqual({ ok: false, error: UNREADABLE });
  });
});

describe('“no such thing” from the refund API', () => {
  const askedOf = async (answer: ScriptedAnswer) => {
    const { url } = await startScripted(() => answer);
    const adapter = openAdapter({ base_url: url });
    return [await adapter.queryRefund(REQUEST, soon()), await adapter.refund(REQUEST, soon())];
  };

  test('is absence to the query and NOT_FOUND to the refund when it is signed', async () => {
    expect(await askedOf(signedAnswer(404, ABSENT))).toEqual([
      { ok: true, value: { ...nothingKnownOfRefund, state: 'absent' } },
      { ok: false, error: { kind: 'NOT_FOUND', created: 'no', providerCode: 'RESOURCE_NOT_EXISTS' } },
    ]);
  });

  test.each(['RESOURCE_NOT_EXISTS', 'ORDER_NOT_EXIST'])('is not believed unsigned (%s)', async (code) => {
    const forged = { ok: false, error: FORGED };
    expect(await askedOf({ status: 404, body: JSON.stringify({ code }) })).toEqual([forged, forged]);
  });
});

describe('INVALID_REQUEST to a refund', () => {
  const answeredBy = async (query: ScriptedAnswer) => {
    const server = await startScripted(({ method }) => (method === 'POST' ? signedAnswer(400, REFUSED) : query));
    const refund = await openAdapter({ base_url: server.url }).refund(REQUEST, soon());
    expect(server.calls).toEqual(['POST /v3/refund/domestic/refunds', `GET /v3/refund/domestic/refunds/${REFUND_REF}`]);
    return refund;
  };
  const refusal = { kind: 'INVALID_REQUEST', providerCode: 'INVALID_REQUEST' };

  test('is a refusal when WeChat holds no refund under this number', async () => {
    expect(await answeredBy(signedAnswer(404, ABSENT))).toEqual({ ok: false, error: { ...refusal, created: 'no' } });
  });

  test('is the first answer again when WeChat holds this very refund', async () => {
    expect(await answeredBy(signedAnswer(200, bodyOf()))).toMatchObject({ ok: true, value: { state: 'succeeded' } });
  });

  test.each([
    ['WeChat holds another amount under this number', signedAnswer(200, amountOf({ refund: 41 }))],
    ['nobody vouches for the absence', { status: 404, body: ABSENT }],
    ['the question is not answered', { status: 502, body: '<html>' }],
  ])('leaves the refund in doubt when %s', async (_what, query) => {
    expect(await answeredBy(query)).toEqual({ ok: false, error: { ...refusal, created: 'maybe' } });
  });
});
