import { expect, test } from 'vitest';
import type { RawCallback } from '../../../src/channel/index.ts';
import { anOrder, noticeOf, openStage, paidOrder, rawCallback, type Stage, signed } from './stage.ts';

const read = ({ adapter }: Stage, raw: RawCallback) => adapter.parseCallback(raw, AbortSignal.timeout(10_000));

test('a notice is believed when the operator, asked, says the same, and its time is that of the answer', async () => {
  const order = anOrder();
  const stage = await openStage(() => paidOrder(order));
  expect(await read(stage, signed(noticeOf(order)))).toMatchObject({
    ok: true,
    value: [
      {
        providerRef: order.providerRef,
        observation: {
          state: 'succeeded',
          amount: order.amount,
          account: '1001',
          paidAt: Date.parse('2026-11-27T12:00:00Z'),
        },
      },
    ],
  });
});

test.each([
  ['that it is unpaid', { status: '0' }],
  ['another trade number', { trade_no: '2026112720000000002' }],
  ['that there is no such order', { code: -1, msg: '订单号不存在' }],
  ['nothing that can be read', { code: undefined }],
])('a notice is not confirmed when the operator says %s', async (_, set) => {
  const order = anOrder();
  const stage = await openStage(() => paidOrder(order, set));
  expect(await read(stage, signed(noticeOf(order)))).toEqual({ ok: false, error: 'unconfirmed' });
});

test('where notice and answer name different amounts, no amount is told, so that nothing can take effect', async () => {
  const order = anOrder();
  const stage = await openStage(() => paidOrder(order, { money: '1.00' }));
  const parsed = await read(stage, signed(noticeOf(order)));
  expect(parsed).toMatchObject({ ok: true, value: [{ observation: { state: 'succeeded', amount: null } }] });
});

test('without confirmation the notice alone is read, and nobody is asked', async () => {
  const order = anOrder();
  const stage = await openStage(() => '', { confirm_by_query: false });
  const parsed = await read(stage, signed(noticeOf(order, { money: '10.51' })));
  expect(parsed).toMatchObject({ ok: true, value: [{ observation: { amount: { minor: 1051 }, paidAt: null } }] });
  expect(stage.asked).toEqual([]);
});

// The signed text escapes nothing: one that was honestly made for our cheap order can be cut up into the notice of another one.
test('a signed text that is cut up anew into another order is refused', async () => {
  const [mine, other] = [anOrder(), anOrder()];
  const stage = await openStage(() => '', { confirm_by_query: false });
  const honest = noticeOf(mine, { name: `x&out_trade_no=${other.providerRef}&param=` });
  const proof = new URL(`http://x${signed(honest).target}`).searchParams;
  const { name: _, out_trade_no: __, ...rest } = honest;
  const cutUp = {
    ...rest,
    name: 'x',
    out_trade_no: other.providerRef,
    param: `&out_trade_no=${mine.providerRef}`,
    sign: proof.get('sign') ?? '',
    sign_type: 'MD5',
  };
  expect(await read(stage, rawCallback(cutUp))).toEqual({ ok: false, error: 'malformed' });
  expect(await read(stage, signed(honest))).toEqual({ ok: false, error: 'malformed' });
});

test.each(['WAIT_BUYER_PAY', 'TRADE_CLOSED', 'trade_success', ''])(
  'trade_status %j is no payment',
  async (trade_status) => {
    const order = anOrder();
    const stage = await openStage(() => paidOrder(order));
    const parsed = await read(stage, signed(noticeOf(order, { trade_status })));
    expect(parsed.ok && parsed.value.map((notice) => notice.observation.state)).toEqual(['unclear']);
    expect(stage.asked).toEqual([]);
  },
);

test.each(['1e1', '-10.5', '0x10', '10,5', '10.505', '', '1'.repeat(20)])('money %j is no amount', async (money) => {
  const order = anOrder();
  const stage = await openStage(() => '', { confirm_by_query: false });
  const parsed = await read(stage, signed(noticeOf(order, { money })));
  expect(parsed.ok && parsed.value.map((notice) => notice.kind === 'order' && notice.observation.amount)).toEqual([
    null,
  ]);
});

test('arrays, repeated names, a POST, the signature in capitals and another algorithm are refused', async () => {
  const order = anOrder();
  const stage = await openStage(() => paidOrder(order));
  const genuine = signed(noticeOf(order));
  const spoilt: readonly RawCallback[] = [
    { ...genuine, target: `${genuine.target}&money[]=1` },
    { ...genuine, target: `${genuine.target}&money=10.5` },
    { ...genuine, target: genuine.target.replace('money=', 'money%5B%5D=') },
    { ...genuine, method: 'POST' },
    {
      ...genuine,
      target: genuine.target.replace(/sign=[0-9a-f]+/, (text) => text.toUpperCase().replace('SIGN', 'sign')),
    },
    { ...genuine, target: genuine.target.replace('sign_type=MD5', 'sign_type=RSA') },
    { ...genuine, target: '/callbacks/epay-upstream/token' },
  ];
  for (const raw of spoilt) expect((await read(stage, raw)).ok, raw.target).toBe(false);
  expect((await read(stage, genuine)).ok).toBe(true);
});
