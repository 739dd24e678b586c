import { type ChannelError, type ChannelErrorKind, channelError } from '../../src/channel/index.ts';
import type { ErrorWords } from './config.ts';
import type { Fields } from './fields.ts';

type Row = readonly [words: string, kind: ChannelErrorKind, created: 'no' | 'maybe', reason?: 'frozen' | 'quota'];

/**
 * Errors are Chinese texts under a code that says little. The first row whose words are in the text counts. Those marked * were read
 * in the source of zxh1220/epay; the others are seen at forks and unconfirmed.
 */
const ROWS: readonly Row[] = [
  ['签名校验失败', 'AUTH_MISCONFIGURED', 'no'], // *
  ['签名错误', 'AUTH_MISCONFIGURED', 'no'],
  ['签名类型', 'AUTH_MISCONFIGURED', 'no'], // * the account takes RSA alone
  ['密钥错误', 'AUTH_MISCONFIGURED', 'no'], // *
  ['时间戳', 'AUTH_MISCONFIGURED', 'no'], // * one of the two clocks is wrong
  ['商户不存在', 'AUTH_MISCONFIGURED', 'no'], // *
  ['商户ID不', 'AUTH_MISCONFIGURED', 'no'], // *
  ['未开启', 'AUTH_MISCONFIGURED', 'no'], // * refunds by API are switched off
  ['封禁', 'AUTH_MISCONFIGURED', 'no', 'frozen'], // *
  ['未通过审核', 'AUTH_MISCONFIGURED', 'no', 'frozen'], // *
  ['无法收款', 'AUTH_MISCONFIGURED', 'no', 'frozen'], // *
  ['不可发起支付', 'AUTH_MISCONFIGURED', 'no', 'frozen'], // * our domain is not on their list
  ['保证金不足', 'AUTH_MISCONFIGURED', 'no', 'frozen'], // *
  ['未开通', 'AUTH_MISCONFIGURED', 'no', 'frozen'],
  ['通道已关闭', 'AUTH_MISCONFIGURED', 'no', 'frozen'],
  ['已完成支付', 'ALREADY_PAID', 'maybe'], // *
  ['支付参数有变化', 'DUPLICATE', 'maybe'], // *
  ['系统异常无法完成付款', 'RISK_REJECTED', 'no'], // * their blacklist
  ['今天已无法再发起支付', 'RISK_REJECTED', 'no'], // * their limit per buyer
  ['禁止出售', 'INVALID_REQUEST', 'no'], // *
  ['没有可用的支付通道', 'CHANNEL_UNAVAILABLE', 'no'],
  ['通道维护', 'CHANNEL_UNAVAILABLE', 'no'],
  ['单笔最', 'INVALID_REQUEST', 'no'], // *
  ['支付金额是', 'INVALID_REQUEST', 'no'], // *
  ['限额', 'CHANNEL_UNAVAILABLE', 'no', 'quota'],
  ['频繁', 'RATE_LIMITED', 'no'],
  ['请稍后', 'RATE_LIMITED', 'no'], // *
  ['安全验证', 'CHANNEL_UNAVAILABLE', 'no'], // * orders by link alone
  ['退款记录不存在', 'NOT_FOUND', 'no'], // *
  ['订单号不存在', 'NOT_FOUND', 'no'], // *
  ['当前订单不存在', 'NOT_FOUND', 'no'], // *
  ['余额不足', 'INSUFFICIENT_BALANCE', 'no'], // *
  ['不支持退款', 'INVALID_REQUEST', 'no'], // *
  ['已退款', 'INVALID_REQUEST', 'no'], // *
  ['已全额退款', 'INVALID_REQUEST', 'no'], // *
  ['退款金额', 'INVALID_REQUEST', 'no'], // *
  ['不支持API退款', 'INVALID_REQUEST', 'no'], // *
  // * Whatever stands behind the operator failed, perhaps without an answer. A repeat could return the money twice there, so it ends.
  ['退款失败', 'DECLINED', 'no'],
  ['金额', 'INVALID_REQUEST', 'no'], // *
  ['参数', 'INVALID_REQUEST', 'no'], // *
  ['不能为空', 'INVALID_REQUEST', 'no'], // *
  ['格式不正确', 'INVALID_REQUEST', 'no'], // *
];

/** Codes that say something by themselves, for texts in nobody's table. */
const ROW_BY_CODE: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['-3', ['code -3', 'AUTH_MISCONFIGURED', 'no']],
  ['-4', ['code -4', 'INVALID_REQUEST', 'no']],
  ['-5', ['code -5', 'INVALID_REQUEST', 'no']],
]);

/** What a refusal means. `providerCode` is our table's words and never theirs, which could hold anything. */
export function errorOf(answer: Fields, own: readonly ErrorWords[]): ChannelError {
  const text = answer.get('msg') ?? '';
  const ownRow = own.find(({ words }) => text.includes(words));
  if (ownRow !== undefined) return channelError(ownRow.kind, ownRow.created, { providerCode: ownRow.words });
  const code = answer.get('code') ?? '';
  const row = ROWS.find(([words]) => text.includes(words)) ?? ROW_BY_CODE.get(code);
  if (row === undefined) {
    const providerCode = /^-?\d{1,6}$/.test(code) ? `code ${code}` : null;
    return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code', providerCode });
  }
  const [words, kind, created, reason] = row;
  return channelError(kind, created, { reason, providerCode: words });
}
