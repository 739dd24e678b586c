import type { KeyObject } from 'node:crypto';
import type { Capability, ChannelAdapter, ChannelErrorKind } from '../channel/index.ts';
import type { AnswerLook } from '../epay/index.ts';
import type {
  AnomalyKind,
  Decision,
  EpaySign,
  EpochMs,
  ExclusionReason,
  Money,
  ObservedBy,
  PaymentStatus,
  Policies,
  RefundCause,
} from '../payment/index.ts';
import type { ChannelProfile, RoutingSettings } from '../routing/index.ts';
import type { Tracing } from './tracing.ts';

/** A shop that may call, as far as the use cases care. */
export interface Merchant {
  readonly id: string;
  readonly name: string;
  /** False: it may not call; its payments, refunds and events go on to their end. */
  readonly enabled: boolean;
  readonly webhookUrl: string | null;
  /** Standard Webhooks secrets (`whsec_...`); every event is signed with each of them. */
  readonly webhookSecrets: readonly string[];
  readonly channels: 'all' | readonly string[];
  readonly limits: { readonly maxAmountMinor: number | null; readonly perMinute: number | null };
  /** Absent: it does not speak epay. */
  readonly epay?: EpayAccount;
}

/** What a shop that speaks epay has agreed with us. */
export interface EpayAccount {
  readonly pid: number;
  /** All of them are taken, so that a key can be replaced; the first one signs. */
  readonly keys: readonly string[];
  /** The kinds of signature that its requests may bear. */
  readonly signs: readonly EpaySign[];
  /** Of the shop, for RSA. */
  readonly publicKey: KeyObject | null;
  /** May it refund with nothing but its key? */
  readonly refunds: boolean;
  readonly notifyHosts: 'any' | readonly string[];
  /** False: notifications go out although the shop's certificate proves nothing. */
  readonly tlsVerify: boolean;
  /** How long an order can be paid before it has to be asked for again. */
  readonly expiresInMs: number;
}

export interface Merchants {
  byId(id: string): Merchant | undefined;
  /** The shop of an epay number. */
  byEpayPid(pid: number): Merchant | undefined;
  /** All who speak epay. */
  epayMerchants(): readonly Merchant[];
  /** Finds the owner of a secret key; compares hashes in constant time. */
  bySecretKey(key: string): Merchant | undefined;
}

/** A channel that is loaded: its adapter, what the admin says of it, and how long its calls may take. */
export interface Channel {
  readonly id: string;
  readonly providerId: string;
  readonly mode: 'sandbox' | 'live';
  readonly capabilities: readonly Capability[];
  readonly callbackUrl: 'per_request' | 'per_account';
  readonly adapter: ChannelAdapter;
  readonly profile: ChannelProfile;
  readonly timeouts: { readonly createMs: number; readonly queryMs: number; readonly refundMs: number };
  readonly breaker: BreakerSettings;
  /** Active queries of the agenda to this channel; what is above waits for its turn. */
  readonly queriesPerSecond: number;
}

export interface BreakerSettings {
  /** 0 to 1 */
  readonly failureRate: number;
  readonly minRequests: number;
  readonly windowMs: number;
  readonly openForMs: number;
}

/** What an admin has configured, already parsed; taken whole, replaced whole (I9). */
export interface GatewaySettings {
  readonly routing: RoutingSettings;
  readonly failover: { readonly maxAttempts: number; readonly budgetMs: number };
  readonly policies: Policies;
  readonly webhooks: {
    readonly timeoutMs: number;
    /** Private and loopback addresses are refused unless this is set (SSRF). */
    readonly allowPrivateAddresses: boolean;
    /** Deliveries to one shop's address at the same time; the others wait for their turn. */
    readonly concurrencyPerEndpoint: number;
    /** An address that has failed for so long is left alone but for a trial now and then. */
    readonly pauseAfterMs: number;
  };
  /** How often a channel is asked what our account there holds. */
  readonly balanceEveryMs: number;
  readonly publicUrl: string;
  /** The sandbox allows plain http for notify and return URLs. */
  readonly allowHttpUrls: boolean;
  /** What shops call ways to pay, beside the usual names, and the methods that they stand for. */
  readonly epayTypes: ReadonlyMap<string, readonly string[]>;
}

/** Encrypts personal data at rest. */
export interface Sealer {
  seal(plain: string): string;
  open(sealed: string): string;
}

export interface Clock {
  now(): EpochMs;
}

export type CallbackResult =
  | 'applied'
  | 'duplicate'
  | 'ignored'
  | 'bad_signature'
  | 'amount_mismatch'
  | 'unknown_payment'
  | 'malformed'
  | 'error';

/** Where a shop speaks epay. */
export type EpayEndpoint = 'submit' | 'mapi' | 'api' | 'v2_submit' | 'v2_create' | 'v2_api';

/** What came of such a request: `ok`, or why it was refused. */
export type EpayOutcome =
  | 'ok'
  /** A person's browser, or a probe: it names neither shop nor order. */
  | 'nothing_sent'
  | 'unreadable'
  | 'split_value'
  | 'unknown_pid'
  | 'bad_signature'
  | 'sign_kind_refused'
  | 'stale_timestamp'
  | 'bad_order_no'
  | 'bad_money'
  | 'bad_notify_url'
  | 'bad_return_url'
  | 'changed_order'
  | 'paid_order'
  | 'held_order'
  | 'no_channel'
  | 'refused_by_channel'
  | 'too_much'
  | 'unknown_order'
  | 'unknown_act'
  | 'refunds_off'
  | 'refund_refused'
  | 'rate_limited'
  | 'internal';

/** One request by the epay protocol, as far as an operator needs it to find out why a shop gets no further; no values but these. */
export interface EpayRequestNote {
  readonly at: EpochMs;
  readonly endpoint: EpayEndpoint;
  readonly method: 'GET' | 'POST';
  readonly outcome: EpayOutcome;
  /** What the request said of its signature: `md5`, `sha256`, `rsa`, or null for none that we know. */
  readonly sign: EpaySign | null;
  /** The names that its signature covers. */
  readonly names: readonly string[];
  /** With a wrong signature: what would have made it right. */
  readonly nearMiss: string | null;
  /** Whose key it was signed with, where that is another shop than the one of its number. */
  readonly keyOf?: string;
  /** The number that it names, where that is nobody's. */
  readonly pid?: number;
  /** With an address for notifications that may not be called: its host. */
  readonly host?: string;
}

/** One notification that was sent to a shop. */
export interface EpayNoticeNote {
  readonly at: EpochMs;
  readonly eventId: string;
  readonly tryNo: number;
  /** Without its signature. */
  readonly url: string;
  /** `delivered`, `unacknowledged`, `failed` or `refused`. */
  readonly outcome: string;
  readonly status: number | null;
  /** How the shop's answer begins, or why there was none. */
  readonly answer: string;
  /** What the whole answer looked like; null when there was none. */
  readonly look?: AnswerLook | null;
  /** Of a redirect: where to, without its query. */
  readonly location?: string;
}

/** What was last said between us and each shop that speaks epay: bounded, and kept over a restart as far as possible. */
export interface EpayRecord {
  /** `merchantId` null: the number of the request is nobody's. */
  request(merchantId: string | null, note: EpayRequestNote): void;
  notice(merchantId: string, note: EpayNoticeNote): void;
  /** Newest first. */
  of(merchantId: string | null): {
    readonly requests: readonly EpayRequestNote[];
    readonly notices: readonly EpayNoticeNote[];
  };
}

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

export interface WebhookRequest {
  /** Default: POST. */
  readonly method?: 'GET';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty with GET. */
  readonly body: string;
  readonly timeoutMs: number;
  readonly allowPrivateAddresses: boolean;
  /** Plain http, in the sandbox. */
  readonly allowHttp: boolean;
  /** Default: true. False: whatever certificate the shop shows. */
  readonly verifyTls?: false;
  /** Follows one redirect that leads to https and changes nothing else. */
  readonly followsToHttps?: true;
}

/** `refused`: the address may not be called (SSRF guard). */
export type WebhookAnswer =
  | {
      readonly outcome: 'answered';
      readonly status: number;
      readonly body: string;
      /** Of a redirect that was not followed: where to, without its query. */
      readonly location?: string;
      /** What the `Server` header says. */
      readonly server?: string;
    }
  | { readonly outcome: 'failed' | 'refused'; readonly reason: string };

/** Posts one event. Never throws, never follows a redirect, reads at most a few kilobytes of the answer. */
export type SendWebhook = (request: WebhookRequest, signal: AbortSignal) => Promise<WebhookAnswer>;
