import Stripe from 'stripe';
import { type ChannelError, type ChannelErrorKind, channelError } from '../../src/channel/index.ts';
import type { AttemptError, RefundState } from '../../src/payment/index.ts';
import type { PayError, Refund } from './objects.ts';
import { TransportFailure } from './transport.ts';

type Verdict = {
  readonly kind: ChannelErrorKind;
  readonly created: 'no' | 'maybe';
  readonly reason?: 'frozen' | 'quota';
};

/** @see https://docs.stripe.com/error-codes — `error.code`, whatever the HTTP status. */
const VERDICT_BY_CODE: ReadonlyMap<string, Verdict> = new Map([
  ...verdicts({ kind: 'INVALID_REQUEST', created: 'no' }, [
    'amount_too_small',
    'amount_too_large',
    'parameter_invalid_empty',
    'parameter_invalid_integer',
    'parameter_invalid_string_blank',
    'parameter_invalid_string_empty',
    'parameter_missing',
    'parameter_unknown',
    'parameters_exclusive',
    'url_invalid',
    'country_unsupported',
    'country_code_invalid',
    'currency_not_supported',
    'invalid_currency',
    'payment_intent_invalid_parameter',
  ]),
  // Refunds. Whether an earlier request of ours has used up the money has been looked at before (refund.ts).
  ...verdicts({ kind: 'INVALID_REQUEST', created: 'no' }, [
    'charge_already_refunded',
    'charge_disputed',
    'charge_not_refundable',
    'refund_disputed_payment',
  ]),
  ...verdicts({ kind: 'DECLINED', created: 'maybe' }, [
    'payment_intent_authentication_failure',
    'card_decline_rate_limit_exceeded',
  ]),
  ...verdicts({ kind: 'RISK_REJECTED', created: 'no' }, ['request_blocked']),
  ...verdicts({ kind: 'NOT_FOUND', created: 'no' }, ['resource_missing']),
  ...verdicts({ kind: 'AUTH_MISCONFIGURED', created: 'no' }, [
    'api_key_expired',
    'secret_key_required',
    'platform_api_key_expired',
    'tls_version_unsupported',
    'livemode_mismatch',
    'account_invalid',
    'capability_not_active',
    'payment_method_unactivated',
  ]),
  ...verdicts({ kind: 'CHANNEL_UNAVAILABLE', created: 'no' }, ['payment_method_not_available']),
  ...verdicts({ kind: 'AUTH_MISCONFIGURED', created: 'no', reason: 'frozen' }, [
    'account_closed',
    'charges_disabled',
    'testmode_charges_only',
  ]),
  ...verdicts({ kind: 'RATE_LIMITED', created: 'no' }, ['rate_limit']),
  // Somebody holds the object, or our own first request still runs: the same question later has an answer.
  ...verdicts({ kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }, ['idempotency_key_in_use', 'lock_timeout']),
  ...verdicts({ kind: 'INSUFFICIENT_BALANCE', created: 'no' }, ['balance_insufficient', 'insufficient_funds']),
]);

/** @see https://docs.stripe.com/declines/codes */
const RISKY_DECLINES: ReadonlySet<string> = new Set([
  'fraudulent',
  'stolen_card',
  'lost_card',
  'pickup_card',
  'merchant_blacklist',
]);

const UNEXPECTED_STATE: ReadonlySet<string> = new Set(['payment_intent_unexpected_state', 'intent_invalid_state']);

/** Stripe names no code for an account that may not charge; this is its sentence. */
const CHARGES_DISABLED = /cannot currently make (?:live )?charges/i;

/** To a key of the other mode an object does not exist, which says nothing of the object. Only this sentence tells. */
const OTHER_MODE = /a similar object exists in (?:live|test) mode/i;

/** @see https://docs.stripe.com/api/refunds/object — `failure_reason`; others say that the buyer's bank did not take it. */
const KIND_BY_FAILURE_REASON: ReadonlyMap<string, ChannelErrorKind> = new Map([
  ['insufficient_funds', 'INSUFFICIENT_BALANCE'],
  // The buyer's bank has taken the money back by itself.
  ['charge_for_pending_refund_disputed', 'INVALID_REQUEST'],
  ['merchant_request', 'INVALID_REQUEST'],
  ['canceled', 'INVALID_REQUEST'],
]);

/** What a failed call of the SDK means (`channels.md` 0.2 and 3.4). Total: whatever is unknown is a `maybe`. */
export function toChannelError(thrown: unknown): ChannelError {
  if (!(thrown instanceof Stripe.errors.StripeError)) return unmapped(null);
  if (thrown instanceof Stripe.errors.StripeConnectionError) return fromTransport(thrown.detail);
  const { statusCode } = thrown;
  // The SDK makes an empty text of a decline code that is not there.
  const providerCode = thrown.decline_code || thrown.code || thrown.rawType || null;
  if (statusCode === undefined) return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode });
  if (statusCode >= 500) return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode });
  if (statusCode === 402) return fromDecline(thrown, providerCode);
  if (UNEXPECTED_STATE.has(thrown.code ?? '')) return fromUnexpectedState(thrown, providerCode);
  if (OTHER_MODE.test(thrown.message)) {
    return channelError('AUTH_MISCONFIGURED', 'no', { providerCode: 'livemode_mismatch' });
  }
  const known = VERDICT_BY_CODE.get(thrown.code ?? '');
  if (known) return fromVerdict(known, providerCode);
  return fromStatus(statusCode, thrown, providerCode);
}

/** Why the buyer's last try did not work; the order itself may be tried again. */
export function toAttemptError(refusal: PayError): AttemptError {
  return {
    kind: declineKind(refusal.decline_code),
    providerCode: refusal.decline_code ?? refusal.code ?? refusal.type,
  };
}

/** Why a refund failed, or what a pending one waits for where that is money of ours. */
export function toRefundError(state: RefundState, refund: Refund): AttemptError | null {
  if (state === 'failed') {
    const providerCode = refund.failure_reason ?? refund.status;
    return { kind: KIND_BY_FAILURE_REASON.get(providerCode ?? '') ?? 'DECLINED', providerCode };
  }
  const lacksMoney = state === 'pending' && refund.pending_reason === 'insufficient_funds';
  return lacksMoney ? { kind: 'INSUFFICIENT_BALANCE', providerCode: 'insufficient_funds' } : null;
}

/** The provider has answered, but not in words that we can read or believe. */
export function unreadable(reason: 'unmapped_code' | 'forged_response'): ChannelError {
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason });
}

function fromTransport(detail: unknown): ChannelError {
  if (!(detail instanceof TransportFailure)) return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe');
  const { providerCode } = detail;
  if (!detail.sent) return channelError('CHANNEL_UNAVAILABLE', 'no', { providerCode });
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', {
    providerCode,
    ...(detail.timedOut ? { reason: 'timeout' as const } : {}),
  });
}

/** A declined PaymentIntent lives on and may be confirmed again, so only a decline that left none behind is a `no`. */
function fromDecline(error: InstanceType<typeof Stripe.errors.StripeError>, providerCode: string | null): ChannelError {
  return channelError(declineKind(error.decline_code), error.payment_intent ? 'maybe' : 'no', { providerCode });
}

function fromUnexpectedState(
  error: InstanceType<typeof Stripe.errors.StripeError>,
  providerCode: string | null,
): ChannelError {
  const status = error.payment_intent?.status;
  if (status === 'succeeded') return channelError('ALREADY_PAID', 'maybe', { providerCode });
  if (status === 'canceled') return channelError('ALREADY_CLOSED', 'maybe', { providerCode });
  return channelError('INVALID_REQUEST', 'maybe', { providerCode });
}

function fromStatus(
  statusCode: number,
  error: InstanceType<typeof Stripe.errors.StripeError>,
  providerCode: string | null,
): ChannelError {
  if (statusCode === 409) return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode });
  if (statusCode === 429) return channelError('RATE_LIMITED', 'no', { providerCode });
  if (error.rawType === 'idempotency_error') return channelError('DUPLICATE', 'maybe', { providerCode });
  if (CHARGES_DISABLED.test(error.message)) {
    return channelError('AUTH_MISCONFIGURED', 'no', { reason: 'frozen', providerCode });
  }
  if (statusCode === 401 || statusCode === 403) return channelError('AUTH_MISCONFIGURED', 'no', { providerCode });
  // Most validation faults name no code but only a parameter: nothing was made.
  if (statusCode === 400 && !error.code) return channelError('INVALID_REQUEST', 'no', { providerCode });
  return unmapped(providerCode);
}

function fromVerdict({ kind, created, reason }: Verdict, providerCode: string | null): ChannelError {
  return channelError(kind, created, reason === undefined ? { providerCode } : { reason, providerCode });
}

function unmapped(providerCode: string | null): ChannelError {
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'unmapped_code', providerCode });
}

function declineKind(declineCode: string | null | undefined): 'DECLINED' | 'RISK_REJECTED' {
  return RISKY_DECLINES.has(declineCode ?? '') ? 'RISK_REJECTED' : 'DECLINED';
}

function verdicts(verdict: Verdict, codes: readonly string[]): [string, Verdict][] {
  return codes.map((code) => [code, verdict]);
}
