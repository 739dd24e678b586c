import type { Attempt, AttemptError, Payment } from '../../payment/index.ts';

/** Why it did not work, as far as a buyer can use the knowledge. */
export type Reason =
  | 'expired'
  | 'closed_by_shop'
  | 'paid_after_end'
  | 'amount_mismatch'
  | 'returning'
  | 'returned'
  | 'declined'
  | 'insufficient_funds'
  | 'card_expired'
  | 'wrong_details'
  | 'not_authenticated'
  | 'refused_for_safety'
  | 'shop_fault'
  | 'unavailable'
  | 'other';

const BY_STATUS_REASON: ReadonlyMap<string, Reason> = new Map([
  ['expired', 'expired'],
  ['merchant', 'closed_by_shop'],
  ['paid_after_end', 'paid_after_end'],
  ['amount_mismatch', 'amount_mismatch'],
  ['declined', 'declined'],
  ['risk_rejected', 'refused_for_safety'],
  ['invalid_request', 'shop_fault'],
  ...[
    'channel_unavailable',
    'channel_timeout_unknown',
    'rate_limited',
    'auth_misconfigured',
    'insufficient_balance',
  ].map((kind): [string, Reason] => [kind, 'unavailable']),
]);

/** What providers' codes say beyond "declined"; the first that fits. */
const BY_PROVIDER_CODE: readonly (readonly [RegExp, Reason])[] = [
  [/insufficient|not_?enough|balance/i, 'insufficient_funds'],
  [/expired_card/i, 'card_expired'],
  [/authentication/i, 'not_authenticated'],
  [/incorrect|invalid_(number|cvc|expiry)|password/i, 'wrong_details'],
];

/** Why a payment has ended unpaid. */
export function reasonOfEnd(payment: Payment): Reason {
  const last = payment.attempts.at(-1)?.error ?? null;
  const reason = BY_STATUS_REASON.get(payment.statusReason ?? '') ?? 'other';
  const paid = payment.attempts.filter((attempt) => attempt.status === 'succeeded');
  if (paid.length > 0) {
    const where = whereabouts(payment, paid);
    return where === 'kept' ? reason : where;
  }
  return reason === 'declined' && last !== null ? reasonOfError(last) : reason;
}

/** Where the money of some successes is: back with the buyer, on its way back, or here until somebody decides. */
export function whereabouts(payment: Payment, paid: readonly Attempt[]): 'returned' | 'returning' | 'kept' {
  const dispositions = paid.map((attempt) => (attempt.status === 'succeeded' ? attempt.disposition : 'keep'));
  if (dispositions.some((disposition) => disposition !== 'refund' && disposition !== 'returned')) return 'kept';
  const isRefunded = ({ seq }: Attempt) =>
    payment.refunds.some((refund) => refund.attemptSeq === seq && refund.status === 'succeeded');
  return paid.every((attempt, i) => dispositions[i] === 'returned' || isRefunded(attempt)) ? 'returned' : 'returning';
}

/** Why the buyer's last try failed. */
export function reasonOfError(error: AttemptError): Reason {
  const reason = BY_STATUS_REASON.get(error.kind.toLowerCase()) ?? 'other';
  if (reason !== 'declined' || error.providerCode === null) return reason;
  const { providerCode } = error;
  return BY_PROVIDER_CODE.find(([pattern]) => pattern.test(providerCode))?.[1] ?? 'declined';
}
