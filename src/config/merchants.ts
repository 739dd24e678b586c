import { hash, timingSafeEqual } from 'node:crypto';
import type { Merchant, Merchants } from '../gateway/index.ts';

/** A merchant with the SHA-256 of each of its secret keys. */
export interface KeyedMerchant {
  readonly merchant: Merchant;
  readonly keyHashes: readonly Uint8Array[];
}

/** The merchants of one configuration, found by id or by the secret key that a caller presents. */
export function merchantDirectory(keyed: readonly KeyedMerchant[]): Merchants {
  const byId = new Map(keyed.map(({ merchant }) => [merchant.id, merchant]));
  const callers = keyed.map(({ merchant }) => merchant).filter(({ enabled }) => enabled);
  const byPid = new Map(callers.flatMap((merchant) => (merchant.epay ? [[merchant.epay.pid, merchant]] : [])));
  const keys = keyed.flatMap(({ merchant, keyHashes }) => keyHashes.map((keyHash) => ({ merchant, keyHash })));
  return {
    byId: (id) => byId.get(id),
    byEpayPid: (pid) => byPid.get(pid),
    epayMerchants: () => [...byPid.values()],
    bySecretKey: (presented) => {
      const presentedHash = hash('sha256', presented, 'buffer');
      let owner: Merchant | undefined;
      // Every stored hash is compared, so that the time taken does not tell which one came close.
      for (const key of keys) if (timingSafeEqual(key.keyHash, presentedHash)) owner = key.merchant;
      return owner;
    },
  };
}
