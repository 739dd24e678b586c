import { z } from 'zod';

const keysSchema = z.object({
  secretKey: z.string(),
  publishableKey: z.string(),
  account: z.string(),
  webhookSecret: z.string(),
  /** The endpoint's former secret signs as well for a day after it was rolled. */
  formerSecret: z.object({ secret: z.string(), until: z.number() }).nullable(),
});
export type Keys = z.infer<typeof keysSchema>;

const OVERLAP_MS = 24 * 60 * 60_000;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export type RandomBytes = (size: number) => Uint8Array;

/** The account's keys: those of an earlier start, or new ones. */
export function openKeys(saved: unknown, randomBytes: RandomBytes): Keys {
  const parsed = keysSchema.safeParse(saved);
  if (parsed.success) return parsed.data;
  return {
    secretKey: newId('sk_test_', 48, randomBytes),
    publishableKey: newId('pk_test_', 48, randomBytes),
    account: newId('acct_', 16, randomBytes),
    webhookSecret: newId('whsec_', 32, randomBytes),
    formerSecret: null,
  };
}

/** What "roll secret" in the dashboard does: a new one, and the old one goes on for a day. */
export function rollSecret(keys: Keys, now: number, randomBytes: RandomBytes): Keys {
  const formerSecret = { secret: keys.webhookSecret, until: now + OVERLAP_MS };
  return { ...keys, webhookSecret: newId('whsec_', 32, randomBytes), formerSecret };
}

export function liveSecrets(keys: Keys, now: number): readonly string[] {
  const former = keys.formerSecret;
  return former !== null && now < former.until ? [keys.webhookSecret, former.secret] : [keys.webhookSecret];
}

/** An id as Stripe makes them: a prefix and so many letters and digits. */
export function newId(prefix: string, length: number, randomBytes: RandomBytes): string {
  return prefix + [...randomBytes(length)].map((byte) => BASE62[byte % BASE62.length]).join('');
}
