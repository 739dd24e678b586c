import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { provider } from '../../../channels/alipay/index.ts';
import type { ChannelAdapter } from '../../../src/channel/index.ts';
import { issueDurableReceipt } from '../../../src/payment/durable.ts';
import { aKeyPair, type NoticeFields, noticeText, posted, REAL_ALIPAY_KEY, REAL_NOTICE, signed } from './notice.ts';
import { patient } from './stage.ts';

const ours = aKeyPair();
const alipay = aKeyPair();
const stranger = aKeyPair();

const ACCOUNT = { app_id: '2021000000000001', seller_id: '2088000000000001' };

function anAdapter(set: NoticeFields = {}): ChannelAdapter {
  const credentials = { ...ACCOUNT, private_key: ours.privatePem, alipay_public_key: alipay.publicPem, ...set };
  const adapter = provider.openAdapter(provider.configSchema.parse(credentials), {
    now: Date.now,
    randomBytes: (size) => new Uint8Array(size),
    record: () => {},
  });
  onTestFinished(() => adapter.dispose());
  return adapter;
}

const aNotice = (set: NoticeFields = {}): NoticeFields => ({
  ...ACCOUNT,
  notify_type: 'trade_status_sync',
  notify_id: '2026081500222155624068450559358070',
  notify_time: '2026-08-15 15:56:25',
  charset: 'utf-8',
  sign_type: 'RSA2',
  out_trade_no: '01jzzzzzzzzzzzzzzzzzzzzzzz01',
  trade_no: '2026081522001468450512505578',
  trade_status: 'TRADE_SUCCESS',
  total_amount: '10.50',
  gmt_payment: '2026-08-15 15:56:24',
  ...set,
});

const parse = (fields: NoticeFields | string, adapter = anAdapter()) =>
  adapter.parseCallback(posted(fields), patient());
const refused = (error: string) => ({ ok: false, error });

test("a real notice of Alipay's verifies, and is read as it stands", async () => {
  expect(createHash('md5').update(noticeText(REAL_NOTICE)).digest('hex')).toBe('ccb6cd91946af7950019c3a75e528c46');
  const { app_id = '', seller_id = '' } = REAL_NOTICE;
  const adapter = anAdapter({ app_id, seller_id, alipay_public_key: REAL_ALIPAY_KEY });
  expect(await parse(REAL_NOTICE, adapter)).toEqual({
    ok: true,
    value: [
      {
        kind: 'order',
        providerRef: '20190815155618536-564-57',
        observation: {
          state: 'succeeded',
          account: app_id,
          amount: { minor: 10, currency: 'CNY' },
          channelTradeNo: '2019081522001468450512505578',
          paidAt: Date.UTC(2019, 7, 15, 7, 56, 24),
          error: null,
        },
      },
    ],
  });
});

test('whichever field of a real notice is altered, dropped or added, it is refused', async () => {
  const { app_id = '', seller_id = '' } = REAL_NOTICE;
  const adapter = anAdapter({ app_id, seller_id, alipay_public_key: REAL_ALIPAY_KEY });
  const names = Object.keys(REAL_NOTICE).filter((name) => name !== 'sign_type');
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.nat({ max: 400 }), async (name, at) => {
      const value = REAL_NOTICE[name] ?? '';
      const i = at % (value.length || 1);
      const altered = `${value.slice(0, i)}${value[i] === 'A' ? 'B' : 'A'}${value.slice(i + 1)}`;
      expect((await parse({ ...REAL_NOTICE, [name]: altered }, adapter)).ok).toBe(false);
    }),
    { seed: 1, numRuns: 200 },
  );
  for (const name of Object.keys(REAL_NOTICE)) {
    const { [name]: _dropped, ...rest } = REAL_NOTICE;
    expect((await parse(rest, adapter)).ok, `without ${name}`).toBe(false);
  }
  expect(await parse({ ...REAL_NOTICE, extra: '' }, adapter)).toEqual(refused('bad_signature'));
});

test.each([
  ['WAIT_BUYER_PAY', 'open'],
  ['TRADE_SUCCESS', 'succeeded'],
  ['TRADE_FINISHED', 'succeeded'],
  ['trade_success', 'unclear'],
  ['TRADE_SOMETHING_NEW', 'unclear'],
])('the status %s is read as %s', async (trade_status, state) => {
  const parsed = await parse(signed(aNotice({ trade_status }), alipay.privateKey));
  expect(parsed).toMatchObject({ ok: true, value: [{ observation: { state } }] });
});

test('the notice of a closed trade pays nothing; it is closed only when nobody has ever paid', async () => {
  const { gmt_payment: _never, ...unpaid } = aNotice({ trade_status: 'TRADE_CLOSED' });
  const paidAt = Date.UTC(2026, 7, 15, 7, 56, 24);
  const seen = async (fields: NoticeFields) => parse(signed(fields, alipay.privateKey));
  for (const refund_fee of ['', '0.00', 'much']) {
    expect(await seen({ ...unpaid, refund_fee })).toMatchObject({
      value: [{ kind: 'order', observation: { state: 'closed', paidAt: null } }],
    });
  }
  expect(await seen(unpaid)).toMatchObject({ value: [{ observation: { state: 'closed', paidAt: null } }] });
  const paid = aNotice({ trade_status: 'TRADE_CLOSED' });
  expect(await seen(paid)).toMatchObject({ value: [{ observation: { state: 'unclear', paidAt } }] });
  expect(await seen({ ...unpaid, refund_fee: '10.50' })).toMatchObject({
    value: [{ observation: { state: 'unclear', paidAt: null } }],
  });
});

test('empty values, percent signs, plus signs and Chinese stay as they were signed', async () => {
  const odd = aNotice({ subject: '100% a+b&c=d 语雀%20', passback_params: '', body: 'x y' });
  expect((await parse(signed(odd, alipay.privateKey))).ok).toBe(true);
});

test('a signature whose plus signs were turned into spaces is refused', async () => {
  // Which fields are signed is of no matter: one with a plus sign in its signature has to be found.
  const notices = Array.from({ length: 50 }, (_, i) => signed(aNotice({ body: String(i) }), alipay.privateKey));
  const withPlus = notices.find(({ sign = '' }) => sign.includes('+')) ?? {};
  const mangled = new URLSearchParams(withPlus).toString().replaceAll('%2B', '+');
  expect(await parse(mangled)).toEqual(refused('bad_signature'));
});

test.each([
  ['a stranger', () => signed(aNotice(), stranger.privateKey)],
  ['ourselves', () => signed(aNotice(), ours.privateKey)],
  ['nobody, with an empty signature text', () => ({ ...aNotice(), sign: 'AAAA' })],
])('a notice signed by %s is refused', async (_who, notice) => {
  expect(await parse(notice())).toEqual(refused('bad_signature'));
});

test.each(['RSA', 'rsa2', 'RSA256', 'MD5', '__proto__', 'constructor'])(
  'the sender cannot choose the algorithm: sign_type %s is refused',
  async (sign_type) => {
    const sha1 = signed(aNotice({ sign_type }), alipay.privateKey, 'RSA-SHA1');
    expect(await parse(sha1)).toEqual(refused('bad_signature'));
    expect(await parse(signed(aNotice({ sign_type }), alipay.privateKey))).toEqual(refused('bad_signature'));
  },
);

test.each(['sign', 'sign_type', 'app_id', 'notify_type'])('a notice without %s is malformed', async (name) => {
  const { [name]: value = '', ...rest } = signed(aNotice(), alipay.privateKey);
  expect(await parse(rest)).toEqual(refused('malformed'));
  expect(await parse({ ...rest, [name]: '' })).toEqual(refused('malformed'));
  expect(await parse({ ...rest, [name.toUpperCase()]: value })).toEqual(refused('malformed'));
});

test.each(['out_trade_no', 'trade_no', 'trade_status', 'total_amount', 'seller_id'])(
  'a genuine trade notice without %s settles nothing',
  async (name) => {
    const { [name]: _gone, ...rest } = aNotice();
    expect(await parse(signed(rest, alipay.privateKey))).toEqual(refused('malformed'));
  },
);

test.each(['10.5', '10', '1e3', '-10.50', '+10.50', ' 10.50', '10.500', '0x10', '１０.50', 'NaN'])(
  'the amount %j is not read',
  async (total_amount) => {
    expect(await parse(signed(aNotice({ total_amount }), alipay.privateKey))).toEqual(refused('malformed'));
  },
);

test('an amount that differs by a fen is reported as it was signed, for the payment to refuse', async () => {
  const parsed = await parse(signed(aNotice({ total_amount: '10.51' }), alipay.privateKey));
  expect(parsed).toMatchObject({ value: [{ observation: { amount: { minor: 1051, currency: 'CNY' } } }] });
});

test('an amount in another currency is reported in that currency', async () => {
  const parsed = await parse(signed(aNotice({ trans_currency: 'USD' }), alipay.privateKey));
  expect(parsed).toMatchObject({ value: [{ observation: { amount: { minor: 1050, currency: 'USD' } } }] });
  const unknown = await parse(signed(aNotice({ trans_currency: 'XYZ' }), alipay.privateKey));
  expect(unknown).toMatchObject({ value: [{ observation: { state: 'unclear', amount: null } }] });
});

test.each([
  ['app id', { app_id: '2021000000000002' }],
  ['seller', { seller_id: '2088000000000002' }],
])("a genuine notice of another's %s is foreign", async (_what, set) => {
  expect(await parse(signed(aNotice(set), alipay.privateKey))).toEqual(refused('foreign_account'));
});

test('repeated and array-like fields are refused before anything is verified', async () => {
  const body = new URLSearchParams(signed(aNotice(), alipay.privateKey)).toString();
  expect((await parse(body)).ok).toBe(true);
  expect(await parse(`${body}&total_amount=0.01`)).toEqual(refused('malformed'));
  expect(await parse(`total_amount=0.01&${body}`)).toEqual(refused('malformed'));
  expect(await parse(`${body}&total_amount[]=0.01`)).toEqual(refused('malformed'));
  expect(await parse(`${body}&total_amount%5B0%5D=0.01`)).toEqual(refused('malformed'));
  expect(await parse(`${body}&__proto__=x`)).toEqual(refused('malformed'));
});

test('a body that is empty, cut, too long, not UTF-8 or sent by GET is refused', async () => {
  const adapter = anAdapter();
  const whole = posted(signed(aNotice(), alipay.privateKey));
  const with_ = async (set: object) => (await adapter.parseCallback({ ...whole, ...set }, patient())).ok;
  expect(await with_({})).toBe(true);
  for (const length of [0, 1, 100, whole.body.length >> 1, whole.body.length - 1]) {
    expect(await with_({ body: whole.body.subarray(0, length) }), `${length} bytes`).toBe(false);
  }
  const long = posted(signed(aNotice({ body: 'y'.repeat(70_000) }), alipay.privateKey));
  expect(await with_({ body: long.body }), 'genuine, but too long').toBe(false);
  expect(await with_({ body: Buffer.from([0xff, 0xfe, 0x3d]) })).toBe(false);
  expect(await with_({ method: 'GET', target: `/callbacks?${Buffer.from(whole.body)}` })).toBe(false);
});

test('whatever bytes arrive, the answer is a refusal and never a throw', async () => {
  const adapter = anAdapter();
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.webQueryParameters().map(Buffer.from)),
      async (body) => {
        expect((await adapter.parseCallback({ ...posted(''), body }, patient())).ok).toBe(false);
      },
    ),
    { seed: 2, numRuns: 300 },
  );
});

test('a genuine message that is about no trade concerns no order', async () => {
  const about = aNotice({ notify_type: 'open_app_auth_notify' });
  expect(await parse(signed(about, alipay.privateKey))).toEqual({ ok: true, value: [] });
});

test('an order number of an unknown shape is still reported: the gateway decides', async () => {
  const parsed = await parse(signed(aNotice({ out_trade_no: 'SHOP-1' }), alipay.privateKey));
  expect(parsed).toMatchObject({ value: [{ providerRef: 'SHOP-1' }] });
});

test('the same notice read twice says the same', async () => {
  const adapter = anAdapter();
  const notice = signed(aNotice(), alipay.privateKey);
  expect(await parse(notice, adapter)).toEqual(await parse(notice, adapter));
});

test('only what is durable or of no concern is acknowledged, with exactly the word that Alipay waits for', () => {
  const adapter = anAdapter();
  const success = { status: 200, contentType: 'text/plain', body: 'success' };
  expect(adapter.acknowledge({ kind: 'durable', receipt: issueDurableReceipt() })).toEqual(success);
  expect(adapter.acknowledge({ kind: 'irrelevant' })).toEqual(success);
  const refusal = adapter.acknowledge({ kind: 'refused' });
  expect(refusal.status).toBeGreaterThanOrEqual(400);
  expect(refusal.status).toBeLessThan(500);
  expect(refusal.body).not.toMatch(/success|ok/i);
});
