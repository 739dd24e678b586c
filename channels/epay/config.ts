import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { CHANNEL_ERROR_KINDS, type ChannelErrorKind, secretSchema } from '../../src/channel/index.ts';

/** What every epay operator is configured with, whichever version of the protocol is spoken. */
interface Common {
  /** The operator's number of our account; every notice and answer must name it (I12). */
  readonly pid: string;
  /** Without a slash at its end. */
  readonly base_url: string;
  /** `api`: orders are made by a call; `link`: a signed link is handed out, and the order appears when the buyer opens it. */
  readonly create_by: 'api' | 'link';
  /** Our method to their `type`, for operators with names of their own. */
  readonly types: Readonly<Record<string, string>>;
  /** How long the operator's pay pages take money. The protocol has no expiry and no close, so the operator has to be asked. */
  readonly order_life_minutes: number;
  /** Whether a notice is believed only when a query says the same. */
  readonly confirm_by_query: boolean;
  /** This fork's error texts, looked at before the built-in ones: the first whose words are in a message counts. */
  readonly error_words: readonly ErrorWords[];
}

export interface ErrorWords {
  readonly words: string;
  readonly kind: ChannelErrorKind;
  readonly created: 'no' | 'maybe';
}

/** MD5 over a shared key. */
export interface EpayV1Config extends Common {
  readonly version: 'v1';
  readonly key: string;
}

/** SHA256withRSA with a key pair on either side. */
export interface EpayV2Config extends Common {
  readonly version: 'v2';
  readonly private_key: string;
  readonly platform_public_key: string;
  /** Whether the operator has switched on refunds by API for our account. */
  readonly refunds: boolean;
}

export type EpayConfig = EpayV1Config | EpayV2Config;

const TYPES: Readonly<Record<string, string>> = {
  alipay: 'alipay',
  wechatpay: 'wxpay',
  qqpay: 'qqpay',
  bank: 'bank',
  paypal: 'paypal',
  usdt: 'usdt',
};

const errorKinds = Object.keys(CHANNEL_ERROR_KINDS).filter((kind): kind is ChannelErrorKind => kind !== '');

const common = {
  pid: z.union([z.string(), z.int().transform(String)]).pipe(z.string().regex(/^[1-9]\d{0,9}$/, 'must be digits')),
  base_url: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !text.endsWith('/'), 'must not end in a slash')
    .refine(isSafe, 'must be https: the key is part of some addresses'),
  create_by: z.enum(['api', 'link']).default('api'),
  types: z
    .record(z.string(), z.string().regex(/^[A-Za-z0-9_.-]{1,32}$/))
    .default({})
    .transform((own) => ({ ...TYPES, ...own })),
  order_life_minutes: z.int().min(1).max(14_400).default(60),
  confirm_by_query: z.boolean().default(true),
  error_words: z
    .array(
      z.strictObject({
        words: z.string().min(2).max(80),
        kind: z.enum(errorKinds),
        created: z.enum(['no', 'maybe']),
      }),
    )
    .max(100)
    .default([]),
};

/** Strict: a misspelt key is a fault. */
export const epayConfigSchema: z.ZodType<EpayConfig> = z.discriminatedUnion('version', [
  z.strictObject({ version: z.literal('v1'), ...common, key: secretSchema(16) }),
  z.strictObject({
    version: z.literal('v2'),
    ...common,
    private_key: keySchema('PRIVATE KEY', createPrivateKey),
    platform_public_key: keySchema('PUBLIC KEY', createPublicKey),
    refunds: z.boolean().default(false),
  }),
]);

/** Their consoles show keys as one line of base64; PEM is taken too. The result is PEM of an RSA key of 2048 bits or more. */
function keySchema(label: 'PRIVATE KEY' | 'PUBLIC KEY', read: (pem: string) => KeyObject): z.ZodType<string> {
  return z.string().transform((text, context) => {
    const pem = text.includes('-----BEGIN') ? text : `-----BEGIN ${label}-----\n${text.trim()}\n-----END ${label}-----`;
    try {
      const { asymmetricKeyType, asymmetricKeyDetails } = read(pem);
      if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) return pem;
    } catch {
      // The reason could repeat what was given.
    }
    context.addIssue(`must be an RSA key of at least 2048 bits: PEM (${label}), or its base64 in one line`);
    return z.NEVER;
  });
}

/** Plain http only to this machine, where the sandbox is. */
function isSafe(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(url?.hostname ?? '');
}
