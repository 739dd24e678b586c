import { expect, test } from 'vitest';
import { closeNeedsQuery, errorOf, type Operation } from '../../../channels/alipay/errors.ts';
import type { ChannelError } from '../../../src/channel/index.ts';

type Row = readonly [codes: string, operation: Operation, kind: string, created: string, reason?: string];

/** `channels.md` 1.9, row by row, `ACQ.` left out; a word that is no gateway code is a business one. */
const ROWS: readonly Row[] = [
  ['SYSTEM_ERROR isp.unknow-error UNKNOW_ERROR', 'create', 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['INVALID_PARAMETER EXIST_FORBIDDEN_WORD TOTAL_FEE_EXCEED', 'create', 'INVALID_REQUEST', 'no'],
  ['NOW_TIME_AFTER_EXPIRE_TIME_ERROR INVALID_STORE_ID', 'create', 'INVALID_REQUEST', 'no'],
  ['CONTEXT_INCONSISTENT', 'create', 'DUPLICATE', 'maybe'],
  ['TRADE_HAS_SUCCESS', 'create', 'ALREADY_PAID', 'maybe'],
  ['TRADE_HAS_CLOSE', 'create', 'ALREADY_CLOSED', 'no'],
  ['BUYER_SELLER_EQUAL TRADE_BUYER_NOT_MATCH BUYER_ENABLE_STATUS_FORBID', 'create', 'DECLINED', 'no'],
  ['BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR', 'create', 'DECLINED', 'no'],
  ['BUYER_BALANCE_NOT_ENOUGH PAYMENT_FAIL ERROR_BUYER_CERTIFY_LEVEL_LIMIT', 'create', 'DECLINED', 'no'],
  ['PAYMENT_REQUEST_HAS_RISK RISK_MERCHANT_IP_NOT_EXIST', 'create', 'RISK_REJECTED', 'no'],
  ['BEYOND_PAY_RESTRICTION BEYOND_PER_RECEIPT_RESTRICTION', 'create', 'CHANNEL_UNAVAILABLE', 'no', 'quota'],
  ['BEYOND_PER_RECEIPT_DAY_RESTRICTION', 'create', 'CHANNEL_UNAVAILABLE', 'no', 'quota'],
  [
    'MERCHANT_PERM_RECEIPT_SINGLE_LIMIT MERCHANT_PERM_RECEIPT_DAY_LIMIT',
    'create',
    'CHANNEL_UNAVAILABLE',
    'no',
    'quota',
  ],
  ['SELLER_BEEN_BLOCKED MERCHANT_STATUS_NOT_NORMAL SELLER_NOT_EXIST', 'create', 'AUTH_MISCONFIGURED', 'no', 'frozen'],
  ['MERCHANT_PERM_RECEIPT_SUSPEND INVALID_RECEIVE_ACCOUNT', 'create', 'AUTH_MISCONFIGURED', 'no', 'frozen'],
  ['SECONDARY_MERCHANT_STATUS_ERROR isv.app-api-punished', 'create', 'AUTH_MISCONFIGURED', 'no', 'frozen'],
  ['ACCESS_FORBIDDEN PARTNER_ERROR MERCHANT_AGREEMENT_NOT_EXIST', 'query', 'AUTH_MISCONFIGURED', 'no'],
  ['MERCHANT_AGREEMENT_INVALID isv.insufficient-isv-permissions', 'query', 'AUTH_MISCONFIGURED', 'no'],
  ['isv.insufficient-user-permissions isv.forbidden-api isv.illegal-client-ip', 'close', 'AUTH_MISCONFIGURED', 'no'],
  ['isv.missing-signature isv.invalid-signature isv.invalid-app-id', 'create', 'AUTH_MISCONFIGURED', 'no'],
  ['isv.invalid-timestamp isv.app-cert-expired', 'create', 'AUTH_MISCONFIGURED', 'no'],
  ['isv.invalid-alipay-root-cert-sn aop.invalid-app-auth-token', 'create', 'AUTH_MISCONFIGURED', 'no'],
  ['isv.app-call-limited isv.method-call-limited isp.call-limited', 'create', 'RATE_LIMITED', 'no'],
  ['TRADE_NOT_EXIST', 'query', 'NOT_FOUND', 'no'],
  ['SELLER_BALANCE_NOT_ENOUGH', 'refund', 'INSUFFICIENT_BALANCE', 'no'],
  ['DISCORDANT_REPEAT_REQUEST', 'refund', 'DUPLICATE', 'maybe'],
  ['REFUND_AMT_NOT_EQUAL_TOTAL REASON_TRADE_REFUND_FEE_ERR REFUND_FEE_ERROR', 'refund', 'INVALID_REQUEST', 'no'],
  ['NOT_ALLOW_PARTIAL_REFUND TRADE_HAS_FINISHED TRADE_NOT_ALLOW_REFUND', 'refund', 'INVALID_REQUEST', 'no'],
  ['TRADE_STATUS_ERROR BUYER_NOT_EXIST CUSTOMER_VALIDATE_ERROR', 'refund', 'INVALID_REQUEST', 'no'],
  ['REASON_TRADE_BEEN_FREEZEN', 'refund', 'RISK_REJECTED', 'no'],
  ['TRADE_NOT_EXIST', 'refund', 'NOT_FOUND', 'no'],
  // Beyond 1.9: what the page of alipay.trade.refund lists besides.
  ['TRADE_HAS_CLOSE REASON_TRADE_STATUS_INVALID', 'refund', 'INVALID_REQUEST', 'no'],
  ['ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND CURRENCY_NOT_SUPPORT USER_NOT_MATCH_ERR', 'refund', 'INVALID_REQUEST', 'no'],
  ['TRADE_SETTLE_ERROR ALLOC_AMOUNT_VALIDATE_ERROR ENTERPRISE_PAY_BIZ_ERROR', 'refund', 'INVALID_REQUEST', 'no'],
  ['REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST REFUNDALLOC_UNAUTH_LIMIT', 'refund', 'INVALID_REQUEST', 'no'],
  ['OVERDRAFT_AGREEMENT_NOT_MATCH OVERDRAFT_ASSIGN_ACCOUNT_INVALID', 'refund', 'INVALID_REQUEST', 'no'],
  ['BUYER_ERROR BUYER_ENABLE_STATUS_FORBID', 'refund', 'DECLINED', 'no'],
  ['REFUND_ACCOUNT_NOT_EXIST', 'refund', 'AUTH_MISCONFIGURED', 'no', 'frozen'],
  ['REFUND_CHARGE_ERROR SYSTEM_ERROR', 'refund', 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['BILL_NOT_EXIST', 'bill', 'NOT_FOUND', 'no'],
  ['INVAILID_ARGUMENTS', 'bill', 'INVALID_REQUEST', 'no'],
];

const CASES = ROWS.flatMap(([codes, operation, kind, created, reason]) =>
  codes.split(' ').map((word) => {
    const code = word.includes('.') ? word : `ACQ.${word}`;
    return { code, operation, expected: error(kind, created, code, reason) };
  }),
);

test.each(CASES)('$code in a $operation is $expected.kind', ({ code, operation, expected }) => {
  expect(errorOf('40004', code, operation)).toEqual(expected);
});

test.each([
  ['20000', 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['20001', 'AUTH_MISCONFIGURED', 'no'],
  ['40001', 'INVALID_REQUEST', 'no'],
  ['40002', 'INVALID_REQUEST', 'no'],
  ['40005', 'RATE_LIMITED', 'no'],
  ['40006', 'AUTH_MISCONFIGURED', 'no'],
])('the gateway code %s speaks where its sub code says nothing that we know', (code, kind, created) => {
  expect(errorOf(code, null, 'create')).toEqual(error(kind, created, code));
  expect(errorOf(code, 'isv.something-new', 'create')).toEqual(error(kind, created, 'isv.something-new'));
});

test('a bad signature is no bad request: the operator has to mend it', () => {
  expect(errorOf('40002', 'isv.invalid-signature', 'create').kind).toBe('AUTH_MISCONFIGURED');
});

test.each([
  ['40004', 'ACQ.TOMORROWS_CODE'],
  ['40004', null],
  ['10003', null],
  ['99999', 'whatever'],
  ['', ''],
])('the unknown code %s %s settles nothing', (code, sub) => {
  expect(errorOf(code, sub, 'create')).toMatchObject({
    kind: 'CHANNEL_TIMEOUT_UNKNOWN',
    created: 'maybe',
    reason: 'unmapped_code',
  });
});

test('words of a provider that are no code are not repeated', () => {
  expect(errorOf('40004', '买家 138****0000 不存在', 'create').providerCode).toBeNull();
});

test.each(['REASON_TRADE_STATUS_INVALID', 'TRADE_STATUS_ERROR', 'TRADE_HAS_SUCCESS', 'TRADE_HAS_FINISHED'])(
  'after %s a close asks what the order is',
  (code) => {
    expect(closeNeedsQuery(errorOf('40004', `ACQ.${code}`, 'close'))).toBe(true);
    expect(closeNeedsQuery(errorOf('40004', 'ACQ.SYSTEM_ERROR', 'close'))).toBe(false);
  },
);

function error(kind: string, created: string, providerCode: string, reason?: string): ChannelError {
  return { kind, created, providerCode, ...(reason === undefined ? {} : { reason }) } as ChannelError;
}
