import { createHash, createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { secretSchema } from '../channel/index.ts';
import { AMOUNT_MINOR_MAX, EPAY_SIGNS } from '../payment/index.ts';
import { decodeBase64 } from './base64.ts';
import { distinctList, durationMs, orNull, section } from './units.ts';

/** What a merchant may be called; it is stored in every payment and never changes. */
export const MERCHANT_ID = /^[a-z0-9][a-z0-9_-]{0,39}$/;

const KEY_CHARS_MIN = 15;
const WEBHOOK_SECRET_BYTES_MIN = 16;
const EPAY_KEY_CHARS_MIN = 16;
const RSA_BITS_MIN = 2_048;
const PLACEHOLDER = 'is a placeholder, not a secret';

/** `sha256:<hex>` or the key itself -> the SHA-256 of the key; the key goes no further than this. */
const secretKeySchema = z
  .string()
  .max(255)
  .refine((text) => text.startsWith('sha256:') || text.length >= KEY_CHARS_MIN, {
    error: `must have at least ${KEY_CHARS_MIN} characters; make one with: openssl rand -hex 24`,
    abort: true,
  })
  .refine((text) => /^[\x21-\x7e]*$/.test(text), { error: 'must be printable ASCII without spaces', abort: true })
  .refine(isNoPlaceholder, { error: PLACEHOLDER, abort: true })
  .transform((text, context) => {
    if (!text.startsWith('sha256:')) return createHash('sha256').update(text).digest();
    const hex = text.slice('sha256:'.length);
    if (/^[0-9a-f]{64}$/.test(hex)) return Buffer.from(hex, 'hex');
    context.addIssue({ code: 'custom', message: 'must have 64 lower-case hexadecimal digits after sha256:' });
    return z.NEVER;
  });

/** A signing secret of Standard Webhooks. @see https://www.standardwebhooks.com, "Signature scheme" */
const webhookSecretSchema = z
  .string()
  .max(512)
  .refine((text) => {
    const bytes = text.startsWith('whsec_') ? decodeBase64(text.slice('whsec_'.length)) : null;
    return bytes !== null && bytes.length >= WEBHOOK_SECRET_BYTES_MIN && new Set(bytes).size > 3;
  }, `must be whsec_ and the base64 of at least ${WEBHOOK_SECRET_BYTES_MIN} random bytes; make one with: echo "whsec_$(openssl rand -base64 32)"`);

const webhookSchema = z.strictObject({
  url: z.string().refine(isWebUrl, 'must be an http or https URL without a user name').nullable().default(null),
  // A list while a secret is being replaced: events are then signed with each of them.
  secret: z.preprocess((value) => (typeof value === 'string' ? [value] : value), distinctList(webhookSecretSchema)),
});

const epayKeySchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]*$/, 'must consist of letters, digits, _ and -, since clients put it into URLs as it is')
  .min(EPAY_KEY_CHARS_MIN)
  .refine(isNoPlaceholder, PLACEHOLDER);

const epaySchema = z
  .strictObject({
    pid: z.int().min(1).max(999_999_999),
    // A list while a key is being replaced: requests may be signed with each of them, we sign with the first.
    key: z.preprocess((value) => (typeof value === 'string' ? [value] : value), distinctList(epayKeySchema)),
    sign: distinctList(z.enum(EPAY_SIGNS)).prefault(['sha256']),
    public_key: publicKeySchema().nullable().default(null),
    refunds: z.boolean().default(false),
    notify_hosts: z
      .union(
        [z.literal('any'), distinctList(z.hostname('must be a host name, without https:// and path'))],
        'must be any, or a list of host names',
      )
      .default('any'),
    tls_verify: z.boolean().default(true),
    expires_in: durationMs({ min: '1m', max: '1d' }).prefault('1h'),
  })
  .refine((epay) => !epay.sign.includes('rsa') || epay.public_key !== null, {
    path: ['public_key'],
    error: 'is required for the signature kind rsa',
  });

/** An RSA key as shops have it: PEM, or the base64 of its DER on one line. */
function publicKeySchema() {
  return z.string().transform((text, context) => {
    try {
      const isPem = text.trimStart().startsWith('-----BEGIN ');
      const key = createPublicKey(
        isPem ? text : { key: Buffer.from(text.replaceAll(/\s/g, ''), 'base64'), format: 'der', type: 'spki' },
      );
      const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
      if (key.asymmetricKeyType === 'rsa' && bits >= RSA_BITS_MIN) return key;
      context.addIssue({ code: 'custom', message: `must be an RSA key of at least ${RSA_BITS_MIN} bits` });
    } catch {
      context.addIssue({ code: 'custom', message: 'must be an RSA public key: a PEM text, or its base64 on one line' });
    }
    return z.NEVER;
  });
}

/** One entry of `merchants`. */
export const merchantSchema = z.strictObject({
  name: z.string().min(1).max(100),
  enabled: z.boolean().default(true),
  secret_keys: z.array(secretKeySchema).min(1).max(10),
  webhook: webhookSchema,
  epay: epaySchema.nullish(),
  channels: z
    .union([z.literal('all'), distinctList(z.string())], 'must be all, or a list of different channels')
    .default('all'),
  limits: section({
    max_amount: z.int(orNull).min(1).max(AMOUNT_MINOR_MAX).nullable().default(null),
    per_minute: z.int(orNull).min(1).max(1_000_000).nullable().default(null),
  }),
});

export type MerchantEntry = z.output<typeof merchantSchema>;

function isNoPlaceholder(text: string): boolean {
  return secretSchema(0).safeParse(text).success;
}

function isWebUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && ['http:', 'https:'].includes(url.protocol) && url.username === '' && url.password === '';
}
