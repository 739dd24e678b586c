import { type ChannelError, type ChannelErrorKind, channelError } from '../../src/channel/index.ts';
import { parseJson } from './json.ts';
import { problemSchema } from './objects.ts';
import type { SendFailure } from './transport.ts';

type Verdict = {
  readonly kind: ChannelErrorKind;
  readonly created: 'no' | 'maybe';
  readonly reason?: 'frozen' | 'quota';
};

/** @see https://developer.paypal.com/api/rest/reference/orders/v2/errors/ and .../payments/v2/errors/ — `details[].issue`, or `name` */
const VERDICT_BY_CODE: ReadonlyMap<string, Verdict> = new Map([
  ...verdicts({ kind: 'DECLINED', created: 'no' }, [
    'INSTRUMENT_DECLINED',
    'REDIRECT_PAYER_FOR_ALTERNATE_FUNDING',
    'PAYER_CANNOT_PAY',
    'TRANSACTION_BLOCKED_BY_PAYEE',
    'MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED',
    'TRANSACTION_LIMIT_EXCEEDED',
  ]),
  ...verdicts({ kind: 'RISK_REJECTED', created: 'no' }, ['TRANSACTION_REFUSED', 'COMPLIANCE_VIOLATION']),
  ...verdicts({ kind: 'INVALID_REQUEST', created: 'no' }, [
    'MISSING_REQUIRED_PARAMETER',
    'DECIMAL_PRECISION',
    'PAYPAL_REQUEST_ID_REQUIRED',
    'ORDER_NOT_APPROVED',
    'PAYER_ACTION_REQUIRED',
  ]),
  ...verdicts({ kind: 'DUPLICATE', created: 'maybe' }, ['DUPLICATE_INVOICE_ID']),
  ...verdicts({ kind: 'ALREADY_PAID', created: 'maybe' }, ['ORDER_ALREADY_CAPTURED']),
  ...verdicts({ kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }, [
    'ORDER_COMPLETION_IN_PROGRESS',
    'PREVIOUS_REQUEST_IN_PROGRESS',
    'INTERNAL_SERVER_ERROR',
  ]),
  ...verdicts({ kind: 'NOT_FOUND', created: 'no' }, ['INVALID_RESOURCE_ID', 'RESOURCE_NOT_FOUND']),
  ...verdicts({ kind: 'AUTH_MISCONFIGURED', created: 'no' }, [
    'invalid_client',
    'invalid_token',
    'AUTHENTICATION_FAILURE',
    'PERMISSION_DENIED',
    'NOT_AUTHORIZED',
    'NOT_ENABLED_FOR_CARD_PROCESSING',
  ]),
  ...verdicts({ kind: 'AUTH_MISCONFIGURED', created: 'no', reason: 'frozen' }, [
    'PAYEE_ACCOUNT_RESTRICTED',
    'PAYEE_ACCOUNT_LOCKED_OR_CLOSED',
  ]),
  ...verdicts({ kind: 'CHANNEL_UNAVAILABLE', created: 'no', reason: 'quota' }, [
    'TRANSACTION_RECEIVING_LIMIT_EXCEEDED',
  ]),
  ...verdicts({ kind: 'RATE_LIMITED', created: 'no' }, ['RATE_LIMIT_REACHED']),
  // Refunds. Whether an earlier request of ours has used up the money has been looked at before (refund.ts).
  ...verdicts({ kind: 'INVALID_REQUEST', created: 'no' }, [
    'CAPTURE_FULLY_REFUNDED',
    'REFUND_AMOUNT_EXCEEDED',
    'REFUND_TIME_LIMIT_EXCEEDED',
    'REFUND_NOT_ALLOWED',
    'PARTIAL_REFUND_NOT_ALLOWED',
    'MAX_NUMBER_OF_REFUNDS_EXCEEDED',
    'PENDING_CAPTURE',
  ]),
  ...verdicts({ kind: 'INSUFFICIENT_BALANCE', created: 'no' }, ['REFUND_FAILED_INSUFFICIENT_FUNDS']),
  ...verdicts({ kind: 'RISK_REJECTED', created: 'no' }, [
    'TRANSACTION_DISPUTED',
    'REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK',
  ]),
]);

/** Families of codes, by how they begin. */
const VERDICT_BY_PREFIX: readonly (readonly [string, Verdict])[] = [
  ['PAYER_ACCOUNT_', { kind: 'DECLINED', created: 'no' }],
  ['INVALID_PARAMETER_', { kind: 'INVALID_REQUEST', created: 'no' }],
  ['CURRENCY_', { kind: 'INVALID_REQUEST', created: 'no' }],
];

/** A refusal in PayPal's words: by the first issue, then by the name, then by the status. */
export function errorOfAnswer(status: number, text: string): ChannelError {
  const parsed = problemSchema.safeParse(parseJson(text));
  const { name, error, details = [] } = parsed.success ? parsed.data : {};
  const codes = [details[0]?.issue, name, error].filter((code) => code !== undefined && /^\w{1,80}$/.test(code));
  const providerCode = codes[0] ?? `http_${status}`;
  // Whatever a server says that has failed, nothing is proven by it.
  if (status >= 500) return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode });
  for (const code of codes) {
    const verdict = code === undefined ? undefined : verdictOf(code);
    if (verdict !== undefined) return fromVerdict(verdict, providerCode);
  }
  return fromStatus(status, providerCode);
}

export function errorOfSending({ sent, timedOut, code }: SendFailure): ChannelError {
  const why = { providerCode: code, ...(timedOut ? { reason: 'timeout' as const } : {}) };
  return sent ? channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', why) : channelError('CHANNEL_UNAVAILABLE', 'no', why);
}

/** PayPal has answered, but not in words that we can read or believe. */
export function unreadable(reason: 'unmapped_code' | 'forged_response'): ChannelError {
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason });
}

function fromStatus(status: number, providerCode: string): ChannelError {
  if (status === 401 || status === 403) return channelError('AUTH_MISCONFIGURED', 'no', { providerCode });
  if (status === 404) return channelError('NOT_FOUND', 'no', { providerCode });
  if (status === 409) return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode });
  if (status === 429) return channelError('RATE_LIMITED', 'no', { providerCode });
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code', providerCode });
}

function fromVerdict({ kind, created, reason }: Verdict, providerCode: string): ChannelError {
  return channelError(kind, created, reason === undefined ? { providerCode } : { reason, providerCode });
}

function verdictOf(code: string): Verdict | undefined {
  return VERDICT_BY_CODE.get(code) ?? VERDICT_BY_PREFIX.find(([prefix]) => code.startsWith(prefix))?.[1];
}

function verdicts(verdict: Verdict, codes: readonly string[]): [string, Verdict][] {
  return codes.map((code) => [code, verdict]);
}
