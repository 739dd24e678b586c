import { isIP } from 'node:net';
import { z } from 'zod';

/** C0 and C1 controls, and the line separators that some readers take for line ends. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;
const CONTROL_BUT_LINES = /[^\P{Cc}\t\n\r]/u;

/** Country names by ISO 3166 code, as ICU knows them; `ZZ` is its word for "unknown". */
const REGIONS = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });

/** A single line of text, counted in characters as people count them (code points). */
export function lineSchema(max: number) {
  return z
    .string(`must be a string of 1-${max} characters`)
    .refine((text) => hasLength(text, 1, max), `must have 1-${max} characters`)
    .refine((text) => text.isWellFormed(), 'must be valid Unicode')
    .refine((text) => !CONTROL.test(text), 'must not contain control characters');
}

export function patternSchema(pattern: RegExp, message: string) {
  return z.string(message).regex(pattern, message);
}

export const ipSchema = z
  .string('must be an IPv4 or IPv6 address')
  .refine((text) => isIP(text) !== 0 && !text.includes('%'), 'must be an IPv4 or IPv6 address');

export const emailSchema = z
  .string('must be an e-mail address')
  .max(254, 'must have at most 254 characters')
  .regex(/^[^\s@<>"\p{Cc}]{1,64}@[^\s@.<>"\p{Cc}]+(\.[^\s@.<>"\p{Cc}]+)+$/u, 'must be an e-mail address')
  .refine((text) => text.isWellFormed(), 'must be valid Unicode');

export const countrySchema = patternSchema(/^[A-Z]{2}$/, 'must be an ISO 3166 code of two upper-case letters').refine(
  (code) => !/^[A-Z]{2}$/.test(code) || (code !== 'ZZ' && REGIONS.of(code) !== undefined),
  'is not a country that ISO 3166 knows',
);

const URL_CHARS_MAX = 512;

/** An absolute address without credentials; plain http only where the sandbox allows it. The text is kept as it was sent. */
export function urlSchema(allowHttp: boolean) {
  const scheme = allowHttp ? 'an http or https' : 'an https';
  const kind = `must be ${scheme} URL`;
  return z
    .string(kind)
    .max(URL_CHARS_MAX, `must have at most ${URL_CHARS_MAX} characters`)
    .superRefine((text, context) => {
      const message = faultOfUrl(text, allowHttp, kind);
      if (message !== null) context.addIssue({ code: 'custom', message });
    });
}

/** Why a text is no address of the web that everybody reads in the same way; null when it is one. */
export function faultOfUrl(text: string, allowHttp: boolean, kind: string): string | null {
  // The URL parser forgives blanks, controls and backslashes by dropping or turning them; two readers could disagree.
  if (!/^https?:\/\/[^/]/i.test(text) || /[\s\\\p{Cc}]/u.test(text) || !text.isWellFormed()) return kind;
  const url = URL.parse(text);
  if (url === null || (url.protocol === 'http:' && !allowHttp)) return kind;
  return url.username === '' && url.password === '' ? null : 'must not contain a user name or password';
}

const METADATA_KEYS_MAX = 20;
const METADATA_KEY_CHARS_MAX = 40;
const METADATA_VALUE_CHARS_MAX = 500;

/** Up to 20 texts under short names. Checked by hand, since `__proto__` must be refused rather than dropped. */
export const metadataSchema = z
  .custom<Record<string, string>>(isPlainObject, 'must be an object of strings')
  .superRefine((metadata, context) => {
    const entries = Object.entries(metadata);
    if (entries.length > METADATA_KEYS_MAX) {
      context.addIssue({ code: 'custom', message: `must have at most ${METADATA_KEYS_MAX} keys` });
    }
    for (const [key, value] of entries.slice(0, METADATA_KEYS_MAX)) {
      const message = faultOfEntry(key, value);
      if (message !== null) context.addIssue({ code: 'custom', message, path: [key] });
    }
  });

function faultOfEntry(key: string, value: unknown): string | null {
  if (key === '__proto__') return 'is not a usable key';
  if (!hasLength(key, 1, METADATA_KEY_CHARS_MAX) || CONTROL.test(key) || !key.isWellFormed()) {
    return `keys must have 1-${METADATA_KEY_CHARS_MAX} characters and no control characters`;
  }
  if (typeof value !== 'string' || !hasLength(value, 0, METADATA_VALUE_CHARS_MAX)) {
    return `must be a string of at most ${METADATA_VALUE_CHARS_MAX} characters`;
  }
  if (!value.isWellFormed()) return 'must be valid Unicode';
  return CONTROL_BUT_LINES.test(value) ? 'must not contain control characters' : null;
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasLength(text: string, min: number, max: number): boolean {
  // A text of n code points has between n and 2n units, so a huge one is refused without counting.
  if (text.length < min || text.length > max * 2) return false;
  return text.length <= max || [...text].length <= max;
}
