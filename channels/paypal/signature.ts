import { type KeyObject, verify } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { RawCallback } from '../../src/channel/index.ts';

/** The one algorithm that PayPal documents; another one is refused, whoever names it. */
const ALGORITHM = 'SHA256withRSA';
const HEADER_LENGTH_MAX = 1_000;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** What PayPal's headers say of a message. */
export interface Transmission {
  readonly id: string;
  /** As it was sent, since it is signed as text. */
  readonly time: string;
  readonly signature: Uint8Array;
  readonly certificateUrl: string;
}

/** Null unless every header came exactly once and is well formed. */
export function readTransmission({ headers }: RawCallback): Transmission | null {
  const one = (name: string): string => {
    const [value = '', ...more] = headers.get(`paypal-${name}`) ?? [];
    return more.length > 0 || value.length > HEADER_LENGTH_MAX ? '' : value;
  };
  const id = one('transmission-id');
  const time = one('transmission-time');
  const signature = one('transmission-sig');
  const certificateUrl = one('cert-url');
  // `|` is what the parts of the signed text are joined with.
  if (!/^[A-Za-z0-9-]{1,100}$/.test(id) || !TIME.test(time) || Number.isNaN(Date.parse(time))) return null;
  if (!BASE64.test(signature) || certificateUrl === '' || one('auth-algo') !== ALGORITHM) return null;
  return { id, time, signature: Buffer.from(signature, 'base64'), certificateUrl };
}

/**
 * The text that PayPal signs: `<transmission id>|<time>|<webhook id>|<CRC-32 of the raw body, decimal>`.
 * @see https://developer.paypal.com/api/rest/webhooks/rest/
 */
export function signedText({ id, time }: Transmission, webhookId: string, body: Uint8Array): string {
  return `${id}|${time}|${webhookId}|${crc32(body)}`;
}

export function isSignedBy(key: KeyObject, text: string, signature: Uint8Array): boolean {
  return verify('RSA-SHA256', Buffer.from(text, 'utf8'), key, signature);
}
