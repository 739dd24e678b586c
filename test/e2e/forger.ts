import { createCipheriv, createHmac, randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';

/** What a signed message says of one order. */
export interface Claim {
  readonly providerRef: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly tradeNo: string;
  /** Replaces fields of the content before it is signed; undefined leaves one out. */
  readonly set?: Readonly<Record<string, unknown>>;
}

/** How a message departs from what its provider would send; the signature is valid unless this says otherwise. */
export interface Craft {
  /** The time that is signed, for the providers that sign one; epoch milliseconds. */
  readonly at?: number;
  /** Another key than the provider's: a PEM text, or for Stripe a secret. */
  readonly key?: string;
  /** Replaces fields around the content: of WeChat's envelope, of Stripe's event. */
  readonly envelope?: Readonly<Record<string, unknown>>;
}

/** One message as it goes over the wire; a list of values is one header sent so often. */
export interface Message {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}

export type SignClaim = (keys: Keys, claim: Claim, craft?: Craft) => Message;

const keysSchema = z.object({ keys: z.record(z.string(), z.unknown()) });
type Keys = z.infer<typeof keysSchema>['keys'];

/** The keys of a simulated account, the provider's own among them, as its simulator keeps them. */
export function keysOf(sandboxDir: string, channel: string): Keys {
  return keysSchema.parse(JSON.parse(readFileSync(join(sandboxDir, `${channel}.keys.json`), 'utf8'))).keys;
}

/** A notice of Alipay. @see https://opendocs.alipay.com/open/203/105286 */
export const alipayNotice: SignClaim = (keys, claim, craft = {}) => {
  const fields = present({
    notify_time: '2026-01-31 08:00:00',
    notify_type: 'trade_status_sync',
    notify_id: randomBytes(16).toString('hex'),
    app_id: keys.appId,
    charset: 'utf-8',
    version: '1.0',
    sign_type: 'RSA2',
    trade_no: claim.tradeNo,
    out_trade_no: claim.providerRef,
    seller_id: keys.sellerId,
    trade_status: 'TRADE_SUCCESS',
    total_amount: (claim.amountMinor / 100).toFixed(2),
    gmt_payment: '2026-01-31 08:00:00',
    ...(claim.currency === 'CNY' ? {} : { trans_currency: claim.currency }),
    ...claim.set,
  });
  const text = Object.keys(fields)
    .filter((name) => name !== 'sign_type')
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join('&');
  const key = craft.key ?? String(keys.alipayPrivateKey);
  const signed = { ...fields, sign: sign('sha256', Buffer.from(text), key).toString('base64') };
  return form(signed);
};

/** A body of form fields. */
export function form(fields: Readonly<Record<string, unknown>>): Message {
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const text = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
  const body = new URLSearchParams(text).toString();
  return { method: 'POST', headers, body };
}

/** A payment notice of WeChat Pay v3. @see https://pay.weixin.qq.com/doc/v3/merchant/4012075420 */
export const wechatNotice: SignClaim = (keys, claim, craft = {}) => {
  const transaction = present({
    appid: keys.appid,
    mchid: keys.mchid,
    out_trade_no: claim.providerRef,
    transaction_id: claim.tradeNo,
    trade_type: 'NATIVE',
    trade_state: 'SUCCESS',
    trade_state_desc: '支付成功',
    bank_type: 'OTHERS',
    success_time: '2026-01-31T08:00:00+08:00',
    payer: { openid: 'oSandboxBuyer0000000000000000' },
    amount: { total: claim.amountMinor, payer_total: claim.amountMinor, currency: claim.currency },
    ...claim.set,
  });
  const envelope = {
    id: 'f0000000-0000-5000-9000-000000000000',
    create_time: '2026-01-31T08:00:00+08:00',
    resource_type: 'encrypt-resource',
    event_type: 'TRANSACTION.SUCCESS',
    summary: '支付成功',
    resource: encrypted(JSON.stringify(transaction), String(keys.apiV3Key)),
    ...craft.envelope,
  };
  return signedByWechat(keys, JSON.stringify(envelope), craft);
};

/** The headers under which WeChat sends a body. */
export function signedByWechat(keys: Keys, body: string, { at = Date.now(), key }: Craft = {}): Message {
  const timestamp = String(Math.floor(at / 1000));
  const nonce = randomBytes(16).toString('hex');
  const text = Buffer.from(`${timestamp}\n${nonce}\n${body}\n`);
  const headers = {
    'content-type': 'application/json',
    'wechatpay-timestamp': timestamp,
    'wechatpay-nonce': nonce,
    'wechatpay-serial': String(keys.publicKeyId),
    'wechatpay-signature': sign('RSA-SHA256', text, key ?? String(keys.platformPrivateKey)).toString('base64'),
    'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
  };
  return { method: 'POST', headers, body };
}

function encrypted(plain: string, apiV3Key: string): Record<string, string> {
  const nonce = randomBytes(6).toString('hex');
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(apiV3Key), nonce);
  cipher.setAAD(Buffer.from('transaction'));
  const bytes = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return {
    original_type: 'transaction',
    algorithm: 'AEAD_AES_256_GCM',
    nonce,
    associated_data: 'transaction',
    ciphertext: bytes.toString('base64'),
  };
}

/** A `checkout.session.completed` event of Stripe. @see https://docs.stripe.com/webhooks/signature */
export const stripeEvent: SignClaim = (keys, claim, craft = {}) => {
  const at = Math.floor((craft.at ?? Date.now()) / 1000);
  const session = present({
    id: `cs_test_${randomBytes(12).toString('hex')}`,
    object: 'checkout.session',
    livemode: false,
    created: at,
    status: 'complete',
    payment_status: 'paid',
    amount_total: claim.amountMinor,
    currency: claim.currency.toLowerCase(),
    client_reference_id: claim.providerRef,
    metadata: { provider_ref: claim.providerRef },
    payment_intent: claim.tradeNo,
    url: null,
    ...claim.set,
  });
  const event = present({
    id: `evt_${randomBytes(12).toString('hex')}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    created: at,
    livemode: false,
    type: 'checkout.session.completed',
    data: { object: session },
    ...craft.envelope,
  });
  const body = JSON.stringify(event);
  const proof = createHmac('sha256', craft.key ?? String(keys.webhookSecret)).update(`${at}.${body}`);
  const headers = { 'content-type': 'application/json', 'stripe-signature': `t=${at},v1=${proof.digest('hex')}` };
  return { method: 'POST', headers, body };
};

function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Sends a message byte for byte, repeated headers and all. */
export function deliver(
  url: string,
  { method, headers, body }: Omit<Message, 'body'> & { readonly body: string | Uint8Array },
): Promise<{ readonly status: number; readonly contentType: string; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body);
    const { host, port } = new URL(url);
    // Not through URL: that would tidy up what is meant to be untidy.
    const path = url.slice(url.indexOf(host) + host.length);
    const sending = request({ host: '127.0.0.1', port, path, method, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          contentType: answer.headers['content-type'] ?? '',
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
      answer.on('error', reject);
    });
    sending.on('error', reject);
    sending.setHeader('content-length', bytes.length);
    for (const [name, value] of Object.entries(headers)) sending.setHeader(name, value);
    sending.end(bytes);
  });
}
