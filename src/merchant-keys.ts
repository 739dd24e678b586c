import { createHash } from 'node:crypto';
import { type ConfigForm, rawAt } from './config/index.ts';

type RandomBytes = (size: number) => Uint8Array;

/** The kinds of secrets that a shop has, and where they stand in its entry. */
export const KEY_KINDS = {
  secret_key: { at: ['secret_keys'], name: 'secret key' },
  webhook_secret: { at: ['webhook', 'secret'], name: 'webhook secret' },
  epay_key: { at: ['epay', 'key'], name: 'epay key' },
} as const;

export type KeyKind = keyof typeof KEY_KINDS;
export const KINDS = ['secret_key', 'webhook_secret', 'epay_key'] as const satisfies readonly KeyKind[];

/** A key as it may be shown: eight hexadecimal digits of its SHA-256 name it. */
export interface ShownKey {
  readonly kind: KeyKind;
  readonly index: number;
  readonly fingerprint: string;
}

/** About 190 random bits each, of letters and digits alone: they survive URLs, forms, YAML and a double click. */
export function newKey(kind: KeyKind, randomBytes: RandomBytes): string {
  if (kind === 'webhook_secret') return `whsec_${Buffer.from(randomBytes(32)).toString('base64')}`;
  return kind === 'secret_key' ? `sk_${lettersAndDigits(32, randomBytes)}` : lettersAndDigits(32, randomBytes);
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Of a key, or of `sha256:<hex>` that stands for one. */
export function fingerprintOf(key: string): string {
  return (key.startsWith('sha256:') ? key.slice('sha256:'.length) : sha256Hex(key)).slice(0, 8);
}

/** The keys of one kind that a merchant has, in the file's order. */
export function keysOf(form: ConfigForm, merchantId: string, kind: KeyKind): readonly ShownKey[] {
  const value = rawAt(form.merchants, merchantId, ...KEY_KINDS[kind].at);
  const texts = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string');
  return texts.map((text, index) => ({ kind, index, fingerprint: fingerprintOf(text) }));
}

function lettersAndDigits(count: number, randomBytes: RandomBytes): string {
  let text = '';
  while (text.length < count) text += Buffer.from(randomBytes(count)).toString('base64url').replace(/[-_]/g, '');
  return text.slice(0, count);
}
