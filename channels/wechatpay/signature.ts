import { createDecipheriv, type KeyObject, verify } from 'node:crypto';
import { type EpochMs, err, ok, type Result } from '../../src/payment/index.ts';

/** How far the signed time may be from ours, both ways. */
const WINDOW_MS = 300_000;
const SIGNATURE_TYPE = 'WECHATPAY2-SHA256-RSA2048';
/** WeChat now and then sends a signature that is wrong on purpose, to see whether it is checked. */
const PROBE_PREFIX = 'WECHATPAY/SIGNTEST/';

/** The four headers that sign an answer or a callback. */
export interface SignatureHeaders {
  readonly timestamp: string;
  readonly nonce: string;
  /** Names the key: a certificate's serial number, or `PUB_KEY_ID_...`. */
  readonly serial: string;
  readonly signature: string;
}

export type Headers = ReadonlyMap<string, readonly string[]>;

/** Takes the signature headers; `malformed` when one is missing, empty or there twice. Nothing is verified yet. */
export function readSignatureHeaders(headers: Headers): Result<SignatureHeaders, 'malformed'> {
  const timestamp = single(headers, 'wechatpay-timestamp');
  const nonce = single(headers, 'wechatpay-nonce');
  const serial = single(headers, 'wechatpay-serial');
  const signature = single(headers, 'wechatpay-signature');
  const type = headers.get('wechatpay-signature-type') ?? [SIGNATURE_TYPE];
  if (!timestamp || !nonce || !serial || !signature) return err('malformed');
  // The algorithm is fixed: a sender cannot choose another one.
  if (type.length !== 1 || type[0] !== SIGNATURE_TYPE) return err('malformed');
  if (!/^\d{1,12}$/.test(timestamp)) return err('malformed');
  return ok({ timestamp, nonce, serial, signature });
}

/** Whether there is nothing that looks like a signature, good or bad. */
export function isUnsigned(headers: Headers): boolean {
  return !headers.has('wechatpay-signature') && !headers.has('wechatpay-serial');
}

export function isProbe(headers: SignatureHeaders): boolean {
  return headers.signature.startsWith(PROBE_PREFIX);
}

export function isFresh(headers: SignatureHeaders, now: EpochMs): boolean {
  return Math.abs(now - Number(headers.timestamp) * 1000) <= WINDOW_MS;
}

/**
 * Checks SHA256withRSA (PKCS#1 v1.5) over `timestamp\nnonce\nbody\n`.
 * @param body bytes as received; a re-serialised body never verifies
 * @param key  the RSA key that `headers.serial` names; the caller looks it up and never tries another
 */
export function isSignedBy(headers: SignatureHeaders, body: Uint8Array, key: KeyObject): boolean {
  const text = Buffer.concat([Buffer.from(`${headers.timestamp}\n${headers.nonce}\n`), body, Buffer.from('\n')]);
  const signature = decodeBase64(headers.signature);
  return signature !== null && verify('RSA-SHA256', text, key, signature);
}

/** An encrypted part of a callback or of the list of platform certificates. */
export interface Sealed {
  readonly algorithm: string;
  readonly nonce: string;
  readonly associated_data?: string | undefined;
  readonly ciphertext: string;
}

/**
 * Opens an AEAD_AES_256_GCM part; the last 16 bytes of the decoded ciphertext are the tag, and it is checked.
 * @returns the plain text, or null when anything about it is wrong (algorithm, length, key, associated data, one bit)
 */
export function decrypt(sealed: Sealed, apiV3Key: string): string | null {
  if (sealed.algorithm !== 'AEAD_AES_256_GCM') return null;
  const bytes = decodeBase64(sealed.ciphertext);
  const nonce = Buffer.from(sealed.nonce);
  if (bytes === null || bytes.length <= 16 || nonce.length !== 12) return null;
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(apiV3Key), nonce, { authTagLength: 16 });
  decipher.setAAD(Buffer.from(sealed.associated_data ?? ''));
  decipher.setAuthTag(bytes.subarray(bytes.length - 16));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, bytes.length - 16)), decipher.final()]).toString('utf8');
  } catch {
    return null; // final() throws on a wrong tag
  }
}

function single(headers: Headers, name: string): string | null {
  const values = headers.get(name);
  return values?.length === 1 ? (values[0] ?? null) : null;
}

/** Strict: only the one text that encodes these bytes, so that no bit of a signature can be changed unseen. */
function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}
