import { CHANNEL_ERROR_KINDS, type ChannelError, channelError } from '../../src/channel/index.ts';

/** What we were doing; a few codes mean different things in different calls. */
export type Operation = 'create' | 'query' | 'close' | 'refund' | 'bill' | 'balance';

type Meaning = Pick<ChannelError, 'kind' | 'created'> & Partial<Pick<ChannelError, 'reason'>>;

const UNKNOWN: Meaning = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' };
const INVALID: Meaning = { kind: 'INVALID_REQUEST', created: 'no' };
const DECLINED: Meaning = { kind: 'DECLINED', created: 'no' };
const RISK: Meaning = { kind: 'RISK_REJECTED', created: 'no' };
const QUOTA: Meaning = { kind: 'CHANNEL_UNAVAILABLE', created: 'no', reason: 'quota' };
const FROZEN: Meaning = { kind: 'AUTH_MISCONFIGURED', created: 'no', reason: 'frozen' };
const MISCONFIGURED: Meaning = { kind: 'AUTH_MISCONFIGURED', created: 'no' };
const LIMITED: Meaning = { kind: 'RATE_LIMITED', created: 'no' };
const DUPLICATE: Meaning = { kind: 'DUPLICATE', created: 'maybe' };
const NOT_FOUND: Meaning = { kind: 'NOT_FOUND', created: 'no' };

/**
 * `channels.md` 1.9, and what the refund's own page adds; the prefix `ACQ.` left out.
 * @see https://opendocs.alipay.com/common/02km9f and each method's page
 */
const MEANING_BY_CODE: ReadonlyMap<string, Meaning> = new Map([
  ...all(
    UNKNOWN,
    '20000',
    'SYSTEM_ERROR',
    'isp.unknow-error',
    'aop.unknow-error',
    'UNKNOW_ERROR',
    'REFUND_CHARGE_ERROR',
  ),
  ...all(INVALID, '40001', '40002', 'INVALID_PARAMETER', 'EXIST_FORBIDDEN_WORD', 'TOTAL_FEE_EXCEED'),
  ...all(INVALID, 'NOW_TIME_AFTER_EXPIRE_TIME_ERROR', 'INVALID_STORE_ID'),
  ...all(DUPLICATE, 'CONTEXT_INCONSISTENT', 'DISCORDANT_REPEAT_REQUEST'),
  ...all({ kind: 'ALREADY_PAID', created: 'maybe' }, 'TRADE_HAS_SUCCESS'),
  ...all({ kind: 'ALREADY_CLOSED', created: 'no' }, 'TRADE_HAS_CLOSE'),
  ...all(DECLINED, 'BUYER_SELLER_EQUAL', 'TRADE_BUYER_NOT_MATCH', 'BUYER_ENABLE_STATUS_FORBID', 'PAYMENT_FAIL'),
  ...all(DECLINED, 'BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR', 'BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR'),
  ...all(DECLINED, 'BUYER_BALANCE_NOT_ENOUGH', 'ERROR_BUYER_CERTIFY_LEVEL_LIMIT', 'BUYER_ERROR'),
  ...all(RISK, 'PAYMENT_REQUEST_HAS_RISK', 'RISK_MERCHANT_IP_NOT_EXIST', 'REASON_TRADE_BEEN_FREEZEN'),
  ...all(QUOTA, 'BEYOND_PAY_RESTRICTION', 'MERCHANT_PERM_RECEIPT_SINGLE_LIMIT', 'MERCHANT_PERM_RECEIPT_DAY_LIMIT'),
  ...all(FROZEN, 'SELLER_BEEN_BLOCKED', 'MERCHANT_STATUS_NOT_NORMAL', 'MERCHANT_PERM_RECEIPT_SUSPEND'),
  ...all(FROZEN, 'SELLER_NOT_EXIST', 'INVALID_RECEIVE_ACCOUNT', 'isv.app-api-punished', 'REFUND_ACCOUNT_NOT_EXIST'),
  ...all(MISCONFIGURED, '20001', '40006', 'ACCESS_FORBIDDEN', 'PARTNER_ERROR', 'aop.invalid-app-auth-token'),
  ...all(MISCONFIGURED, 'MERCHANT_AGREEMENT_NOT_EXIST', 'MERCHANT_AGREEMENT_INVALID', 'isv.forbidden-api'),
  ...all(
    MISCONFIGURED,
    'isv.insufficient-isv-permissions',
    'isv.insufficient-user-permissions',
    'isv.illegal-client-ip',
  ),
  ...all(
    MISCONFIGURED,
    'isv.missing-signature',
    'isv.invalid-signature',
    'isv.invalid-app-id',
    'isv.invalid-timestamp',
  ),
  ...all(MISCONFIGURED, 'isv.app-cert-expired', 'isv.invalid-alipay-root-cert-sn'),
  ...all(LIMITED, '40005', 'isv.app-call-limited', 'isv.method-call-limited'),
  ...all(NOT_FOUND, 'TRADE_NOT_EXIST', 'BILL_NOT_EXIST'),
  // Refused as a whole: nothing happened to the refund, and the same request will not do better.
  ...all(INVALID, 'REFUND_AMT_NOT_EQUAL_TOTAL', 'REASON_TRADE_REFUND_FEE_ERR', 'REFUND_FEE_ERROR'),
  ...all(INVALID, 'NOT_ALLOW_PARTIAL_REFUND', 'TRADE_HAS_FINISHED', 'TRADE_NOT_ALLOW_REFUND', 'BUYER_NOT_EXIST'),
  ...all(INVALID, 'CUSTOMER_VALIDATE_ERROR', 'INVAILID_ARGUMENTS'), // their spelling
  ...all(INVALID, 'ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND', 'CURRENCY_NOT_SUPPORT', 'USER_NOT_MATCH_ERR'),
  ...all(INVALID, 'TRADE_SETTLE_ERROR', 'ALLOC_AMOUNT_VALIDATE_ERROR', 'ENTERPRISE_PAY_BIZ_ERROR'),
  ...all(INVALID, 'REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST', 'REFUNDALLOC_UNAUTH_LIMIT'),
  ...all(INVALID, 'OVERDRAFT_AGREEMENT_NOT_MATCH', 'OVERDRAFT_ASSIGN_ACCOUNT_INVALID'),
  ...all({ kind: 'INSUFFICIENT_BALANCE', created: 'no' }, 'SELLER_BALANCE_NOT_ENOUGH'),
]);

/** Families of codes that 1.9 gives with a `*`. */
const MEANING_BY_PATTERN: readonly (readonly [RegExp, Meaning])[] = [
  [/^BEYOND_PER_RECEIPT_\w*RESTRICTION$/, QUOTA],
  [/^SECONDARY_MERCHANT_\w+$/, FROZEN],
  [/^isp\.[\w-]*limited$/, LIMITED],
];

/** The order's own state forbids the refund: it was never paid, or there is nothing left of it. */
const NOT_REFUNDABLE: ReadonlySet<string> = new Set([
  'TRADE_STATUS_ERROR',
  'REASON_TRADE_STATUS_INVALID',
  'TRADE_HAS_CLOSE',
]);

/** The order's own state forbids the close; only a query can say whether it was paid or closed. */
const CLOSE_NEEDS_QUERY: ReadonlySet<string> = new Set([
  'REASON_TRADE_STATUS_INVALID',
  'TRADE_STATUS_ERROR',
  'TRADE_HAS_SUCCESS',
  'TRADE_HAS_FINISHED',
  'TRADE_HAS_CLOSE',
]);

const NO_RIGHT: ReadonlySet<string> = new Set(['40006', 'isv.insufficient-isv-permissions', 'isv.forbidden-api']);

/**
 * What a failed answer means. `code` is the gateway's, `subCode` the business's; the more particular one wins. A code that we
 * do not know settles nothing: an order may exist.
 */
export function errorOf(code: string, subCode: string | null, operation: Operation): ChannelError {
  const word = bare(subCode ?? code);
  const providerCode = printable(subCode ?? code);
  if (operation === 'refund' && NOT_REFUNDABLE.has(word))
    return channelError('INVALID_REQUEST', 'no', { providerCode });
  const meaning = meaningOf(word) ?? (code === '40004' ? undefined : meaningOf(code));
  if (meaning === undefined) return unmapped(providerCode);
  return channelError(meaning.kind, meaning.created, { reason: meaning.reason, providerCode });
}

/** Whether this error of a close says that the order's state has to be asked for. */
export function closeNeedsQuery(error: ChannelError): boolean {
  return error.providerCode !== null && CLOSE_NEEDS_QUERY.has(bare(error.providerCode));
}

/**
 * Whether an *unsigned* refusal may be believed. The gateway cannot sign for an application that it does not recognise, and
 * to believe that nothing was done is safe only where the request was turned away at the entrance.
 */
export function isEntranceRefusal(error: ChannelError): boolean {
  return error.kind === 'AUTH_MISCONFIGURED' || error.kind === 'RATE_LIMITED' || error.kind === 'INVALID_REQUEST';
}

/** Whether believing this error would end a refund and free its amount to be returned again. */
export function endsRefund(error: ChannelError, operation: Operation): boolean {
  return operation === 'refund' && error.created === 'no' && CHANNEL_ERROR_KINDS[error.kind].afterRefund === 'fail';
}

/** Whether the application has not been given this one method. */
export function lacksRight({ kind, providerCode }: ChannelError): boolean {
  return kind === 'AUTH_MISCONFIGURED' && providerCode !== null && NO_RIGHT.has(providerCode);
}

export function unmapped(providerCode: string | null): ChannelError {
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code', providerCode });
}

function meaningOf(word: string): Meaning | undefined {
  return MEANING_BY_CODE.get(word) ?? MEANING_BY_PATTERN.find(([pattern]) => pattern.test(word))?.[1];
}

function bare(code: string): string {
  return code.startsWith('ACQ.') ? code.slice('ACQ.'.length) : code;
}

/** Codes go to logs and to the operator: only what looks like a code may. */
function printable(code: string): string | null {
  return /^[\w.-]{1,64}$/.test(code) ? code : null;
}

function all(meaning: Meaning, ...codes: string[]): [string, Meaning][] {
  return codes.map((code) => [code, meaning]);
}
