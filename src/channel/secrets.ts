import { z } from 'zod';

const PLACEHOLDER =
  /^(changeme|change-me|secret|password|test|demo|example|placeholder|todo|none|null|undefined|x+|\*+|0+|your[-_ ].*|<.*>)$/i;

/** A shared secret in a configuration: at least `min` characters and no placeholder; otherwise what it protects stays off (I13). */
export function secretSchema(min: number): z.ZodType<string> {
  return z
    .string()
    .min(min, `must have at least ${min} characters; get the real one from the provider's console`)
    .refine((text) => !PLACEHOLDER.test(text.trim()) && new Set(text).size > 3, 'is a placeholder, not a secret');
}

/** A PEM text whose first line names one of the given labels, for example `PRIVATE KEY`. */
export function pemSchema(...labels: string[]): z.ZodType<string> {
  return z
    .string()
    .refine(
      (text) => labels.some((label) => text.trimStart().startsWith(`-----BEGIN ${label}-----`)),
      `must be a PEM text (${labels.join(' or ')})`,
    );
}
