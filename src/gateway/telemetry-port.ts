import type { ChannelErrorKind } from '../channel/index.ts';
import type {
  AnomalyKind,
  Decision,
  ExclusionReason,
  Money,
  ObservedBy,
  PaymentStatus,
  RefundCause,
} from '../payment/index.ts';
import type { EpayEndpoint, EpayOutcome } from './epay-record.ts';
import type { Tracing } from './tracing.ts';

export type CallbackResult =
  | 'applied'
  | 'duplicate'
  | 'ignored'
  | 'bad_signature'
  | 'amount_mismatch'
  | 'unknown_payment'
  | 'malformed'
  | 'error';

/** What a channel is asked for. */
export type ChannelOperation =
  | 'create'
  | 'query'
  | 'capture'
  | 'close'
  | 'probe'
  | 'refund'
  | 'refund_query'
  | 'balance';

/** What the use cases report. Implemented once, on prom-client and pino; label values are closed sets. */
export interface Telemetry {
  paymentOutcome(method: string, outcome: 'created' | 'succeeded' | 'failed' | 'closed' | 'rejected'): void;
  /** `code`: the provider's own word for an error; for people, not for labels. */
  channelRequest(
    channelId: string,
    operation: ChannelOperation,
    outcome: 'ok' | ChannelErrorKind,
    durationMs: number,
    code?: string | null,
  ): void;
  routingDecision(
    channelId: string,
    position: Decision['position'],
    reason: Decision['reason'],
    durationMs: number,
  ): void;
  /** A channel could not take a payment that was being routed. */
  routingExclusion(channelId: string, reason: ExclusionReason): void;
  /** A routing rule could not be evaluated. */
  ruleFailed(rule: string): void;
  /** Money has arrived on a channel that gets no new orders. */
  drainedChannelPayment(channelId: string): void;
  callback(channelId: string, outcome: CallbackResult): void;
  callbackDelay(channelId: string, delayMs: number): void;
  /** A success has become known: by what, and how long after the buyer had paid. */
  paymentKnown(channelId: string, by: ObservedBy, delayMs: number): void;
  /** A question of the agenda had to wait for the channel's request budget. */
  queryPostponed(channelId: string): void;
  /** Money in and out, as it becomes known. */
  captured(channelId: string, amount: Money): void;
  returned(channelId: string, cause: RefundCause, amount: Money): void;
  merchantPayment(merchantId: string, outcome: 'created' | 'succeeded' | 'failed' | 'closed'): void;
  refund(channelId: string, cause: RefundCause, outcome: 'requested' | 'succeeded' | 'failed'): void;
  /** `unacknowledged`: the shop has answered, but not with the word. `postponed`: no delivery; the address has no room now, or is paused. */
  webhookDelivery(outcome: 'delivered' | 'unacknowledged' | 'failed' | 'dead' | 'refused' | 'postponed'): void;
  /** A request by the epay protocol: what came of it, in one word. */
  epayRequest(endpoint: EpayEndpoint, outcome: EpayOutcome): void;
  surplusPayment(channelId: string): void;
  anomaly(
    kind:
      | AnomalyKind
      | 'forged_response'
      | 'unmapped_code'
      | 'foreign_callback'
      | 'trade_number_reused'
      | 'webhook_endpoint_paused',
  ): void;
  /** One line per state change: ids and words only, never bodies or personal data. */
  paymentChanged(change: {
    paymentId: string;
    merchantId: string;
    from: PaymentStatus;
    to: PaymentStatus;
    fact: string;
    channelId: string | null;
    /** Since the payment was created. */
    ageMs: number;
  }): void;
  /** Which trace the work of this moment belongs to. */
  readonly trace: Tracing;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}
