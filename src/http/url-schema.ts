import { z } from 'zod';
import { hasLength } from './fields.ts';

const URL_CHARS_MAX = 512;

const LABEL = '[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?';
/** Its last label begins with no digit: `127.1` and `0x7f000001` are addresses to some readers and names to others. */
const NAME = `(?:${LABEL}\\.)*[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\\.?`;
const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4 = `(?:${OCTET}\\.){3}${OCTET}`;
const PORT = '(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})';
/** Blanks, controls and backslashes are dropped or turned by forgiving parsers; two readers could disagree. */
const REST = '[/?#][^\\\\\\x00-\\x20\\x7f-\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff]*';

/** An absolute address without credentials; plain http only where the sandbox allows it. The text is kept as it was sent. */
export function urlSchema(allowHttp: boolean) {
  const scheme = allowHttp ? 'an http or https' : 'an https';
  const message = `must be ${scheme} URL`;
  return z
    .string(message)
    .refine((text) => hasLength(text, 0, URL_CHARS_MAX), `must have at most ${URL_CHARS_MAX} characters`)
    .refine((text) => !hasCredentials(text), 'must not contain a user name or password')
    .regex(urlPattern(allowHttp), { error: message, abort: true })
    .refine((text) => text.isWellFormed() && URL.canParse(text), message)
    .meta({ maxLength: URL_CHARS_MAX });
}

function urlPattern(allowHttp: boolean): RegExp {
  const host = `(?:${NAME}|${IPV4}|\\[(?:${ipv6Pattern()})\\])`;
  return new RegExp(`^[Hh][Tt][Tt][Pp]${allowHttp ? '[Ss]?' : '[Ss]'}://${host}(?::${PORT})?(?:${REST})?$`, 'u');
}

/** Eight groups, or fewer around one `::`; the last two may be written as IPv4 where `::` comes first. */
function ipv6Pattern(): string {
  const group = '[0-9A-Fa-f]{1,4}';
  const shortened = [0, 1, 2, 3, 4, 5, 6].map((left) => {
    const before = left === 0 ? ':' : `(?:${group}:){${left}}`;
    return `${before}:(?:${group}(?::${group}){0,${6 - left}})?`;
  });
  return [`(?:${group}:){7}(?:${group}|:)`, ...shortened, `::(?:[Ff]{4}:)?${IPV4}`].join('|');
}

function hasCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== '' || url.password !== '');
}
