import { WebhookError } from './errors.ts';
import type { Payment, PaymentWithRefund } from './types.ts';

/** What arrives at `notify_url`. New types may come: leave those alone that you do not know. */
export type WebhookEvent =
  | {
      readonly type: 'payment.succeeded' | 'payment.failed' | 'payment.closed' | 'payment.disputed';
      readonly id: string;
      readonly timestamp: string;
      readonly data: Payment;
    }
  | {
      readonly type: 'refund.succeeded' | 'refund.failed';
      readonly id: string;
      readonly timestamp: string;
      readonly data: PaymentWithRefund;
    };

export interface VerifyOptions {
  /** As they arrived: of `fetch`, or of Node's `request.headers`. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body as it arrived; a text that was parsed and written again never verifies. */
  readonly body: string | Uint8Array;
  /** `whsec_…`; several while a secret is being replaced. */
  readonly secret: string | readonly string[];
  /** How far the clocks may be apart, and how old a replay may be. Default 300. */
  readonly toleranceSeconds?: number;
  /** Seconds since 1970. Default: now. */
  readonly nowSeconds?: number;
}

const TOLERANCE_S = 300;
/** More signatures than these are not looked at. */
const SIGNATURES_MAX = 10;
const KEY_BYTES_MIN = 16;

/**
 * Checks a webhook by Standard Webhooks, in constant time, and only then reads it.
 * @returns the event; rejects with a `WebhookError` when it must not be believed
 * @see     https://www.standardwebhooks.com
 */
export async function verifyWebhook(options: VerifyOptions): Promise<WebhookEvent> {
  const { headers, toleranceSeconds = TOLERANCE_S, nowSeconds = Date.now() / 1_000 } = options;
  const id = header(headers, 'webhook-id');
  const timestamp = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature').split(' ').slice(0, SIGNATURES_MAX);
  if (!/^[0-9]{1,15}$/.test(timestamp)) throw new WebhookError('time', 'webhook-timestamp is not a time');
  if (!(Math.abs(nowSeconds - Number(timestamp)) <= toleranceSeconds)) {
    throw new WebhookError('time', 'webhook-timestamp is too far from now: an old webhook, or a wrong clock');
  }
  const body = typeof options.body === 'string' ? new TextEncoder().encode(options.body) : options.body;
  const signed = concat(new TextEncoder().encode(`${id}.${timestamp}.`), body);
  const secrets = typeof options.secret === 'string' ? [options.secret] : options.secret;
  for (const secret of secrets) {
    const key = await keyOf(secret);
    for (const signature of signatures) if (await isBy(key, signature, signed)) return read(body);
  }
  throw new WebhookError('signature', 'no signature is by this secret; is the body as it arrived?');
}

type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

async function isBy(key: HmacKey, signature: string, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const given = signature.startsWith('v1,') ? fromBase64(signature.slice(3)) : null;
  return given !== null && (await crypto.subtle.verify('HMAC', key, given, signed));
}

function header(headers: VerifyOptions['headers'], name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new WebhookError('headers', `the header ${name} is missing or came twice`);
}

/** A secret that anybody could guess protects nothing. */
async function keyOf(secret: string): Promise<HmacKey> {
  const bytes = fromBase64(secret.replace(/^whsec_/, ''));
  if (bytes === null || bytes.length < KEY_BYTES_MIN) {
    throw new TypeError('a webhook secret is whsec_ and the base64 of 16 bytes or more');
  }
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

function read(body: Uint8Array): WebhookEvent {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as WebhookEvent;
  } catch {
    throw new WebhookError('body', 'the body is signed, but no JSON');
  }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
