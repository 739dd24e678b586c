import type { EpaySign } from '../payment/index.ts';

/** What to type into one family of plug-ins. */
export interface PlugIn {
  readonly programs: string;
  readonly address: string;
  readonly sign: EpaySign;
  readonly note: string;
  /** Whether the shop may sign as these programs do. */
  readonly accepted: boolean;
}

interface Known {
  readonly programs: string;
  /** Behind the base address. */
  readonly path: string;
  readonly sign: EpaySign;
  readonly note: string;
}

const KNOWN: readonly Known[] = [
  {
    ...{ programs: 'dujiaoka', path: 'submit.php', sign: 'md5' },
    note: 'the whole address, in the field 商户KEY; the pid is 商户ID, the key 商户密钥',
  },
  {
    ...{ programs: 'acg-faka, v2board, Xboard, SSPanel-Metron, ProxyPanel', path: '', sign: 'md5' },
    note: 'the base address',
  },
  { programs: 'SSPanel-UIM', path: '', sign: 'sha256', note: 'the base address; epay_sign_type says which signature' },
  {
    ...{ programs: 'new-api, one-hub, sub2api, dujiao-next, PPanel', path: '', sign: 'md5' },
    note: 'the base address; dujiao-next can speak V2',
  },
  { programs: 'WHMCS, WooCommerce plug-ins', path: '', sign: 'md5', note: 'the base address' },
  {
    ...{ programs: 'SDK 2.0 (V2), qs-faka', path: '', sign: 'rsa' },
    note: 'the base address; exchange public keys, ours is below',
  },
];

/** What to type where, for a shop that may sign in these ways. */
export function plugInsFor(publicUrl: string, signs: readonly EpaySign[]): readonly PlugIn[] {
  const base = publicUrl.endsWith('/') ? publicUrl : `${publicUrl}/`;
  return KNOWN.map(({ programs, path, sign, note }) => ({
    ...{ programs, address: `${base}${path}`, sign, note },
    accepted: signs.includes(sign),
  }));
}
