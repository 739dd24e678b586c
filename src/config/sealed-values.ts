import { createSecretKey, hkdfSync } from 'node:crypto';
import { err, ok, type Result } from '../payment/index.ts';
import type { Path } from './faults.ts';
import { keyIdOf, lockText, unlockText } from './locked-text.ts';
import { MASTER_KEY_BYTES } from './sealer.ts';

/** What a sealed value of a configuration file begins with. */
export const SEALED = 'sealed:';
const FORM = /^sealed:v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/;

/** Seals values for one place of the configuration each, with a key of its own that follows from the master key. */
export interface ValueSealer {
  /** Of the master key. */
  readonly keyId: string;
  /** `sealed:v1.<key id>.<locked text>`: what to write at this place of a file. */
  seal(plain: string, place: Path): string;
  /** The value; or why not, in words without it. */
  open(sealed: string, place: Path): Result<string, string>;
}

/** What opens sealed values while a file is read. */
export type OpenSealed = ValueSealer['open'];

export function valueSealerFor(masterKey: Uint8Array, randomBytes: (size: number) => Uint8Array): ValueSealer {
  const keyId = keyIdOf(masterKey);
  const derived = hkdfSync('sha256', masterKey, '', 'switchyard configuration values', MASTER_KEY_BYTES);
  const key = createSecretKey(new Uint8Array(derived));
  return {
    keyId,
    seal: (plain, place) =>
      `${SEALED}v1.${keyId}.${lockText(key, { plain, bound: boundTo(place, keyId), randomBytes })}`,
    open: (sealed, place) => {
      const [, sealedWith, locked] = FORM.exec(sealed) ?? [];
      if (sealedWith === undefined || locked === undefined) {
        return err('is no sealed value: sealed: is followed by v1, a key id and the sealed text');
      }
      if (sealedWith !== keyId) {
        return err(
          `is sealed with the master key ${sealedWith}, but the one given has the id ${keyId}; set MASTER_KEY to the first one, or put a new value here`,
        );
      }
      try {
        return ok(unlockText(key, { locked, bound: boundTo(place, keyId) }));
      } catch {
        return err('is damaged, or was sealed for another place: a sealed value opens only where it was first put');
      }
    },
  };
}

/** Stands in for the sealer where there is no key. */
export function refuseSealed(why: string): OpenSealed {
  return (sealed) => {
    const sealedWith = FORM.exec(sealed)?.[1];
    return err(`is sealed${sealedWith === undefined ? '' : ` with the master key ${sealedWith}`}, and ${why}`);
  };
}

/** A position in a list is no part of a place: a list grows and shrinks while a key is replaced. */
function boundTo(place: Path, keyId: string): string {
  return JSON.stringify(['sealed v1', keyId, ...place.filter((key) => typeof key !== 'number')]);
}
