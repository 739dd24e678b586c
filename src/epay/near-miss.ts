import type { EpaySign } from '../payment/index.ts';
import type { Parameters } from './parameters.ts';
import { digestOf, isSignedWithKey, signableStrings, signingString } from './signing.ts';

type Pairs = readonly (readonly [string, string])[];

/** What a request with a wrong signature was signed with, if that can be told: a word for what has to be set right. */
export type NearMiss =
  | 'sign_type'
  | 'key_in_string'
  | 'url_encoded_values'
  | 'key_with_blanks'
  | 'no_key'
  | 'as_received'
  | 'with_sign_type'
  | 'known_names_only'
  | 'money_rewritten'
  | 'query_merged'
  | 'foreign_key';

const KNOWN_NAMES: ReadonlySet<string> = new Set([
  ...['pid', 'type', 'out_trade_no', 'notify_url', 'return_url', 'name', 'money', 'param', 'clientip', 'device'],
]);

/**
 * Looks for the mistake that explains a wrong signature. `foreignKeys`: those of the other merchants, since a key of another entry is
 * the most common mistake of all. `beside`: what the other half of the request (body or query) holds. Null when none of the usual ones
 * does.
 */
export function nearMissOf(
  parameters: Parameters,
  keys: readonly string[],
  foreignKeys: readonly string[],
  beside: Parameters | null = null,
): NearMiss | null {
  const given = (parameters.get('sign') ?? '').trim();
  const kinds = hexKinds(given);
  const fits = (text: string, of: readonly string[] = keys): boolean =>
    kinds.some((kind) => of.some((key) => isSignedWithKey(kind, text, key, given)));
  const pairs: Pairs = [...parameters].filter(([name]) => name !== 'sign' && name !== 'sign_type');
  const plain = signingString(pairs);
  const strings = signableStrings(parameters);
  if (strings.some((text) => fits(text))) return 'sign_type';
  if (fits(`${plain}&key=`)) return 'key_in_string';
  if (fits(signingString(pairs.map(([name, value]) => [name, encodeURIComponent(value)])))) return 'url_encoded_values';
  if (fits(signingString(pairs.map(([name, value]) => [name, new URLSearchParams([['', value]]).toString().slice(1)]))))
    return 'url_encoded_values';
  if (
    fits(
      plain,
      keys.flatMap((key) => [`${key} `, ` ${key}`, `${key}\n`, `${key}\r\n`]),
    )
  )
    return 'key_with_blanks';
  if (kinds.some((kind) => digestOf(kind, plain).toString('hex') === given.toLowerCase())) return 'no_key';
  if (fits(pairs.map(([name, value]) => `${name}=${value}`).join('&'))) return 'as_received';
  if (fits(withSignType(parameters))) return 'with_sign_type';
  if (fits(signingString(pairs.filter(([name]) => KNOWN_NAMES.has(name))))) return 'known_names_only';
  if (moneyForms(parameters).some((money) => fits(signingString(new Map([...pairs, ['money', money]])))))
    return 'money_rewritten';
  if (beside !== null && withBeside(parameters, beside).some((text) => fits(text))) return 'query_merged';
  return strings.some((text) => fits(text, foreignKeys)) ? 'foreign_key' : null;
}

/** A key that is sent itself: what is wrong with it. Compared as hashes, so that the time taken tells nothing of another shop's. */
export function keyMissOf(given: string, keys: readonly string[], foreignKeys: readonly string[]): NearMiss | null {
  const isOneOf = (of: readonly string[]): boolean => {
    const hash = digestOf('sha256', given.trim());
    return of.filter((key) => digestOf('sha256', key).equals(hash)).length > 0;
  };
  if (given.trim() === '') return 'no_key';
  if (isOneOf(keys)) return 'key_with_blanks';
  return isOneOf(foreignKeys) ? 'foreign_key' : null;
}

/** The strings over query and body as one set, whichever wins, and over the half that does not count. */
function withBeside(parameters: Parameters, beside: Parameters): readonly string[] {
  const sets = [new Map([...beside, ...parameters]), new Map([...parameters, ...beside]), beside];
  return sets.flatMap((set) => signableStrings(set));
}

function hexKinds(given: string): readonly Exclude<EpaySign, 'rsa'>[] {
  if (/^[0-9a-f]{32}$/i.test(given)) return ['md5'];
  return /^[0-9a-f]{64}$/i.test(given) ? ['sha256'] : [];
}

function withSignType(parameters: Parameters): string {
  return [...parameters]
    .filter(([name, value]) => name !== 'sign' && value.trim() !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** The same amount as other programs would write it. */
function moneyForms(parameters: Parameters): readonly string[] {
  const match = /^(\d{1,9})(?:\.(\d*))?$/.exec(parameters.get('money') ?? '');
  if (!match) return [];
  const [, whole = '', fraction = ''] = match;
  const bare = fraction.replace(/0+$/, '');
  return [bare === '' ? whole : `${whole}.${bare}`, `${whole}.${fraction.slice(0, 2).padEnd(2, '0')}`];
}
