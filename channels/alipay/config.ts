import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { pemSchema } from '../../src/channel/index.ts';

export const LIVE_GATEWAY = 'https://openapi.alipay.com/gateway.do';

/** Alipay asks for 2048 bits with RSA2; anything shorter is a test key or a truncated one. */
const RSA_BITS_MIN = 2048;

/** One application at Alipay in public-key mode. Certificate mode is not supported (see MAPPING.md). */
export interface AlipayConfig {
  readonly app_id: string;
  /** Our application's private key: PEM, PKCS#8 or PKCS#1. */
  readonly private_key: string;
  /** *Alipay's* public key from the console, not the public half of ours: PEM or the console's bare base64. */
  readonly alipay_public_key: string;
  /** The account that receives the money (PID, `2088...`); every callback must name it. */
  readonly seller_id: string;
  readonly gateway: string;
}

const fields = z.strictObject({
  app_id: z.string().regex(/^\d{16}$/, 'must be the 16 digits of the application (APPID)'),
  private_key: pemSchema('PRIVATE KEY', 'RSA PRIVATE KEY').refine(
    (pem) => isLongRsa(readKey(() => createPrivateKey(pem))),
    `must be an RSA private key of at least ${RSA_BITS_MIN} bits`,
  ),
  alipay_public_key: z
    .string()
    .refine(
      (text) => isLongRsa(readKey(() => readPublicKey(text))),
      `must be Alipay's RSA public key of at least ${RSA_BITS_MIN} bits, as PEM or as the console shows it`,
    ),
  seller_id: z
    .string()
    .regex(/^2088\d{12}$/, 'must be the 16 digits of the receiving account (PID), starting with 2088'),
  gateway: z.url({ protocol: /^https?$/ }).default(LIVE_GATEWAY),
});

export const alipayConfigSchema: z.ZodType<AlipayConfig> = fields.refine(
  (config) => !isOurOwnHalf(config.alipay_public_key, config.private_key),
  {
    path: ['alipay_public_key'],
    error:
      "is the public half of private_key; copy *Alipay's* public key (支付宝公钥) from the console, not the application's",
  },
);

/** PEM or bare base64 of a SubjectPublicKeyInfo. Throws on anything else. */
export function readPublicKey(text: string): KeyObject {
  if (text.includes('-----BEGIN')) return createPublicKey(text);
  return createPublicKey({ key: Buffer.from(text.replaceAll(/\s/g, ''), 'base64'), format: 'der', type: 'spki' });
}

function readKey(read: () => KeyObject): KeyObject | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function isLongRsa(key: KeyObject | null): boolean {
  if (key === null || key.asymmetricKeyType !== 'rsa') return false;
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS_MIN;
}

function isOurOwnHalf(publicText: string, privatePem: string): boolean {
  const theirs = readKey(() => readPublicKey(publicText));
  const ours = readKey(() => createPublicKey(privatePem));
  return theirs !== null && ours !== null && theirs.equals(ours);
}
