import { z } from 'zod';
import { secretSchema } from '../../src/channel/index.ts';

/** The `credentials` of a Stripe channel in `gateway.yaml`. */
export interface StripeConfig {
  /** Secret (`sk_`) or restricted (`rk_`) key. Whether it says test or live decides the mode of the whole channel. */
  readonly secret_key: string;
  /** Handed to the buyer's browser together with a client secret; not confidential. */
  readonly publishable_key: string;
  /** The webhook endpoint's signing secret; a second one while it is being rolled. */
  readonly webhook_secrets: readonly string[];
  /** `acct_...`, from the dashboard's account settings. */
  readonly account: string;
  /** Only for a simulator or an egress proxy; `https://api.stripe.com` otherwise. */
  readonly base_url?: string | undefined;
}

const STRIPE_API = 'https://api.stripe.com';
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

export const stripeConfigSchema: z.ZodType<StripeConfig> = z
  .strictObject({
    secret_key: keySchema(
      /^(?:sk|rk)_(?:test|live)_/,
      16,
      'must be a Stripe secret key: sk_test_..., sk_live_... or rk_...',
    ),
    publishable_key: keySchema(
      /^pk_(?:test|live)_/,
      16,
      'must be a Stripe publishable key: pk_test_... or pk_live_...',
    ),
    webhook_secrets: z
      .array(keySchema(/^whsec_/, 16, "must be the endpoint's signing secret: whsec_..."))
      .min(1)
      .max(2)
      .refine((secrets) => new Set(secrets).size === secrets.length, 'names the same secret twice'),
    account: keySchema(/^acct_/, 8, 'must be the account id: acct_...'),
    base_url: z
      .url({ protocol: /^https?$/ })
      .refine(isSafeBase, 'must be https (http only on the loopback), without a user, query or fragment')
      .optional(),
  })
  .refine((config) => isLive(config.secret_key) === isLive(config.publishable_key), {
    path: ['publishable_key'],
    message: 'is of the other mode than secret_key; take both from the same page of the dashboard',
  });

export function isLivemode(config: StripeConfig): boolean {
  return isLive(config.secret_key);
}

/** Where requests go, without a slash at the end. */
export function baseUrlOf(config: StripeConfig): string {
  return (config.base_url ?? STRIPE_API).replace(/\/+$/, '');
}

/** A prefix alone proves nothing: what follows it has to be long enough and no placeholder (I13). */
function keySchema(prefix: RegExp, min: number, message: string): z.ZodType<string> {
  return z.string().superRefine((text, context) => {
    const rest = prefix.test(text) ? text.replace(prefix, '') : null;
    if (rest === null || !/^[A-Za-z0-9+/=]+$/.test(rest)) return context.addIssue({ code: 'custom', message });
    const strength = secretSchema(min).safeParse(rest);
    for (const issue of strength.error?.issues ?? []) context.addIssue({ code: 'custom', message: issue.message });
  });
}

function isLive(key: string): boolean {
  return /^[a-z]+_live_/.test(key);
}

/** The secret key travels in a header, so the way there has to be private. */
function isSafeBase(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || LOOPBACK.has(url.hostname);
}
