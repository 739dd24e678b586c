import { isUtf8 } from 'node:buffer';

/** The longest body that is kept whole. */
export const BODY_BYTES_MAX = 64 * 1024;
/** All messages of one entry together, as JSON; two bodies, their escapes and headers fit. */
const MESSAGES_CHARS_MAX = 512 * 1024;
const FIELD_CHARS_MAX = 500;
const DEPTH_MAX = 10;
const ITEMS_MAX = 200;

const REMOVED = '[removed]';

/** Headers that prove who somebody is. A signature proves what was said, and is what evidence is for. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  ...['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key', 'api-key'],
]);
/** WeChat puts its signature there: `WECHATPAY2-SHA256-RSA2048 mchid="…",…,signature="…"`. */
const SIGNATURE_SCHEME = /^WECHATPAY2-\S+ /;

/**
 * Stripe's keys and webhook secrets, also inside JSON and forms, where `/`, `+` and `=` are escaped. A letter in front belongs to
 * another word (`task_test_1`), unless it is the end of an escape (`\n`).
 */
const SECRET_VALUE = /(?:(?<![a-z])|(?<=\\[bfnrt]))([sr]k_(?:live|test|sandbox)|whsec)_(?:[\w+=/-]|\\\/|%2[bf]|%3d)+/gi;

/**
 * Messages as JSON, ready to be sealed: secrets replaced, long bodies cut and marked, whatever JSON cannot hold turned into what
 * it can. Null when there are none. The transports leave secrets out by themselves; this is the net below them.
 */
export function messagesText(messages: Readonly<Record<string, unknown>> | null): string | null {
  if (messages === null) return null;
  const text = JSON.stringify(plain(messages, []));
  if (text.length <= MESSAGES_CHARS_MAX) return text;
  return JSON.stringify({ cut: `${text.length} characters were too many to keep` });
}

/** One short word or number of an entry: no secret, of bounded length, and the same after a round through the database. */
export function fieldText(text: string): string {
  const clean = withoutSecrets(text).toWellFormed();
  return clean.length <= FIELD_CHARS_MAX ? clean : `${clean.slice(0, FIELD_CHARS_MAX).toWellFormed()}…`;
}

/** `inside`: the values that this one is a part of, so that one which holds itself comes to an end. */
function plain(value: unknown, inside: readonly object[]): unknown {
  if (typeof value === 'string') return cut(withoutSecrets(value));
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (inside.length > DEPTH_MAX || inside.includes(value)) return '[cut: nested too deep]';
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return isUtf8(bytes) ? plain(bytes.toString('utf8'), inside) : cut(`base64:${bytes.toString('base64')}`);
  }
  if (Array.isArray(value)) return plainList(value, [...inside, value]);
  return plainFields(value instanceof Map ? [...value] : Object.entries(value), [...inside, value]);
}

/** Headers also come as pairs, or as one list of names and values in turn. */
function plainList(items: readonly unknown[], inside: readonly object[]): readonly unknown[] {
  return items
    .slice(0, ITEMS_MAX)
    .map((item, i) => (isSecretHeader(items[i - 1]) ? withoutProof(item) : plain(item, inside)));
}

function plainFields(fields: readonly (readonly [unknown, unknown])[], inside: readonly object[]): unknown {
  const kept = fields
    .slice(0, ITEMS_MAX)
    .map(([key, value]): [string, unknown] => [
      withoutSecrets(String(key)),
      isSecretHeader(key) ? withoutProof(value) : plain(value, inside),
    ]);
  return Object.fromEntries(kept);
}

function isSecretHeader(name: unknown): boolean {
  return typeof name === 'string' && SECRET_HEADERS.has(name.toLowerCase());
}

function withoutProof(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutProof);
  return typeof value === 'string' && SIGNATURE_SCHEME.test(value) ? cut(value) : REMOVED;
}

/** What every one of them has; nearly no text does, and looking for it takes a fraction of the time. */
const SECRET_HINT = /[sr]k_|whsec_/i;

function withoutSecrets(text: string): string {
  if (!SECRET_HINT.test(text)) return text;
  return text.replace(SECRET_VALUE, `$1_${REMOVED}`);
}

/** Cut after the secrets are gone: half a key at the end of a body would no longer be recognised as one. */
function cut(text: string): string {
  // A character takes at most three bytes here.
  if (text.length * 3 <= BODY_BYTES_MAX) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= BODY_BYTES_MAX) return text;
  // A character that the cut goes through comes out as U+FFFD.
  const kept = bytes
    .subarray(0, BODY_BYTES_MAX)
    .toString('utf8')
    .replace(/\uFFFD$/u, '');
  return `${kept}[cut: ${BODY_BYTES_MAX} of ${bytes.length} bytes]`;
}
