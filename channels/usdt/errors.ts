import { type ChannelError, type ChannelErrorKind, channelError } from '../../src/channel/index.ts';

type Row = readonly [words: string, kind: ChannelErrorKind, created: 'no' | 'maybe', reason?: 'quota'];

/**
 * Nearly every refusal has the code 400; only its text tells. The first row whose words are in it counts. Those marked * were read in
 * the provider's source; the others are of older relatives and unconfirmed.
 */
const ROWS: readonly Row[] = [
  ['签名', 'AUTH_MISCONFIGURED', 'no'], // *
  ['signature', 'AUTH_MISCONFIGURED', 'no'],
  ['钱包', 'AUTH_MISCONFIGURED', 'no'], // * no wallet for this network
  ['收款地址', 'AUTH_MISCONFIGURED', 'no'],
  ['订单不存在', 'NOT_FOUND', 'no'], // *
  ['order not found', 'NOT_FOUND', 'no'], // *
  ['状态不允许取消', 'ALREADY_CLOSED', 'maybe'], // * or paid, or being confirmed
  ['汇率', 'CHANNEL_UNAVAILABLE', 'no'], // *
  ['原子颗粒度', 'AUTH_MISCONFIGURED', 'no'], // *
  ['请求参数错误', 'INVALID_REQUEST', 'no'], // *
  ['金额', 'INVALID_REQUEST', 'no'],
];

/** The codes of the older relatives, which have some. */
const ROW_BY_CODE: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['401', ['code 401', 'AUTH_MISCONFIGURED', 'no']],
  ['10002', ['code 10002', 'DUPLICATE', 'maybe']],
  ['10003', ['code 10003', 'AUTH_MISCONFIGURED', 'no']],
  ['10004', ['code 10004', 'INVALID_REQUEST', 'no']],
  ['10005', ['code 10005', 'CHANNEL_UNAVAILABLE', 'no', 'quota']],
  ['10006', ['code 10006', 'CHANNEL_UNAVAILABLE', 'no']],
  ['10008', ['code 10008', 'NOT_FOUND', 'no']],
  ['10009', ['code 10009', 'INVALID_REQUEST', 'no']],
]);

/** What a refusal means. `providerCode` is our table's words and never theirs. */
export function errorOf(code: string, message: string): ChannelError {
  const row = ROW_BY_CODE.get(code) ?? ROWS.find(([words]) => message.includes(words));
  if (row === undefined) {
    const providerCode = /^\d{1,6}$/.test(code) ? `code ${code}` : null;
    return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code', providerCode });
  }
  const [words, kind, created, reason] = row;
  return channelError(kind, created, { reason, providerCode: words });
}
