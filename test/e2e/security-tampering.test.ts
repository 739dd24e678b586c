import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { form, type Message, signedByWechat } from './forger.ts';
import { openStage, patient, type Stage } from './stage.ts';
import { ALIPAY, aTarget, expectPaid, expectRefused, keysFor, refusals, STRIPE, success, WECHAT } from './targets.ts';

/** Messages that are nearly right. The forger of these tests holds the providers' own keys: see security.test.ts. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
});
afterAll(() => stage.stop());

const MINUTE_MS = 60_000;

const withHeader = (message: Message, name: string, value: string | readonly string[]): Message => ({
  ...message,
  headers: { ...message.headers, [name]: value },
});
const withoutHeader = (message: Message, name: string): Message => ({
  ...message,
  headers: Object.fromEntries(Object.entries(message.headers).filter(([key]) => key !== name)),
});
const header = (message: Message, name: string): string => String(message.headers[name]);
const fieldsOf = (message: Message): Record<string, string> => Object.fromEntries(new URLSearchParams(message.body));

describe('row 5: tricks with types are refused', () => {
  test('Alipay: arrays and doubled fields, around a signature that is valid without them', async () => {
    const target = await aTarget(stage, ALIPAY);
    const message = success(stage, target);
    const { out_trade_no, total_amount, sign } = fieldsOf(message);
    const tricks = [
      `${message.body}&total_amount=${total_amount}`,
      `total_amount=0.01&${message.body}`,
      `${message.body}&out_trade_no=${out_trade_no}`,
      `${message.body}&sign=${encodeURIComponent(sign ?? '')}`,
      `${message.body}&total_amount[]=0.01`,
      `${message.body}&trade_status[x]=TRADE_SUCCESS`,
      message.body.replace('total_amount=', 'total_amount[]='),
      message.body.replace('out_trade_no=', 'out_trade_no[]='),
      `${message.body}&__proto__=x`,
      `${message.body}&extra=1`,
    ];
    for (const body of tricks) await expectRefused(stage, target, { ...message, body });
  });

  test.each(['10', '10.0', '10.000', '1e1', ' 10.00', '+10.00', '０１０.00', '10,00', '', 'NaN', '-10.00', '0x0A.00'])(
    'Alipay: %j is no amount, also when signed',
    async (total_amount) => {
      const target = await aTarget(stage, ALIPAY);
      await expectRefused(stage, target, success(stage, target, { set: { total_amount } }));
    },
  );

  const jsonNumbers: readonly unknown[] = ['1000', [1000], { total: 1000 }, 1000.5, 1e300, null, true, -1000, 0];
  test.each(jsonNumbers)('WeChat and Stripe: %j is no amount, also when signed', async (amount) => {
    const wechat = await aTarget(stage, WECHAT);
    const told = { amount: { total: amount, currency: 'CNY' } };
    await expectRefused(stage, wechat, success(stage, wechat, { set: told }));
    const stripe = await aTarget(stage, STRIPE);
    await expectRefused(stage, stripe, success(stage, stripe, { set: { amount_total: amount } }));
  });

  test('an order number, a status or an account as a list is refused, also when signed', async () => {
    const wechat = await aTarget(stage, WECHAT);
    const { providerRef } = wechat;
    const { mchid } = keysFor(stage, WECHAT.channel);
    for (const set of [{ out_trade_no: [providerRef] }, { trade_state: ['SUCCESS'] }, { mchid: [mchid] }]) {
      await expectRefused(stage, wechat, success(stage, wechat, { set }));
    }
    const stripe = await aTarget(stage, STRIPE);
    const metadata = { provider_ref: [stripe.providerRef] };
    for (const set of [{ metadata }, { payment_status: ['paid'] }, { currency: ['cny'] }]) {
      await expectRefused(stage, stripe, success(stage, stripe, { set }));
    }
  });
});

describe('row 6: only the very signature counts', () => {
  const PROOFS = [
    ['wechatpay-signature', WECHAT],
    ['stripe-signature', STRIPE],
  ] as const;

  const spoilt = (proof: string): readonly string[] => [
    proof.toLowerCase() === proof ? proof.toUpperCase() : proof.toLowerCase(),
    proof.toUpperCase() === proof ? proof.toLowerCase() : proof.toUpperCase(),
    proof.slice(0, -1),
    proof.slice(0, proof.length / 2),
    `${proof}A`,
    '0e462097431906509019562988736854',
    '0',
    'true',
  ];

  test('Alipay: re-cased, cut, lengthened', async () => {
    const target = await aTarget(stage, ALIPAY);
    const fields = fieldsOf(success(stage, target));
    for (const sign of spoilt(fields.sign ?? '')) await expectRefused(stage, target, form({ ...fields, sign }));
  });

  test.each(PROOFS)('%s: re-cased, cut, lengthened, doubled', async (name, line) => {
    const target = await aTarget(stage, line);
    const message = success(stage, target);
    const proof = header(message, name);
    for (const value of spoilt(proof)) await expectRefused(stage, target, withHeader(message, name, value));
    await expectRefused(stage, target, withHeader(message, name, [proof, proof]));
  });
});

describe('row 11: what lacks a required part is refused', () => {
  test('Alipay: each field, the rest validly signed', async () => {
    const target = await aTarget(stage, ALIPAY);
    const { sign: _sign, ...fields } = fieldsOf(success(stage, target));
    await expectRefused(stage, target, form(fields));
    const required = ['app_id', 'seller_id', 'out_trade_no', 'trade_no', 'trade_status', 'total_amount'];
    for (const name of required) {
      await expectRefused(stage, target, success(stage, target, { set: { [name]: undefined } }));
      await expectRefused(stage, target, success(stage, target, { set: { [name]: '' } }));
    }
  });

  test.each(['timestamp', 'nonce', 'serial', 'signature'])('WeChat: the header %s', async (part) => {
    const target = await aTarget(stage, WECHAT);
    const message = success(stage, target);
    const name = `wechatpay-${part}`;
    await expectRefused(stage, target, withoutHeader(message, name));
    await expectRefused(stage, target, withHeader(message, name, ''));
    await expectRefused(stage, target, withHeader(message, name, [header(message, name), header(message, name)]));
  });

  test('WeChat: each field of a success, validly signed', async () => {
    const target = await aTarget(stage, WECHAT);
    for (const name of ['appid', 'mchid', 'out_trade_no', 'trade_state', 'transaction_id', 'amount']) {
      await expectRefused(stage, target, success(stage, target, { set: { [name]: undefined } }));
    }
  });

  test('Stripe: the header, and each field of a success, validly signed', async () => {
    const target = await aTarget(stage, STRIPE);
    await expectRefused(stage, target, withoutHeader(success(stage, target), 'stripe-signature'));
    for (const name of ['status', 'payment_status', 'amount_total', 'currency', 'payment_intent']) {
      await expectRefused(stage, target, success(stage, target, { set: { [name]: undefined } }));
    }
    for (const name of ['id', 'type', 'data', 'livemode']) {
      await expectRefused(stage, target, success(stage, target, {}, { envelope: { [name]: undefined } }));
    }
  });
});

describe('row 12: the sender does not choose the algorithm', () => {
  test.each(['RSA', 'MD5', 'HMAC-SHA256', 'none', ''])('Alipay: sign_type %j', async (sign_type) => {
    const target = await aTarget(stage, ALIPAY);
    await expectRefused(stage, target, success(stage, target, { set: { sign_type } }));
  });

  test('WeChat: another Wechatpay-Signature-Type', async () => {
    const target = await aTarget(stage, WECHAT);
    for (const type of ['WECHATPAY2-SM2-WITH-SM3', 'MD5', 'none', '']) {
      const message = withHeader(success(stage, target), 'wechatpay-signature-type', type);
      await expectRefused(stage, target, message);
    }
  });

  test('Stripe: a scheme other than v1', async () => {
    const target = await aTarget(stage, STRIPE);
    const message = success(stage, target);
    const proof = header(message, 'stripe-signature');
    for (const scheme of ['v0=', 'v2=', 'V1=', '']) {
      await expectRefused(stage, target, withHeader(message, 'stripe-signature', proof.replace('v1=', scheme)));
    }
  });
});

describe.each([WECHAT, STRIPE])('row 13: at $channel', (line) => {
  test('a valid signature from more than five minutes ago or ahead is refused', async () => {
    const target = await aTarget(stage, line);
    for (const minutes of [-60 * 24, -6, 6, 60]) {
      const at = Date.now() + minutes * MINUTE_MS;
      await expectRefused(stage, target, success(stage, target, {}, { at }));
    }
    await expectPaid(stage, target, success(stage, target, {}, { at: Date.now() - 3 * MINUTE_MS }));
  });
});

describe('row 14: decrypting is no proof', () => {
  test('a content that decrypts, under a signature of another key, is refused', async () => {
    const target = await aTarget(stage, WECHAT);
    const { merchantPrivateKey } = keysFor(stage, WECHAT.channel);
    await expectRefused(stage, target, success(stage, target, {}, { key: String(merchantPrivateKey) }));
  });

  test('a valid signature around a content that does not decrypt, or is not encrypted, is refused', async () => {
    const target = await aTarget(stage, WECHAT);
    const keys = keysFor(stage, WECHAT.channel);
    const envelope = JSON.parse(success(stage, target).body);
    const { resource } = envelope;
    const plain = JSON.stringify({ out_trade_no: target.providerRef, trade_state: 'SUCCESS' });
    for (const spoilt of [
      { ...resource, nonce: '000000000000' },
      { ...resource, associated_data: 'refund' },
      { ...resource, algorithm: 'NONE' },
      { ...resource, ciphertext: Buffer.from(plain).toString('base64') },
      { ...resource, ciphertext: resource.ciphertext.replace(/^./, (c: string) => (c === 'A' ? 'B' : 'A')) },
    ]) {
      const body = JSON.stringify({ ...envelope, resource: spoilt });
      await expectRefused(stage, target, signedByWechat(keys, body));
    }
  });

  test("the provider's probe with a wrong signature is refused, and the true notice after it is taken", async () => {
    const target = await aTarget(stage, WECHAT);
    const message = success(stage, target);
    const before = await refusals(stage, WECHAT.channel);
    const probe = `WECHATPAY/SIGNTEST/${header(message, 'wechatpay-signature')}`;
    await expectRefused(stage, target, withHeader(message, 'wechatpay-signature', probe));
    expect((await refusals(stage, WECHAT.channel)) - before).toBe(1);
    await expectPaid(stage, target, message);
  });
});
