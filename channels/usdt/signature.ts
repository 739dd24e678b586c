import { createHash, timingSafeEqual } from 'node:crypto';
import type { Fields } from './json.ts';

/**
 * MD5 over all fields that have a value, but the signature itself, by name, with the token directly behind them, in lower-case hex.
 * Numbers in their shortest form, as Go prints them below a million.
 * @see the provider's docs/api/api.md, 签名算法
 */
export function signatureOf(fields: Fields, token: string): string {
  if (token === '') throw new Error('usdt: an empty token signs nothing');
  const text = [...fields]
    .filter(([name, value]) => name !== 'signature' && value !== '')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  return createHash('md5').update(`${text}${token}`).digest('hex');
}

/** In constant time over decoded bytes. */
export function isGenuine(fields: Fields, token: string): boolean {
  const given = fields.get('signature');
  if (typeof given !== 'string' || !/^[0-9a-f]{32}$/.test(given)) return false;
  return timingSafeEqual(Buffer.from(given, 'hex'), Buffer.from(signatureOf(fields, token), 'hex'));
}

/** Nothing is escaped in a signed text, so a value with `&` in it may have been fields of its own. Notices have none. */
export function isAmbiguous(fields: Fields): boolean {
  return [...fields.values()].some((value) => String(value).includes('&'));
}
