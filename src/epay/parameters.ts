import { err, ok, type Result } from '../payment/index.ts';

/** What was sent, by name; a Map, so that no name means anything to the language. */
export type Parameters = ReadonlyMap<string, string>;

export type ParameterFault = 'bad_encoding' | 'too_many_parameters' | 'split_value';

/** No client sends a tenth of it. */
const PARAMETERS_MAX = 200;

/** Names of the protocol: text that looks like one of them inside a value could be cut off and taken for a parameter. */
const NAMES = [
  ...['pid', 'type', 'out_trade_no', 'notify_url', 'return_url', 'name', 'money', 'param', 'trade_no', 'trade_status'],
  ...['sign', 'sign_type', 'timestamp', 'clientip', 'device', 'sitename', 'api_trade_no', 'buyer', 'method', 'status'],
];
const HIDDEN_PARAMETER = new RegExp(`&(${NAMES.join('|')})=`, 'i');
/** Addresses have queries of their own; what was cut off a request would have to be hidden behind one of these two. */
const HIDDEN_ADDRESS = /&(notify_url|return_url)=/i;

/**
 * Reads `application/x-www-form-urlencoded` bytes as PHP does: of a name that comes twice the last one counts, names with `[` are
 * arrays and left out, and everything is UTF-8 to the byte.
 */
export function readUrlEncoded(bytes: Uint8Array): Result<Parameters, ParameterFault> {
  const pairs: [string, string][] = [];
  for (const part of partsOf(bytes)) {
    if (part.length === 0) continue;
    if (pairs.length >= PARAMETERS_MAX) return err('too_many_parameters');
    const at = part.indexOf(0x3d);
    const name = decoded(at < 0 ? part : part.subarray(0, at));
    const value = at < 0 ? '' : decoded(part.subarray(at + 1));
    if (name === null || value === null) return err('bad_encoding');
    pairs.push([name, value]);
  }
  return parametersOf(pairs);
}

/** The same rules for pairs that came otherwise (`multipart/form-data`). */
export function parametersOf(pairs: Iterable<readonly [string, string]>): Result<Parameters, ParameterFault> {
  const read = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (name === '' || name.includes('[')) continue;
    if (read.size >= PARAMETERS_MAX) return err('too_many_parameters');
    if (!name.isWellFormed() || !value.isWellFormed()) return err('bad_encoding');
    read.set(name, value);
  }
  return isCutUp(read) ? err('split_value') : ok(read);
}

/**
 * The string that is signed escapes nothing, so a signed value with `&out_trade_no=` in it can be cut up into other parameters under
 * the same signature. No real client sends such a value, and none that was made this way is taken.
 */
function isCutUp(parameters: Parameters): boolean {
  for (const [name, value] of parameters) {
    if (/[&=]/.test(name)) return true;
    const isAddress = name === 'notify_url' || name === 'return_url';
    if ((isAddress ? HIDDEN_ADDRESS : HIDDEN_PARAMETER).test(value)) return true;
  }
  return false;
}

function* partsOf(bytes: Uint8Array): Iterable<Uint8Array> {
  let from = 0;
  for (let at = bytes.indexOf(0x26); at >= 0; at = bytes.indexOf(0x26, from)) {
    yield bytes.subarray(from, at);
    from = at + 1;
  }
  yield bytes.subarray(from);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `%41` and `+` to bytes, bytes to text; null when that is not UTF-8. A `%` without two digits stays what it is, as in PHP. */
function decoded(escaped: Uint8Array): string | null {
  const bytes = new Uint8Array(escaped.length);
  let length = 0;
  for (let at = 0; at < escaped.length; at += 1) {
    const byte = escaped[at] ?? 0;
    const high = byte === 0x25 ? digitOf(escaped[at + 1]) : -1;
    const low = high < 0 ? -1 : digitOf(escaped[at + 2]);
    if (low >= 0) {
      bytes[length] = high * 16 + low;
      at += 2;
    } else bytes[length] = byte === 0x2b ? 0x20 : byte;
    length += 1;
  }
  try {
    return UTF8.decode(bytes.subarray(0, length));
  } catch {
    return null;
  }
}

function digitOf(byte: number | undefined): number {
  const digit = byte === undefined ? '' : String.fromCharCode(byte);
  return /^[0-9a-f]$/i.test(digit) ? Number.parseInt(digit, 16) : -1;
}
