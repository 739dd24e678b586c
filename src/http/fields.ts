import { isIP } from 'node:net';
import { z } from 'zod';
import { AMOUNT_MINOR_MAX } from '../payment/index.ts';

// Classes of characters for patterns that every regular-expression engine reads alike, since the API description repeats them.
/** C0 and C1 controls, and the line separators that some readers take for line ends. */
const CONTROLS = '\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029';
const BLANKS = ' \\xa0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000\\ufeff';
/** Characters that show nothing by themselves: joiners, marks and overrides of the direction, soft hyphens. */
const UNSEEN = '\\xad\\u061c\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f';
const LINE = new RegExp(`^[^${CONTROLS}]*$`, 'u');
const CONTROLS_BUT_LINES = '\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f';
const LINES = new RegExp(`^[^${CONTROLS_BUT_LINES}]*$`, 'u');
const NOT_BLANK = new RegExp(`[^${CONTROLS}${BLANKS}${UNSEEN}]`, 'u');

/** Country names by ISO 3166 code, as ICU knows them; `ZZ` is its word for "unknown". */
const REGIONS = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });

/** A single line of text, counted in characters as people count them (code points). */
export function lineSchema(max: number) {
  return z
    .string(`must be a string of 1-${max} characters`)
    .refine((text) => hasLength(text, 1, max), `must have 1-${max} characters`)
    .refine((text) => text.isWellFormed(), 'must be valid Unicode')
    .regex(LINE, 'must not contain control characters')
    .meta({ minLength: 1, maxLength: max });
}

/** The same, with something to see in it. */
export function visibleLineSchema(max: number) {
  return lineSchema(max).regex(NOT_BLANK, 'must not be blank');
}

export function patternSchema(pattern: RegExp, message: string) {
  return z.string(message).regex(pattern, message);
}

/** A number that a shop gave to an order or a refund. */
export const orderNoSchema = patternSchema(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1-64 of A-Z a-z 0-9 _ -');

const AMOUNT_MESSAGE = `must be an integer in 1-${AMOUNT_MINOR_MAX}, in the currency's minor unit`;
export const amountSchema = z.int(AMOUNT_MESSAGE).min(1, AMOUNT_MESSAGE).max(AMOUNT_MINOR_MAX, AMOUNT_MESSAGE);

export const ipSchema = z
  .string('must be an IPv4 or IPv6 address')
  .refine((text) => isIP(text) !== 0 && !text.includes('%'), 'must be an IPv4 or IPv6 address')
  .meta({ anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] });

const EMAIL_CHARS_MAX = 254;
const EMAIL_PART = `[^@.<>"${CONTROLS}${BLANKS}]+`;
const EMAIL = new RegExp(`^[^@<>"${CONTROLS}${BLANKS}]{1,64}@${EMAIL_PART}(?:\\.${EMAIL_PART})+$`, 'u');

export const emailSchema = z
  .string('must be an e-mail address')
  .refine((text) => hasLength(text, 0, EMAIL_CHARS_MAX), `must have at most ${EMAIL_CHARS_MAX} characters`)
  .regex(EMAIL, 'must be an e-mail address')
  .refine((text) => text.isWellFormed(), 'must be valid Unicode')
  .meta({ maxLength: EMAIL_CHARS_MAX });

/** Every code that ICU knows a country for. */
const COUNTRIES: readonly string[] = pairsOfLetters().filter((code) => code !== 'ZZ' && REGIONS.of(code) !== undefined);

export const countrySchema = patternSchema(/^[A-Z]{2}$/, 'must be an ISO 3166 code of two upper-case letters')
  .refine((code) => !/^[A-Z]{2}$/.test(code) || COUNTRIES.includes(code), 'is not a country that ISO 3166 knows')
  .meta({ enum: [...COUNTRIES] });

function pairsOfLetters(): readonly string[] {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  return letters.flatMap((first) => letters.map((second) => first + second));
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
  })
  .meta({
    type: 'object',
    maxProperties: METADATA_KEYS_MAX,
    propertyNames: {
      ...{ minLength: 1, maxLength: METADATA_KEY_CHARS_MAX, pattern: LINE.source },
      not: { const: '__proto__' },
    },
    additionalProperties: { type: 'string', maxLength: METADATA_VALUE_CHARS_MAX, pattern: LINES.source },
  });

function faultOfEntry(key: string, value: unknown): string | null {
  if (key === '__proto__') return 'is not a usable key';
  if (!hasLength(key, 1, METADATA_KEY_CHARS_MAX) || !LINE.test(key) || !key.isWellFormed()) {
    return `keys must have 1-${METADATA_KEY_CHARS_MAX} characters and no control characters`;
  }
  if (typeof value !== 'string' || !hasLength(value, 0, METADATA_VALUE_CHARS_MAX)) {
    return `must be a string of at most ${METADATA_VALUE_CHARS_MAX} characters`;
  }
  if (!value.isWellFormed()) return 'must be valid Unicode';
  return LINES.test(value) ? null : 'must not contain control characters';
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Counts code points, as JSON Schema does. */
export function hasLength(text: string, min: number, max: number): boolean {
  // A text of n code points has between n and 2n units, so a huge one is refused without counting.
  if (text.length < min || text.length > max * 2) return false;
  return text.length <= max || [...text].length <= max;
}
