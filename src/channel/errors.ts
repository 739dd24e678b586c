/**
 * The taxonomy of what a channel can do to us. `blames` says whose fault it is; `afterCreate` what the gateway does when a
 * create ends so and certainly left no order behind. A `maybe` always goes through I7 first, whatever the kind.
 *
 * - `failover`: the next channel is tried at once.
 * - `refuse`: another channel would not mend it; the payment fails with a reason for the buyer or the shop.
 *
 * `afterRefund` is the same for a refund that was certainly not taken: `repeat` sends it again later under the same number,
 * `fail` ends it and frees its amount.
 */
export const CHANNEL_ERROR_KINDS = {
  DECLINED: { blames: 'buyer', afterCreate: 'refuse', afterRefund: 'fail' },
  INVALID_REQUEST: { blames: 'merchant', afterCreate: 'refuse', afterRefund: 'fail' },
  DUPLICATE: { blames: 'gateway', afterCreate: 'failover', afterRefund: 'repeat' },
  CHANNEL_UNAVAILABLE: { blames: 'channel', afterCreate: 'failover', afterRefund: 'repeat' },
  CHANNEL_TIMEOUT_UNKNOWN: { blames: 'channel', afterCreate: 'failover', afterRefund: 'repeat' },
  AUTH_MISCONFIGURED: { blames: 'operator', afterCreate: 'failover', afterRefund: 'repeat' },
  RISK_REJECTED: { blames: 'buyer', afterCreate: 'refuse', afterRefund: 'fail' },
  RATE_LIMITED: { blames: 'gateway', afterCreate: 'failover', afterRefund: 'repeat' },
  NOT_FOUND: { blames: 'nobody', afterCreate: 'failover', afterRefund: 'fail' },
  ALREADY_PAID: { blames: 'nobody', afterCreate: 'failover', afterRefund: 'repeat' },
  ALREADY_CLOSED: { blames: 'nobody', afterCreate: 'failover', afterRefund: 'fail' },
  INSUFFICIENT_BALANCE: { blames: 'operator', afterCreate: 'failover', afterRefund: 'repeat' },
} as const satisfies Record<
  string,
  {
    blames: 'buyer' | 'merchant' | 'operator' | 'channel' | 'gateway' | 'nobody';
    afterCreate: 'failover' | 'refuse';
    afterRefund: 'repeat' | 'fail';
  }
>;

export type ChannelErrorKind = keyof typeof CHANNEL_ERROR_KINDS;

export interface ChannelError {
  readonly kind: ChannelErrorKind;
  /** `maybe`: an order may exist there; look before trying elsewhere (I7). */
  readonly created: 'no' | 'maybe';
  /** What an operator has to know beyond the kind. */
  readonly reason?: 'frozen' | 'quota' | 'forged_response' | 'unmapped_code' | 'timeout';
  /** The provider's own code, for logs and the operator. Never a message that could hold personal data. */
  readonly providerCode: string | null;
}

export function channelError(
  kind: ChannelErrorKind,
  created: 'no' | 'maybe',
  more: { reason?: ChannelError['reason']; providerCode?: string | null } = {},
): ChannelError {
  const base = { kind, created, providerCode: more.providerCode ?? null };
  return more.reason === undefined ? base : { ...base, reason: more.reason };
}

/** Whether this error says something about the channel's health and so feeds its breaker (`channels.md` section 8). */
export function feedsBreaker(error: ChannelError): boolean {
  if (error.reason === 'quota') return false;
  return CHANNEL_ERROR_KINDS[error.kind].blames === 'channel';
}
