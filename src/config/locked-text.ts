import { createCipheriv, createDecipheriv, createHash, type KeyObject } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Tells keys apart: the first four bytes of the key's SHA-256 in hexadecimal, a hash and not the key. */
export function keyIdOf(key: Uint8Array): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8);
}

/**
 * AES-256-GCM with a random nonce: base64url of nonce, ciphertext and tag. It opens only beside the same `bound` text. The key is
 * an object because Node takes longer to make one of bytes than to encrypt a message.
 */
export function lockText(
  key: KeyObject,
  { plain, bound, randomBytes }: { plain: string; bound: string; randomBytes: (size: number) => Uint8Array },
): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(bound));
  const locked = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return locked.toString('base64url');
}

/** Throws on anything that this key did not lock beside this `bound` text. */
export function unlockText(key: KeyObject, { locked, bound }: { locked: string; bound: string }): string {
  const bytes = Buffer.from(locked, 'base64url');
  if (bytes.toString('base64url') !== locked || bytes.length < NONCE_BYTES + TAG_BYTES) {
    throw new Error('sealer: the text is damaged');
  }
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(bound));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
}
