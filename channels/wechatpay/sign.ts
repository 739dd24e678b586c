import { createPrivateKey, type KeyObject } from 'node:crypto';
import WxPay from 'wechatpay-node-v3';
import { type AdapterPorts, type OutgoingRequest, rsaSignature } from '../../src/channel/index.ts';
import type { WechatPayConfig } from './config.ts';

/** The host that the library writes into every URL. */
const LITERAL_HOST = 'https://api.mch.weixin.qq.com';

/** Stands in a header until the signature is there. */
const SIGNATURE = '{signature}';

/** One of the library's methods, called for the request that it builds. */
export type BuildRequest = (sdk: RequestBuilder) => Promise<unknown>;

/**
 * The library as a builder of signed requests. Its own `buildAuthorization` signs the path without our prefix, takes its nonce
 * from Math.random and reads the machine's clock; WeChat signs over the path that was really sent. So that one step is
 * replaced, and still made of the library's parts (`getSignature`, `getAuthorization`).
 */
class RequestBuilder extends WxPay {
  readonly #prefix: string;
  readonly #ports: AdapterPorts;
  /** What the request's signature has to be made over; empty until there is a request. */
  textToSign = '';

  constructor(config: WechatPayConfig, ports: AdapterPorts) {
    super({
      appid: config.appid,
      mchid: config.mchid,
      serial_no: config.serial_no,
      privateKey: Buffer.from(config.private_key),
      // Only read to find a missing serial number, but the library insists on something.
      publicKey: Buffer.from('unused'),
      userAgent: 'switchyard',
    });
    this.#prefix = prefixOf(config);
    this.#ports = ports;
  }

  /** The library signs on the event loop, with the text of the key that OpenSSL then reads again: `signRequest` does it instead. */
  override sha256WithRsa(data: string): string {
    this.textToSign = data;
    return SIGNATURE;
  }

  /** `GET /v3/certificates`, which the library offers only together with its own decryption and cache. */
  async certificates(): Promise<unknown> {
    const url = `${LITERAL_HOST}/v3/certificates`;
    return this.httpService.get(url, this.getHeaders(this.buildAuthorization('GET', url)));
  }

  /** `GET /v3/merchant/fund/balance/BASIC`, which the library does not have. */
  async balance(): Promise<unknown> {
    const url = `${LITERAL_HOST}/v3/merchant/fund/balance/BASIC`;
    return this.httpService.get(url, this.getHeaders(this.buildAuthorization('GET', url)));
  }

  protected override buildAuthorization(method: string, url: string, params?: Record<string, unknown>): string {
    const nonce = Buffer.from(this.#ports.randomBytes(16)).toString('hex').toUpperCase();
    const timestamp = String(Math.floor(this.#ports.now() / 1000));
    const path = this.#prefix + url.replace(LITERAL_HOST, '');
    return this.getAuthorization(nonce, timestamp, this.getSignature(method, nonce, timestamp, path, params));
  }
}

/** Has the library build and sign one request. Nothing is sent, and the library never sees an answer. */
export async function signRequest(
  config: WechatPayConfig,
  ports: AdapterPorts,
  build: BuildRequest,
): Promise<OutgoingRequest> {
  const sdk = new RequestBuilder(config, ports);
  let built: OutgoingRequest | undefined;
  const keep = (method: 'GET' | 'POST', url: string, headers: Record<string, unknown>, body: string | null) => {
    built = {
      method,
      path: prefixOf(config) + url.replace(LITERAL_HOST, ''),
      headers: ownHeaders(headers, config),
      body,
    };
    return Promise.resolve({ status: 0 });
  };
  sdk.createHttp({
    get: (url, headers) => keep('GET', url, headers, null),
    // The same serialisation as in the library's getSignature.
    post: (url, params, headers) => keep('POST', url, headers, JSON.stringify(params)),
    upload: () => Promise.reject(new Error('wechatpay: nothing is uploaded')),
  });
  await build(sdk);
  if (!built) throw new Error('wechatpay: the library built no request');
  const signature = await rsaSignature(sdk.textToSign, keyOf(config));
  const { authorization = '' } = built.headers;
  return { ...built, headers: { ...built.headers, authorization: authorization.replace(SIGNATURE, signature) } };
}

/** The keys that have been read, for as long as their configurations live. */
const keys = new WeakMap<WechatPayConfig, KeyObject>();

function keyOf(config: WechatPayConfig): KeyObject {
  const known = keys.get(config);
  if (known) return known;
  const key = createPrivateKey(config.private_key);
  keys.set(config, key);
  return key;
}

function ownHeaders(headers: Record<string, unknown>, config: WechatPayConfig): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) kept[name.toLowerCase()] = String(value);
  // The signature is made over the plain body, so no compression that would have to be undone first.
  kept['accept-encoding'] = 'identity';
  if (config.public_key_id !== undefined) kept['wechatpay-serial'] = config.public_key_id;
  return kept;
}

function prefixOf(config: WechatPayConfig): string {
  return new URL(config.base_url).pathname.replace(/\/$/, '');
}
