import { createHash, createPrivateKey, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { rsaSignature } from '../../src/channel/index.ts';
import type { EpayConfig } from './config.ts';
import type { Fields } from './fields.ts';

/** How far the signed time of V2 may be from ours, both ways. */
const WINDOW_MS = 300_000;

/** The two ways to sign; which one is used is decided by the configuration, never by the sender. */
export interface Signer {
  readonly signType: 'MD5' | 'RSA';
  /** The fields with `sign` and `sign_type`, and in V2 with the time. */
  sign(fields: Fields, nowMs: number): Promise<Fields>;
  /** `sign` and `sign_type` have to be there. In V2 the time is looked at last, since only then it is known to be theirs. */
  verify(fields: Fields, nowMs: number): 'genuine' | 'bad_signature' | 'stale';
}

export function openSigner(config: EpayConfig): Signer {
  if (config.version === 'v1') return md5Signer(config.key);
  const privateKey = createPrivateKey(config.private_key);
  const platformKey = createPublicKey(config.platform_public_key);
  return {
    signType: 'RSA',
    async sign(fields, nowMs) {
      const timed = new Map([...fields, ['timestamp', String(Math.floor(nowMs / 1000))]]);
      const proof = await rsaSignature(textToSign(timed), privateKey);
      return new Map([...timed, ['sign', proof], ['sign_type', 'RSA']]);
    },
    verify(fields, nowMs) {
      const given = fields.get('sign') ?? '';
      if (fields.get('sign_type') !== 'RSA' || !/^[A-Za-z0-9+/]{300,700}={0,2}$/.test(given)) return 'bad_signature';
      const bytes = Buffer.from(given, 'base64');
      if (!verify('RSA-SHA256', Buffer.from(textToSign(fields)), platformKey, bytes)) return 'bad_signature';
      const time = fields.get('timestamp') ?? '';
      const isFresh = /^\d{10}$/.test(time) && Math.abs(nowMs - Number(time) * 1000) <= WINDOW_MS;
      return isFresh ? 'genuine' : 'stale';
    },
  };
}

function md5Signer(key: string): Signer {
  const digest = (fields: Fields) => md5Of(fields, key);
  return {
    signType: 'MD5',
    sign: async (fields) => new Map([...fields, ['sign', digest(fields)], ['sign_type', 'MD5']]),
    verify(fields) {
      const given = fields.get('sign') ?? '';
      if (fields.get('sign_type') !== 'MD5' || !/^[0-9a-f]{32}$/.test(given)) return 'bad_signature';
      const isOurs = timingSafeEqual(Buffer.from(given, 'hex'), Buffer.from(digest(fields), 'hex'));
      return isOurs ? 'genuine' : 'bad_signature';
    },
  };
}

/** @see epay's "MD5签名算法": the text to sign with the key directly behind it, in lower-case hex */
export function md5Of(fields: Fields, key: string): string {
  if (key === '') throw new Error('epay: an empty key signs nothing');
  return createHash('md5')
    .update(textToSign(fields) + key)
    .digest('hex');
}

/** All fields that have a value, but the proof itself, by name in byte order, raw: nothing is escaped. */
function textToSign(fields: Fields): string {
  return [...fields]
    .filter(([name, value]) => value !== '' && name !== 'sign' && name !== 'sign_type')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/**
 * Whether a signed text could be cut into other fields than these: since nothing is escaped, a value with `&` in it may have been
 * fields of its own when it was signed, and the other way round. We never send one, so a true notice has none.
 */
export function isAmbiguous(fields: Fields): boolean {
  return [...fields.values()].some((value) => value.includes('&'));
}
