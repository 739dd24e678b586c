import { createPrivateKey, createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { pemSchema, secretSchema } from '../../src/channel/index.ts';

/** Where WeChat Pay lives. The far fallback `https://api2.mch.weixin.qq.com` needs no other signing rule. */
const LIVE_BASE_URL = 'https://api.mch.weixin.qq.com';

/** One merchant account. `public_key_id` and `public_key` come together or not at all. */
export interface WechatPayConfig {
  readonly appid: string;
  readonly mchid: string;
  /** Serial number (hex) of the merchant's API certificate, whose private key signs our requests. */
  readonly serial_no: string;
  readonly private_key: string;
  /** Decrypts callbacks and platform certificates: exactly 32 ASCII characters. */
  readonly api_v3_key: string;
  /** `PUB_KEY_ID_...` of the platform public key; without it the platform certificates are fetched. */
  readonly public_key_id?: string | undefined;
  readonly public_key?: string | undefined;
  /** Origin and optional path prefix, without a trailing slash; the prefix is part of what is signed. */
  readonly base_url: string;
}

/** The `credentials` of a WeChat Pay channel. Messages never repeat a value. */
export const wechatPayConfigSchema: z.ZodType<WechatPayConfig> = z
  .strictObject({
    appid: z.string().regex(/^wx[0-9A-Za-z]{8,30}$/, 'must be the app id, wx...'),
    mchid: z.string().regex(/^\d{8,16}$/, 'must be the merchant number, 8-16 digits'),
    serial_no: z
      .string()
      .regex(/^[0-9A-Fa-f]{16,64}$/, "must be the hex serial number of the merchant's API certificate"),
    private_key: pemSchema('PRIVATE KEY', 'RSA PRIVATE KEY').refine(
      (pem) => isRsa(() => createPrivateKey(pem)),
      'must be a readable RSA private key of at least 2048 bits',
    ),
    api_v3_key: secretSchema(32).refine(
      (text) => /^[\x21-\x7e]{32}$/.test(text),
      'must be exactly 32 ASCII characters; it is set under API security in the merchant platform',
    ),
    public_key_id: z
      .string()
      .regex(/^PUB_KEY_ID_[0-9A-Za-z]{6,64}$/, 'must be the id of the platform public key, PUB_KEY_ID_...')
      .optional(),
    public_key: pemSchema('PUBLIC KEY')
      .refine((pem) => isRsa(() => createPublicKey(pem)), 'must be a readable RSA public key of at least 2048 bits')
      .optional(),
    base_url: z
      .url({ protocol: /^https?$/ })
      .refine(isSafeBase, 'must be https for WeChat itself, without query')
      .default(LIVE_BASE_URL),
  })
  .refine((config) => (config.public_key_id === undefined) === (config.public_key === undefined), {
    path: ['public_key'],
    message: 'public_key_id and public_key come together: give both or neither',
  })
  .transform((config) => ({ ...config, base_url: config.base_url.replace(/\/+$/, '') }));

function isRsa(load: () => ReturnType<typeof createPublicKey>): boolean {
  try {
    const key = load();
    return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
  } catch {
    return false;
  }
}

function isSafeBase(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.search !== '' || url.hash !== '' || url.username !== '') return false;
  return url.protocol === 'https:' || !url.hostname.endsWith('weixin.qq.com');
}
