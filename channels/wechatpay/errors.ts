import { type ChannelError, type ChannelErrorKind, channelError } from '../../src/channel/index.ts';
import { parseJson } from './json.ts';

type Row = readonly [kind: ChannelErrorKind, created: 'no' | 'maybe'];

/**
 * WeChat's `code` without underscores, since both spellings are in use (SYSTEM_ERROR, SYSTEMERROR).
 * From the error lists of the native, H5, query, close, refund and bill APIs.
 */
const ROW_BY_CODE: ReadonlyMap<string, Row> = new Map([
  ['SYSTEMERROR', ['CHANNEL_TIMEOUT_UNKNOWN', 'maybe']],
  ['BANKERROR', ['CHANNEL_TIMEOUT_UNKNOWN', 'maybe']],
  ['USERPAYING', ['CHANNEL_TIMEOUT_UNKNOWN', 'maybe']],
  ['ACCEPT', ['CHANNEL_TIMEOUT_UNKNOWN', 'maybe']],
  ['PARAMERROR', ['INVALID_REQUEST', 'no']],
  ['INVALIDREQUEST', ['INVALID_REQUEST', 'no']],
  ['INVALIDTRANSACTIONID', ['INVALID_REQUEST', 'no']],
  ['OPENIDMISMATCH', ['INVALID_REQUEST', 'no']],
  ['OUTTRADENOUSED', ['DUPLICATE', 'maybe']],
  ['ORDERPAID', ['ALREADY_PAID', 'maybe']],
  ['ORDERCLOSED', ['ALREADY_CLOSED', 'no']],
  ['ORDERNOTEXIST', ['NOT_FOUND', 'no']],
  ['RESOURCENOTEXISTS', ['NOT_FOUND', 'no']],
  ['SIGNERROR', ['AUTH_MISCONFIGURED', 'no']],
  ['APPIDMCHIDNOTMATCH', ['AUTH_MISCONFIGURED', 'no']],
  ['MCHNOTEXISTS', ['AUTH_MISCONFIGURED', 'no']],
  ['NOAUTH', ['AUTH_MISCONFIGURED', 'no']],
  ['RULELIMIT', ['DECLINED', 'no']],
  ['TRADEERROR', ['DECLINED', 'no']],
  ['ACCOUNTERROR', ['DECLINED', 'no']],
  ['USERACCOUNTABNORMAL', ['DECLINED', 'no']],
  ['REQUESTBLOCKED', ['RISK_REJECTED', 'no']],
  ['FREQUENCYLIMITED', ['RATE_LIMITED', 'no']],
  ['FREQUENCYLIMITEXCEED', ['RATE_LIMITED', 'no']],
  ['NOTENOUGH', ['DECLINED', 'no']],
  ['NOSTATEMENTEXIST', ['NOT_FOUND', 'no']],
  ['STATEMENTCREATING', ['RATE_LIMITED', 'no']],
]);

/** Risk control stopped the merchant from receiving money; it comes as an ordinary NO_AUTH. */
const FROZEN_WORDS = '收款功能已被限制';

/** What a call is about. On a refund NOT_ENOUGH means our balance, on a payment the buyer's. */
export type Purpose = 'payment' | 'refund';

/** The error behind an answer that is not 2xx (or is 202, "not done yet"). */
export function errorOfAnswer(status: number, body: Uint8Array, purpose: Purpose): ChannelError {
  const json = parseJson(body);
  const code = textOf(json, 'code');
  if (code === null) {
    if (status === 429) return channelError('RATE_LIMITED', 'no');
    return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'); // an HTML page, half an answer, somebody else's error
  }
  const normal = normalCode(code);
  const row = ROW_BY_CODE.get(normal);
  const providerCode = printable(code);
  if (!row) {
    if (status === 429) return channelError('RATE_LIMITED', 'no', { providerCode });
    return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code', providerCode });
  }
  if (normal === 'NOAUTH' && (textOf(json, 'message') ?? '').includes(FROZEN_WORDS)) {
    return channelError('AUTH_MISCONFIGURED', 'no', { reason: 'frozen', providerCode });
  }
  if (normal === 'NOTENOUGH' && purpose === 'refund')
    return channelError('INSUFFICIENT_BALANCE', 'no', { providerCode });
  return channelError(row[0], row[1], { providerCode });
}

/** An answer that WeChat does not vouch for: its content is never used, and an order may exist. */
export function forgedAnswer(): ChannelError {
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' });
}

/** A signed success that does not say what it should. */
export function unreadableAnswer(): ChannelError {
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe');
}

/** Whether the error is this one of WeChat's codes, in either spelling. */
export function isCode(error: ChannelError, code: string): boolean {
  return error.providerCode !== null && normalCode(error.providerCode) === normalCode(code);
}

/** Whether WeChat says that it holds no such order or, asked about a refund, no such refund or nothing to refund. */
export function saysAbsent(error: ChannelError, purpose: Purpose): boolean {
  return isCode(error, 'ORDER_NOT_EXIST') || (purpose === 'refund' && isCode(error, 'RESOURCE_NOT_EXISTS'));
}

function normalCode(code: string): string {
  return code.replaceAll('_', '').toUpperCase();
}

function textOf(json: unknown, field: string): string | null {
  if (typeof json !== 'object' || json === null || !(field in json)) return null;
  const value: unknown = Reflect.get(json, field);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Codes go into logs: only what a code can look like. */
function printable(code: string): string {
  return code.replaceAll(/[^A-Za-z0-9_.-]/g, '?').slice(0, 64);
}
