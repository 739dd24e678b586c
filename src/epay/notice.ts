import { currentAttempt, type EpayTerms, type Payment, toDecimalString } from '../payment/index.ts';
import { typeOfMethod } from './types.ts';

type Fields = readonly (readonly [string, string])[];

/**
 * What a shop is told of a paid order, in the notification and in the buyer's return: nothing that some client would leave out or
 * change before it checks the signature. No blank value, no `0`, no space around one, no backslash, and no `&` in the name, which the
 * buyer may have chosen.
 */
export function noticeFields(payment: Payment, terms: EpayTerms, nowMs: number): Fields {
  const type = terms.type ?? typeOfMethod(currentAttempt(payment)?.method ?? '');
  const fields: Fields = [
    ['pid', String(terms.pid)],
    ['trade_no', payment.id],
    ['out_trade_no', terms.outTradeNo],
    ['type', type],
    ['name', plainName(terms.name)],
    ['money', toDecimalString(payment.amount)],
    ['trade_status', 'TRADE_SUCCESS'],
    ['param', terms.param?.trim() ?? ''],
    ...(isTimed(terms) ? ([['timestamp', String(Math.floor(nowMs / 1_000))]] as const) : []),
  ];
  return fields.filter(([, value]) => value !== '' && value !== '0');
}

/** V2 signs the moment with everything, and whoever signs with RSA speaks V2. */
function isTimed({ version, sign }: EpayTerms): boolean {
  return version === 2 || sign === 'rsa';
}

/** Servers in front of shops refuse long addresses, and no client compares the name with its own. */
const NAME_CHARS_MAX = 128;

function plainName(name: string): string {
  const plain = name.replaceAll(/[&\\\p{Cc}\u2028\u2029]/gu, ' ').replace(INVISIBLE_ENDS, '');
  return [...plain].slice(0, NAME_CHARS_MAX).join('').replace(INVISIBLE_ENDS, '');
}

/** What frameworks trim: spaces, and what cannot be seen either. */
const INVISIBLE_ENDS = /^[\s\p{Default_Ignorable_Code_Point}\u2800]+|[\s\p{Default_Ignorable_Code_Point}\u2800]+$/gu;

/** The address of a shop with parameters behind it; its own text stays as it is, also behind a fragment, as the clients expect. */
export function withParameters(url: string, parameters: Fields): string {
  const query = parameters.map(([name, value]) => `${name}=${escaped(value)}`).join('&');
  return `${url}${url.includes('?') ? '&' : '?'}${query}`;
}

/** RFC 3986: a space is `%20`, and what `encodeURIComponent` lets stand is escaped as well. */
function escaped(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The same address without what proves it, for logs and operators. */
export function withoutSign(url: string): string {
  return url.replaceAll(/([?&]sign=)[^&#]*/g, '$1...');
}

/** The parameters of the shop's own query, where it has one. */
export function ownQuery(url: string): Fields {
  const query = /\?([^#]*)/.exec(url)?.[1] ?? '';
  return [...new URLSearchParams(query)];
}

/** Long pages may hold the word anywhere. */
const SHORT_CHARS = 4_096;

/**
 * Whether a shop's answer says that it has taken the notification: the word `success`, as far as everything around it is decoration; a
 * short text that begins or ends with it (warnings of PHP stand before, output of plug-ins behind); or JSON that says so.
 */
export function isAcknowledged(status: number, body: string): boolean {
  if (status < 200 || status >= 300) return false;
  const text = body
    .replaceAll('\uFEFF', '')
    .replaceAll(/<[^<>]*>/g, ' ')
    .trim()
    // Frameworks that answer in JSON write a string so.
    .replace(/^"(.*)"$/s, '$1');
  if (/^success$/i.test(text)) return true;
  if (body.length >= SHORT_CHARS) return false;
  return saysSuccess(body.trim()) ?? /^success(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])success$/iu.test(text);
}

/** What a JSON object says; null when it is none. */
function saysSuccess(text: string): boolean | null {
  if (!text.startsWith('{')) return null;
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== 'object' || answer === null) return null;
    const values = Object.values(answer);
    return !values.includes(false) && values.some((value) => typeof value === 'string' && /^success$/i.test(value));
  } catch {
    return null;
  }
}
