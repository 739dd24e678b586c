import { createSecretKey } from 'node:crypto';
import type { Sealer } from '../gateway/index.ts';
import { keyIdOf, lockText, unlockText } from './locked-text.ts';

export const MASTER_KEY_BYTES = 32;

/** A sealer that tells which key it seals with: eight hexadecimal digits, a hash and not the key. */
export interface KeyedSealer extends Sealer {
  readonly keyId: string;
}

/**
 * `v1.<key id>.<locked text>`. The key id tells which key a text needs once there are several; it is bound to the text as
 * additional data. `open` throws on anything that this key did not seal: a caller has only ever stored what `seal` gave it.
 */
export function sealerFor(masterKey: Uint8Array, randomBytes: (size: number) => Uint8Array): KeyedSealer {
  const ownId = keyIdOf(masterKey);
  const key = createSecretKey(masterKey);
  const prefix = `v1.${ownId}`;
  return {
    keyId: ownId,
    seal: (plain) => `${prefix}.${lockText(key, { plain, bound: prefix, randomBytes })}`,
    open: (sealed) => {
      const [version, keyId, locked, ...rest] = sealed.split('.');
      if (version !== 'v1' || keyId === undefined || locked === undefined || rest.length > 0) {
        throw new Error('sealer: not a text of this sealer');
      }
      if (keyId !== ownId) throw new Error(`sealer: sealed with another master key (id ${keyId.slice(0, 8)})`);
      return unlockText(key, { locked, bound: prefix });
    },
  };
}
