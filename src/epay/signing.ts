import { createHash, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';
import type { EpaySign } from '../payment/index.ts';
import type { Parameters } from './parameters.ts';

/** What stays out of the string that is signed. */
const UNSIGNED: ReadonlySet<string> = new Set(['sign', 'sign_type']);

type Keep = (value: string) => boolean;

const isNotBlank: Keep = (value) => value.trim() !== '';

/**
 * The string that is signed: every parameter but `sign` and `sign_type`, in the byte order of their names, as `name=value` joined
 * with `&`, nothing escaped. Values that `keep` does not want are left out; normally the blank ones.
 */
export function signingString(parameters: Iterable<readonly [string, string]>, keep: Keep = isNotBlank): string {
  return [...parameters]
    .filter(([name, value]) => !UNSIGNED.has(name) && keep(value))
    .map(([name, value]) => ({ bytes: Buffer.from(name), text: `${name}=${value}` }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ text }) => text)
    .join('&');
}

/** The names that a request signs, for whoever looks for what is wrong with it; never a value. */
export function signedNames(parameters: Parameters): readonly string[] {
  return [...parameters].filter(([name, value]) => !UNSIGNED.has(name) && isNotBlank(value)).map(([name]) => name);
}

/**
 * What clients leave out of the string beside the blank values: those that take "0" for empty, those that leave out nothing but the
 * empty, and those that leave out nothing at all.
 */
const CUSTOMS: readonly Keep[] = [
  isNotBlank,
  (value) => isNotBlank(value) && value !== '0',
  (value) => value !== '',
  () => true,
];

/** The strings that a client may have signed, most likely first. */
export function signableStrings(parameters: Parameters): readonly string[] {
  return [...new Set(CUSTOMS.map((keep) => signingString(parameters, keep)))];
}

export function digestOf(kind: 'md5' | 'sha256', text: string): Buffer {
  return createHash(kind).update(text, 'utf8').digest();
}

/** Whether a digest in hexadecimal is that of the text followed by the key; in constant time. */
export function isSignedWithKey(kind: 'md5' | 'sha256', text: string, key: string, hex: string): boolean {
  // An empty key would let anybody sign.
  if (key === '') return false;
  const digest = digestOf(kind, text + key);
  const given = /^[0-9a-f]+$/i.test(hex) ? Buffer.from(hex, 'hex') : Buffer.alloc(0);
  return given.length === digest.length && timingSafeEqual(given, digest);
}

/** SHA256withRSA (PKCS#1 v1.5), the signature in base64. */
export function isSignedWithRsa(text: string, publicKey: KeyObject, base64: string): boolean {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return false;
  return verify('RSA-SHA256', Buffer.from(text, 'utf8'), publicKey, Buffer.from(base64, 'base64'));
}

/** What signs for the platform: the merchant's key, or our own private key. */
export type Signer =
  | { readonly sign: 'md5' | 'sha256'; readonly key: string }
  | { readonly sign: 'rsa'; readonly privateKey: KeyObject };

/** The parameters with `sign` and `sign_type` at their end, as they are sent. */
export function signed(
  parameters: readonly (readonly [string, string])[],
  signer: Signer,
): readonly (readonly [string, string])[] {
  const text = signingString(parameters);
  const value =
    signer.sign === 'rsa'
      ? sign('RSA-SHA256', Buffer.from(text, 'utf8'), signer.privateKey).toString('base64')
      : digestOf(signer.sign, text + signer.key).toString('hex');
  return [...parameters, ['sign', value], ['sign_type', signer.sign.toUpperCase()]];
}

/** Which kind of signature a request bears; null when it says something that nobody knows. */
export function signKindOf(parameters: Parameters): EpaySign | null {
  switch (parameters.get('sign_type')?.trim().toUpperCase() ?? '') {
    case 'MD5':
      return 'md5';
    case 'SHA256':
      return 'sha256';
    case 'RSA':
    case 'RSA2':
      return 'rsa';
    case '':
      return kindByShape(parameters.get('sign') ?? '');
    default:
      return null;
  }
}

function kindByShape(signature: string): EpaySign {
  if (/^[0-9a-f]{64}$/i.test(signature)) return 'sha256';
  return signature.length > 100 ? 'rsa' : 'md5';
}
