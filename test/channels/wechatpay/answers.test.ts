import { describe, expect, test } from 'vitest';
import {
  aTransaction,
  NOW,
  openAdapter,
  REF,
  type ScriptedAnswer,
  signedAnswer,
  startScripted,
  strangerKey,
} from './platform.ts';
import { soon, startStage } from './stage.ts';

const ORDER = { providerRef: REF, channelTradeNo: null, amount: { minor: 100, currency: 'CNY' } };
const FORGED = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'forged_response', providerCode: null };
const UNREADABLE = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: null };

async function queryAnswered(answer: ScriptedAnswer) {
  const { url } = await startScripted(() => answer);
  return openAdapter({ base_url: url }).query(ORDER, soon());
}

const bodyOf = (set: Record<string, unknown> = {}) => JSON.stringify(aTransaction(set));

describe('a success is believed only with a signature of WeChat', () => {
  test.each(['unsigned', 'wrong_key', 'stale'] as const)(
    'simulator fault %s: nothing of the answer is used',
    async (answer) => {
      const { adapter, anOrder, refOf, faults, pay } = await startStage();
      const order = anOrder();
      await adapter.create(order, soon());
      await pay(order);
      faults({ answer });
      expect(await adapter.query(refOf(order), soon())).toEqual({ ok: false, error: FORGED });
      expect(await adapter.create(anOrder(), soon())).toEqual({ ok: false, error: FORGED });
      expect(await adapter.close(refOf(order), soon())).toEqual({ ok: false, error: FORGED });
      expect(await adapter.query(refOf(anOrder()), soon())).toEqual({ ok: false, error: FORGED });
      expect(await adapter.probe(soon())).toEqual({ ok: false, error: FORGED });
    },
  );

  test('a 204 without a signature closes nothing', async () => {
    const { adapter, anOrder, refOf, faults } = await startStage();
    const order = anOrder();
    await adapter.create(order, soon());
    faults({ answer: 'unsigned' });
    expect(await adapter.close(refOf(order), soon())).toEqual({ ok: false, error: FORGED });
  });

  test('signed well, it is read', async () => {
    expect(await queryAnswered(signedAnswer(200, bodyOf()))).toMatchObject({ ok: true, value: { state: 'succeeded' } });
  });

  test.each([
    ['300 s old', -300_000, true],
    ['300 s early', 300_000, true],
    ['301 s old', -301_000, false],
    ['301 s early', 301_000, false],
  ])('%s', async (_what, offsetMs, believed) => {
    const seen = await queryAnswered(signedAnswer(200, bodyOf(), { at: NOW + offsetMs }));
    expect(seen.ok).toBe(believed);
  });

  test.each([
    ['signed by a stranger under the right name', signedAnswer(200, bodyOf(), { key: strangerKey })],
    [
      'signed under the name of a key that nobody has',
      signedAnswer(200, bodyOf(), { serial: 'PUB_KEY_ID_0000000002' }),
    ],
    ['changed after signing', { ...signedAnswer(200, bodyOf()), body: bodyOf().replace('100', '999') }],
    ['with one byte more', { ...signedAnswer(200, bodyOf()), body: `${bodyOf()} ` }],
  ])('%s: forged', async (_what, answer) => {
    expect(await queryAnswered(answer)).toEqual({ ok: false, error: FORGED });
  });

  test.each(['wechatpay-timestamp', 'wechatpay-nonce', 'wechatpay-serial', 'wechatpay-signature'])(
    'without %s: forged',
    async (name) => {
      const { headers, ...answer } = signedAnswer(200, bodyOf());
      const without = Object.fromEntries(Object.entries(headers ?? {}).filter(([key]) => key !== name));
      expect(await queryAnswered({ ...answer, headers: without })).toEqual({ ok: false, error: FORGED });
    },
  );

  test('a signature type that we did not agree on: forged', async () => {
    const answer = signedAnswer(200, bodyOf());
    const headers = { ...answer.headers, 'wechatpay-signature-type': 'WECHATPAY2-SM2-WITH-SM3' };
    expect(await queryAnswered({ ...answer, headers })).toEqual({ ok: false, error: FORGED });
  });

  test('a genuine answer about another order, put in its place: forged', async () => {
    const other = signedAnswer(200, bodyOf({ out_trade_no: '01j0000000000000000000000099' }));
    expect(await queryAnswered(other)).toEqual({ ok: false, error: FORGED });
  });

  test('WeChat’s own test signature on an answer is not believed, but alarms nobody', async () => {
    const { adapter, anOrder, refOf, settings } = await startStage();
    const order = anOrder();
    await adapter.create(order, soon());
    await settings({ sign_test_answers: 1 });
    expect(await adapter.query(refOf(order), soon())).toEqual({ ok: false, error: UNREADABLE });
    expect(await adapter.query(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'open' } });
  });
});

describe('an error', () => {
  const NOT_FOUND = '{"code":"ORDER_NOT_EXIST","message":"订单不存在"}';
  const DENIED = '{"code":"NO_AUTH","message":"商户无权限"}';

  test('is taken without a signature, since WeChat does not promise one', async () => {
    expect(await queryAnswered({ status: 403, body: DENIED })).toMatchObject({
      ok: false,
      error: { kind: 'AUTH_MISCONFIGURED', created: 'no' },
    });
  });

  test('with a signature that does not fit is forged', async () => {
    expect(await queryAnswered(signedAnswer(403, DENIED, { key: strangerKey }))).toEqual({ ok: false, error: FORGED });
    expect(await queryAnswered(signedAnswer(403, DENIED, { at: NOW - 301_000 }))).toEqual({ ok: false, error: FORGED });
  });

  test('“no such order” is absence only when it is signed', async () => {
    expect(await queryAnswered(signedAnswer(404, NOT_FOUND))).toMatchObject({ ok: true, value: { state: 'absent' } });
    expect(await queryAnswered({ status: 404, body: NOT_FOUND })).toEqual({ ok: false, error: FORGED });
  });
});

describe('a signed answer is read strictly', () => {
  test.each([
    ['no JSON', '<html>'],
    ['no object', '[]'],
    ['no trade_state', bodyOf({ trade_state: undefined })],
    ['a trade_state that is a list', bodyOf({ trade_state: ['SUCCESS'] })],
    ['an amount that is text', bodyOf({ amount: { total: '100', currency: 'CNY' } })],
    ['an amount with decimals', bodyOf({ amount: { total: 100.5, currency: 'CNY' } })],
    ['an amount of zero', bodyOf({ amount: { total: 0, currency: 'CNY' } })],
    ['an amount beyond all bounds', bodyOf({ amount: { total: 1e15, currency: 'CNY' } })],
    ['a success_time that is no time', bodyOf({ success_time: 'yesterday' })],
  ])('%s: no information', async (_what, body) => {
    expect(await queryAnswered(signedAnswer(200, body))).toEqual({ ok: false, error: UNREADABLE });
  });

  test.each([
    ['NOTPAY', 'open'],
    ['USERPAYING', 'open'],
    ['ACCEPT', 'open'],
    ['SUCCESS', 'succeeded'],
    ['REFUND', 'succeeded'],
    ['CLOSED', 'closed'],
    ['REVOKED', 'closed'],
    ['PAYERROR', 'failed'],
    ['SOMETHING_NEW', 'unclear'],
    ['success', 'unclear'],
  ])('trade_state %s is %s', async (word, state) => {
    expect(await queryAnswered(signedAnswer(200, bodyOf({ trade_state: word })))).toMatchObject({
      ok: true,
      value: { state },
    });
  });

  test.each([
    ['another merchant', { mchid: '1900000002' }],
    ['another app of ours', { appid: 'wxffffffffffffffff' }],
  ])('an order of %s does not carry our account', async (_what, set) => {
    const seen = await queryAnswered(signedAnswer(200, bodyOf(set)));
    expect(seen.ok && seen.value.account).not.toBe('1900000001');
  });

  test('an amount without a currency is in CNY, as documented; a foreign one keeps its name', async () => {
    const bare = await queryAnswered(signedAnswer(200, bodyOf({ amount: { total: 100 } })));
    expect(bare).toMatchObject({ ok: true, value: { amount: { minor: 100, currency: 'CNY' } } });
    const foreign = await queryAnswered(signedAnswer(200, bodyOf({ amount: { total: 100, currency: 'HKD' } })));
    expect(foreign).toMatchObject({ ok: true, value: { amount: { minor: 100, currency: 'HKD' } } });
  });

  test.each([
    ['an answer to create without code_url', '{}'],
    ['a code_url that leads elsewhere', '{"code_url":"https://evil.example/"}'],
  ])('%s hands nothing to the buyer', async (_what, body) => {
    const { anOrder } = await startStage();
    const { url } = await startScripted(() => signedAnswer(200, body));
    expect(await openAdapter({ base_url: url }).create(anOrder(), soon())).toEqual({ ok: false, error: UNREADABLE });
  });

  test('an h5_url that is a script hands nothing to the buyer', async () => {
    const { anOrder } = await startStage();
    const { url } = await startScripted(() => signedAnswer(200, '{"h5_url":"javascript:alert(1)"}'));
    const created = await openAdapter({ base_url: url }).create(anOrder({ scene: 'wap' }), soon());
    expect(created).toEqual({ ok: false, error: UNREADABLE });
  });

  test('a redirect is not followed', async () => {
    const elsewhere = await startScripted(() => signedAnswer(200, bodyOf()));
    const { url } = await startScripted(() => ({ status: 302, body: '', headers: { location: elsewhere.url } }));
    expect(await openAdapter({ base_url: url }).query(ORDER, soon())).toEqual({ ok: false, error: UNREADABLE });
    expect(elsewhere.calls).toEqual([]);
  });

  test('an answer longer than any real one is cut off', async () => {
    const long = signedAnswer(200, bodyOf({ attach: 'x'.repeat(2_000_000) }));
    expect(await queryAnswered(long)).toEqual({ ok: false, error: UNREADABLE });
  });

  test('calls one after the other share connections', async () => {
    const { url, calls, sockets } = await startScripted(() => signedAnswer(200, bodyOf()));
    const adapter = openAdapter({ base_url: url });
    for (let i = 0; i < 20; i += 1) await adapter.query(ORDER, soon());
    expect(calls).toHaveLength(20);
    // Now and then a call starts a moment before the connection of the last one is free again.
    expect(sockets.size).toBeLessThan(4);
  });
});
