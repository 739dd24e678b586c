import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Sealer } from '../gateway/index.ts';

export const MASTER_KEY_BYTES = 32;
const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A sealer that tells which key it seals with: eight hexadecimal digits, a hash and not the key. */
export interface KeyedSealer extends Sealer {
  readonly keyId: string;
}

/**
 * AES-256-GCM with a random nonce: `v1.<key id>.<base64url of nonce, ciphertext and tag>`. The key id (the first four bytes of
 * the key's SHA-256) tells which key a text needs once there are several; it is bound to the text as additional data.
 * `open` throws on anything that this key did not seal: a caller has only ever stored what `seal` gave it.
 */
export function sealerFor(key: Uint8Array, randomBytes: (size: number) => Uint8Array): KeyedSealer {
  const ownId = createHash('sha256').update(key).digest('hex').slice(0, 8);
  const prefix = `v1.${ownId}`;
  return {
    keyId: ownId,
    seal: (plain) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(prefix));
      const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${prefix}.${sealed.toString('base64url')}`;
    },
    open: (sealed) => {
      const [version, keyId, body, ...rest] = sealed.split('.');
      if (version !== 'v1' || keyId === undefined || body === undefined || rest.length > 0) {
        throw new Error('sealer: not a text of this sealer');
      }
      if (`${version}.${keyId}` !== prefix)
        throw new Error(`sealer: sealed with another master key (id ${keyId.slice(0, 8)})`);
      const bytes = Buffer.from(body, 'base64url');
      if (bytes.toString('base64url') !== body || bytes.length < NONCE_BYTES + TAG_BYTES) {
        throw new Error('sealer: the text is damaged');
      }
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(prefix));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    },
  };
}
