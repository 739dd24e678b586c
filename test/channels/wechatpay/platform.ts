import { createCipheriv, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';
import { provider } from '../../../channels/wechatpay/index.ts';
import type { AdapterPorts, ChannelAdapter, RawCallback } from '../../../src/channel/index.ts';

/** A WeChat of the test's own, so that it can say anything, with signatures that are right in every way but one. */
export const NOW = Date.UTC(2026, 0, 1);
export const APP_ID = 'wx0123456789abcdef';
export const MCH_ID = '1900000001';
const API_V3_KEY = '0123456789abcdef0123456789abcdef';
const PUBLIC_KEY_ID = 'PUB_KEY_ID_0000000001';
export const REF = '01j0000000000000000000000001';
export const REFUND_REF = `${REF}r001`;
export const TRADE_NO = '4200000000202601010000000001';
export const REFUND_NO = '50300000002026010100000000001';

const merchant = generateKeyPairSync('rsa', { modulusLength: 2048 });
const platform = generateKeyPairSync('rsa', { modulusLength: 2048 });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });

export const strangerKey = stranger.privateKey;
export const merchantPublicKey = merchant.publicKey;

/** Credentials that fit this platform. */
export function someCredentials(set: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    appid: APP_ID,
    mchid: MCH_ID,
    serial_no: '5F0A1B2C3D4E5F60718293A4B5C6D7E8F9012345',
    private_key: merchant.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    api_v3_key: API_V3_KEY,
    public_key_id: PUBLIC_KEY_ID,
    public_key: platform.publicKey.export({ type: 'spki', format: 'pem' }),
    base_url: 'http://127.0.0.1:9',
    ...set,
  };
}

export function openAdapter(
  set: Record<string, unknown> = {},
  now = () => NOW,
  record: AdapterPorts['record'] = () => {},
): ChannelAdapter {
  const config = provider.configSchema.parse(someCredentials(set));
  const adapter = provider.openAdapter(config, { now, randomBytes: (size) => Buffer.alloc(size, 0xa5), record });
  onTestFinished(() => adapter.dispose());
  return adapter;
}

export interface Signing {
  readonly at?: number;
  readonly key?: KeyObject;
  readonly serial?: string;
}

/** The headers with which the platform signs a body. */
export function signedHeaders(
  body: string,
  { at = NOW, key = platform.privateKey, serial = PUBLIC_KEY_ID }: Signing = {},
) {
  const timestamp = String(Math.floor(at / 1000));
  const nonce = 'd824f2e086d3c1df967785d13fcd22ef';
  return {
    'wechatpay-timestamp': timestamp,
    'wechatpay-nonce': nonce,
    'wechatpay-serial': serial,
    'wechatpay-signature': sign('RSA-SHA256', Buffer.from(`${timestamp}\n${nonce}\n${body}\n`), key).toString('base64'),
    'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
  };
}

export function encrypt(plain: string, key = API_V3_KEY, associatedData = 'transaction') {
  const nonce = 'abcdef123456';
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key), nonce);
  cipher.setAAD(Buffer.from(associatedData));
  const bytes = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const ciphertext = bytes.toString('base64');
  return {
    original_type: associatedData,
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext,
    associated_data: associatedData,
    nonce,
  };
}

export function aTransaction(set: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    appid: APP_ID,
    mchid: MCH_ID,
    out_trade_no: REF,
    transaction_id: TRADE_NO,
    trade_type: 'NATIVE',
    trade_state: 'SUCCESS',
    trade_state_desc: '支付成功',
    success_time: '2026-01-01T08:00:00+08:00',
    payer: { openid: 'o-someone' },
    amount: { total: 100, payer_total: 100, currency: 'CNY', payer_currency: 'CNY' },
    ...set,
  };
}

/** What a refund and its query answer. */
export function aRefund(set: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    refund_id: REFUND_NO,
    out_refund_no: REFUND_REF,
    transaction_id: TRADE_NO,
    out_trade_no: REF,
    channel: 'ORIGINAL',
    user_received_account: '支付用户零钱',
    success_time: '2026-01-01T08:00:00+08:00',
    create_time: '2026-01-01T07:59:00+08:00',
    status: 'SUCCESS',
    amount: { total: 100, refund: 40, payer_total: 100, payer_refund: 40, currency: 'CNY' },
    ...set,
  };
}

/** What a refund callback carries inside. */
export function aRefundNotice(set: Record<string, unknown> = {}): Record<string, unknown> {
  const { status, amount: _amount, channel: _channel, create_time: _createTime, ...rest } = aRefund();
  return {
    mchid: MCH_ID,
    ...rest,
    refund_status: status,
    amount: { total: 100, refund: 40, payer_total: 100, payer_refund: 40 },
    ...set,
  };
}

/** A body as WeChat posts it for a refund. */
export function aRefundBody(plain: unknown = aRefundNotice(), set: Record<string, unknown> = {}): string {
  const resource = encrypt(typeof plain === 'string' ? plain : JSON.stringify(plain), undefined, 'refund');
  return aNotice(undefined, { event_type: 'REFUND.SUCCESS', summary: '退款成功', resource, ...set });
}

/** A body as WeChat posts it. */
export function aNotice(transaction: unknown = aTransaction(), set: Record<string, unknown> = {}): string {
  return JSON.stringify({
    id: 'EV-2026010100000000001',
    create_time: '2026-01-01T08:00:01+08:00',
    resource_type: 'encrypt-resource',
    event_type: 'TRANSACTION.SUCCESS',
    summary: '支付成功',
    resource: encrypt(typeof transaction === 'string' ? transaction : JSON.stringify(transaction)),
    ...set,
  });
}

export function aCallback(
  body = aNotice(),
  set: { signing?: Signing; headers?: Record<string, string[]> } = {},
): RawCallback {
  const headers = new Map(Object.entries(signedHeaders(body, set.signing)).map(([name, value]) => [name, [value]]));
  for (const [name, values] of Object.entries(set.headers ?? {})) headers.set(name, values);
  return { method: 'POST', target: '/callbacks/wechatpay-main/t', headers, body: Buffer.from(body), receivedAt: NOW };
}

export interface ScriptedAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Record<string, string>;
}

export const signedAnswer = (status: number, body: string, signing: Signing = {}): ScriptedAnswer => ({
  status,
  body,
  headers: signedHeaders(body, signing),
});

/** A server that answers as it is told; `calls` counts the requests by method and path. */
export async function startScripted(answer: (request: IncomingMessage) => ScriptedAnswer) {
  const calls: string[] = [];
  const sockets = new Set<unknown>();
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url?.split('?')[0]}`);
    sockets.add(request.socket);
    const { status, body, headers = {} } = answer(request);
    request.resume().once('end', () => response.writeHead(status, headers).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the scripted server has no port');
  return { url: `http://127.0.0.1:${address.port}`, calls, sockets };
}
