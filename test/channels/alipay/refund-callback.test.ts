import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { provider } from '../../../channels/alipay/index.ts';
import type { ChannelAdapter } from '../../../src/channel/index.ts';
import { refundRefOf } from '../../../src/payment/index.ts';
import { aKeyPair, type NoticeFields, posted, signed } from './notice.ts';
import { patient } from './stage.ts';

const ours = aKeyPair();
const alipay = aKeyPair();
const stranger = aKeyPair();

const ACCOUNT = { app_id: '2021000000000001', seller_id: '2088000000000001' };
const REF = '01jzzzzzzzzzzzzzzzzzzzzzzz01';
const REFUND_REF = refundRefOf(REF, 7);

/** The fields and formats of a real notice of a refund: `gmt_refund` alone has milliseconds. */
const aNotice = (set: NoticeFields = {}): NoticeFields => ({
  ...ACCOUNT,
  notify_type: 'trade_status_sync',
  notify_id: '2026081500222095137035011452559224',
  notify_time: '2026-08-15 16:01:37',
  charset: 'utf-8',
  sign_type: 'RSA2',
  version: '1.0',
  auth_app_id: ACCOUNT.app_id,
  out_trade_no: REF,
  trade_no: '2026081522001468450512505578',
  trade_status: 'TRADE_SUCCESS',
  total_amount: '10.50',
  gmt_payment: '2026-08-15 15:56:24',
  gmt_refund: '2026-08-15 16:01:36.631',
  refund_fee: '3.00',
  out_biz_no: REFUND_REF,
  ...set,
});
const without = (notice: NoticeFields, ...names: string[]): NoticeFields =>
  Object.fromEntries(Object.entries(notice).filter(([name]) => !names.includes(name)));

function anAdapter(): ChannelAdapter {
  const credentials = { ...ACCOUNT, private_key: ours.privatePem, alipay_public_key: alipay.publicPem };
  const adapter = provider.openAdapter(provider.configSchema.parse(credentials), {
    now: Date.now,
    randomBytes: (size) => new Uint8Array(size),
    record: () => {},
  });
  onTestFinished(() => adapter.dispose());
  return adapter;
}

const parse = (fields: NoticeFields, key = alipay.privateKey, adapter = anAdapter()) =>
  adapter.parseCallback(posted(signed(fields, key)), patient());
const aboutOrder = { kind: 'order', providerRef: REF, observation: { state: 'succeeded' } };

test.each([
  ['TRADE_SUCCESS', '3.00'],
  ['TRADE_CLOSED', '10.50'],
  ['TRADE_FINISHED', '3.00'],
])(
  'a notice %s with a refund of ours says that money went back, and of the order what its status says',
  async (trade_status, refund_fee) => {
    expect(await parse(aNotice({ trade_status, refund_fee }))).toEqual({
      ok: true,
      value: [
        {
          kind: 'order',
          providerRef: REF,
          observation: {
            state: trade_status === 'TRADE_CLOSED' ? 'unclear' : 'succeeded',
            account: ACCOUNT.app_id,
            amount: { minor: 1050, currency: 'CNY' },
            channelTradeNo: '2026081522001468450512505578',
            paidAt: Date.UTC(2026, 7, 15, 7, 56, 24),
            error: null,
          },
        },
        {
          kind: 'refund',
          providerRef: REF,
          refundRef: REFUND_REF,
          observation: {
            state: 'succeeded',
            account: ACCOUNT.app_id,
            amount: null,
            channelRefundNo: null,
            refundedAt: Date.UTC(2026, 7, 15, 8, 1, 36, 631),
            error: null,
          },
        },
      ],
    });
  },
);

test.each([
  'HAND-MADE-1',
  REF, // Alipay's own choice for a refund without a number
  `${REF}R007`,
  `${REF}r7`,
  refundRefOf('01jzzzzzzzzzzzzzzzzzzzzzzz02', 7),
  '',
])(
  'a refund under the number %j is not ours: the notice is about its order alone, and is acknowledged',
  async (out_biz_no) => {
    expect(await parse(aNotice({ out_biz_no }))).toMatchObject({ ok: true, value: [aboutOrder] });
    const parsed = await parse(aNotice({ out_biz_no }));
    expect(parsed.ok && parsed.value.length).toBe(1);
  },
);

test.each<[string, NoticeFields]>([
  ['a sum that is missing', without(aNotice(), 'refund_fee')],
  ['a sum of nothing', aNotice({ refund_fee: '0.00' })],
  ['a sum that is no amount', aNotice({ refund_fee: '3,00' })],
  ['a sum above what was paid', aNotice({ refund_fee: '10.51' })],
  ['an order that is not paid', without(aNotice({ trade_status: 'WAIT_BUYER_PAY' }), 'gmt_payment')],
  ['a status that we do not know', aNotice({ trade_status: 'TRADE_SOMETHING_NEW' })],
])('our refund with %s settles nothing', async (_what, notice) => {
  expect(await parse(notice)).toMatchObject({
    ok: true,
    value: [{ kind: 'order' }, { kind: 'refund', observation: { state: 'unclear', refundedAt: null } }],
  });
});

test.each(['', 'yesterday', '2026-13-45 16:01:36.631', '2026-08-15 16:01:36.6311'])(
  'a refund whose time is %j has succeeded at a time that nobody knows',
  async (gmt_refund) => {
    expect(await parse(aNotice({ gmt_refund }))).toMatchObject({
      value: [aboutOrder, { observation: { state: 'succeeded', refundedAt: null } }],
    });
  },
);

test.each([
  ['a stranger', stranger.privateKey],
  ['ourselves', ours.privateKey],
])('a refund notice signed by %s is refused', async (_who, key) => {
  expect(await parse(aNotice(), key)).toEqual({ ok: false, error: 'bad_signature' });
});

test.each([
  ['app id', { app_id: '2021000000000002' }],
  ['seller', { seller_id: '2088000000000002' }],
])("a genuine refund notice of another's %s is foreign", async (_what, set) => {
  expect(await parse(aNotice(set))).toEqual({ ok: false, error: 'foreign_account' });
});

test('whichever field of a refund notice is altered, dropped, added or doubled, it is refused', async () => {
  const adapter = anAdapter();
  const notice = signed(aNotice(), alipay.privateKey);
  const names = Object.keys(notice).filter((name) => name !== 'sign_type');
  const read = (fields: NoticeFields | string) => adapter.parseCallback(posted(fields), patient());
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.nat({ max: 400 }), async (name, at) => {
      const value = notice[name] ?? '';
      const i = at % value.length;
      const altered = `${value.slice(0, i)}${value[i] === '7' ? '8' : '7'}${value.slice(i + 1)}`;
      expect((await read({ ...notice, [name]: altered })).ok).toBe(false);
    }),
    { seed: 3, numRuns: 200 },
  );
  for (const name of Object.keys(notice)) expect((await read(without(notice, name))).ok, name).toBe(false);
  expect((await read({ ...notice, refund_status: 'REFUND_SUCCESS' })).ok).toBe(false);
  const body = new URLSearchParams(notice).toString();
  expect((await read(body)).ok).toBe(true);
  expect((await read(`${body}&out_biz_no=${refundRefOf(REF, 8)}`)).ok).toBe(false);
  expect((await read(body.replace('out_biz_no=', 'out_biz_no[]='))).ok).toBe(false);
});

test('a repeated notice says the same, also after a later one', async () => {
  const adapter = anAdapter();
  const first = posted(signed(aNotice(), alipay.privateKey));
  const second = posted(signed(aNotice({ out_biz_no: refundRefOf(REF, 8), refund_fee: '4.00' }), alipay.privateKey));
  const before = await adapter.parseCallback(first, patient());
  await adapter.parseCallback(second, patient());
  expect(await adapter.parseCallback(first, patient())).toEqual(before);
});
