import type { RawAnswer, RawCallback } from '../channel/index.ts';
import type {
  Candidate,
  EpayTerms,
  EpochMs,
  Money,
  Payment,
  PaymentStatus,
  Refund,
  Result,
  Scene,
} from '../payment/index.ts';
import type { ListedEvent, Page } from '../store/port.ts';
import type { GatewayError } from './errors.ts';
import type { EndpointState } from './failing-endpoints.ts';
import type { Merchant } from './ports.ts';

/** A merchant's order as the HTTP edge has parsed and checked it. */
export interface Order {
  readonly merchantOrderNo: string;
  readonly amount: Money;
  readonly methods: readonly string[];
  readonly scene: Scene;
  readonly subject: string;
  readonly customer: {
    readonly id?: string;
    readonly ip?: string;
    readonly email?: string;
    readonly deviceId?: string;
    readonly country?: string;
  };
  readonly notifyUrl: string | null;
  readonly returnUrl: string | null;
  readonly expiresInMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly pinnedChannelId: string | null;
  /** No channel is asked yet: the buyer is sent to the cashier and chooses there how to pay. */
  readonly deferred?: boolean;
  /** The order came by the epay protocol. */
  readonly epay?: EpayTerms;
  /** SHA-256 over the canonical request; the same request has the same hash (I1). */
  readonly requestHash: string;
}

export type QuoteRequest = Pick<Order, 'amount' | 'methods' | 'scene' | 'pinnedChannelId'> & {
  /** What rules may look at; nothing when it is not said. */
  readonly subject?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly country?: string | null;
  /** Whether the create will carry `customer.ip`; taken for true when it is not said. */
  readonly buyerIpKnown?: boolean;
};

/** How a buyer wants to pay, as the cashier or another page for buyers has parsed and checked it. */
export interface BuyerChoice {
  readonly method: string;
  /** What the buyer's device can do, best first; the first that a channel can serve now is taken. */
  readonly scenes: readonly Scene[];
  /**
   * How many attempts there were when the buyer was shown the choice. Has one come since (a second click, another window), nothing
   * is changed and the buyer sees how it stands. Null: whatever there was.
   */
  readonly seen: number | null;
}

/** One way to pay that a buyer may choose from. */
export interface WayToPay {
  readonly method: string;
  /** False: its channels do not work at the moment; it may be shown, with words. */
  readonly available: boolean;
}

/** A merchant's refund as the HTTP edge has parsed and checked it. */
export interface RefundOrder {
  readonly merchantRefundNo: string;
  /** Null: all that is left. */
  readonly amountMinor: number | null;
  readonly reason: string | null;
  /** SHA-256 over the canonical request; the same request has the same hash. */
  readonly requestHash: string;
}

export interface RefundResult {
  readonly payment: Payment;
  readonly refund: Refund;
  /** The refund existed already (200 instead of 201). */
  readonly repeat: boolean;
}

export interface Quote {
  readonly channelId: string | null;
  readonly candidates: readonly Candidate[];
  /** How many channels are not among the candidates. */
  readonly omitted: number;
}

/** Which of the events that were given up are to be sent again. */
export interface RedeliveryFilter {
  /** Null: of all merchants. */
  readonly merchantId: string | null;
  /** Of events that came to be from this time on, it included. */
  readonly createdAfter?: EpochMs;
  /** Up to this time, it excluded. */
  readonly createdBefore?: EpochMs;
  /** Those after this event: the `next` of the call before. */
  readonly after?: string;
  /** 1-1000 */
  readonly limit: number;
}

export interface Redelivered {
  readonly redelivered: number;
  /** Where the next call goes on; null when all have been looked at. */
  readonly next: string | null;
}

/** What an operator can do about the events of all merchants. */
export interface WebhookOperations {
  listDead(page: {
    readonly merchantId: string | null;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly ListedEvent[]>;
  redeliver(eventId: string): Promise<Result<ListedEvent, GatewayError>>;
  redeliverDead(filter: RedeliveryFilter): Promise<Redelivered>;
  /** Addresses that only fail, the paused ones among them. */
  endpoints(): readonly EndpointState[];
  /** Ends the pause of one address of a merchant, or of all (null); answers how many were paused. */
  resume(merchantId: string, endpoint: string | null): number;
}

/** An order of the epay protocol, parsed, checked and known to be its merchant's. */
export interface EpayOrder {
  readonly terms: EpayTerms;
  readonly amount: Money;
  readonly notifyUrl: string;
  readonly returnUrl: string | null;
  readonly buyerIp: string | null;
  /** How the buyer's device pays best, most wanted first. */
  readonly scenes: readonly Scene[];
}

/** Why an order cannot be taken; `no_channel` and what follows it may pass. */
export type EpayRefusal =
  | 'changed_order'
  | 'paid_order'
  | 'held_order'
  | 'no_channel'
  | 'refused_by_channel'
  | 'too_much';

/** Orders of shops that speak epay: the same payments, under numbers that can be paid again once they have expired. */
export interface EpayOperations {
  /** Answers within some seconds, also when no channel has answered by then: the payment then goes on in the cashier. */
  placeOrder(merchant: Merchant, order: EpayOrder): Promise<Result<Payment, EpayRefusal>>;
  /** By our number, or else by the shop's: the payment that counts, or the current one. */
  findOrder(
    merchant: Merchant,
    numbers: { readonly tradeNo: string | null; readonly outTradeNo: string | null },
  ): Promise<Payment | null>;
  /** Where the buyer goes when all is done: with signed parameters once it is paid; null when the shop named no address. */
  returnUrl(payment: Payment): Promise<string | null>;
  /** Fields with our signature at their end, as this merchant is answered in version 2 of the protocol. */
  signAnswer(fields: readonly (readonly [string, string])[]): Promise<readonly (readonly [string, string])[]>;
}

/** The use cases, as the HTTP edge and the CLI call them. Every refusal is a value with a stable code. */
export interface Gateway {
  /** `repeat` is true when the payment existed already (200 instead of 201). */
  createPayment(
    merchant: Merchant,
    order: Order,
    idempotencyKey: string | null,
  ): Promise<Result<{ readonly payment: Payment; readonly repeat: boolean }, GatewayError>>;
  getPayment(merchant: Merchant, paymentId: string): Promise<Result<Payment, GatewayError>>;
  listPayments(
    merchant: Merchant,
    filter: {
      readonly merchantOrderNo?: string;
      readonly status?: PaymentStatus;
      readonly createdAfter?: number;
      readonly createdBefore?: number;
      readonly limit: number;
      readonly cursor?: string;
    },
  ): Promise<Page<Payment>>;
  closePayment(merchant: Merchant, paymentId: string): Promise<Result<Payment, GatewayError>>;
  syncPayment(merchant: Merchant, paymentId: string): Promise<Result<Payment, GatewayError>>;
  refundPayment(
    merchant: Merchant,
    paymentId: string,
    order: RefundOrder,
    idempotencyKey: string | null,
  ): Promise<Result<RefundResult, GatewayError>>;
  getRefund(
    merchant: Merchant,
    paymentId: string,
    refundId: string,
  ): Promise<Result<{ readonly payment: Payment; readonly refund: Refund }, GatewayError>>;
  /** An operator's decision about money that is held (policy `hold`): `keep` lets it count, `refund` returns it. */
  disposeMoney(paymentId: string, disposition: 'keep' | 'refund'): Promise<Result<Payment, GatewayError>>;
  /** An operator has sent money that was held, or owed in vain, back by other means; `reference` proves it. */
  recordReturn(paymentId: string, reference: string): Promise<Result<Payment, GatewayError>>;
  markDelivered(merchant: Merchant, paymentId: string): Promise<Result<Payment, GatewayError>>;
  quote(merchant: Merchant, request: QuoteRequest): Promise<Quote>;
  listEvents(
    merchant: Merchant,
    page: { readonly after?: string; readonly limit: number; readonly state?: 'dead' },
  ): Promise<readonly ListedEvent[]>;
  redeliverEvent(merchant: Merchant, eventId: string): Promise<Result<ListedEvent, GatewayError>>;
  redeliverDead(merchant: Merchant, filter: Omit<RedeliveryFilter, 'merchantId'>): Promise<Redelivered>;
  readonly webhooks: WebhookOperations;
  readonly epay: EpayOperations;
  /** A provider's message. `token` is the last path segment, null where the provider keeps one URL per account. */
  receiveCallback(channelId: string, token: string | null, raw: RawCallback): Promise<RawAnswer>;
  /** A callback that could not be read at all (too long, cut off): counted, under its channel if there is such a one. */
  noteUnreadableCallback(channelId: string): void;
  /** For the cashier page: whoever holds the unguessable id may look. A buyer who looks makes us ask the channel sooner. */
  findForBuyer(paymentId: string): Promise<Payment | null>;
  /** The ways to pay that are open to the buyer of this payment now, in the shop's order of preference. */
  waysToPay(payment: Payment, scenesOf: (method: string) => readonly Scene[]): Promise<readonly WayToPay[]>;
  /**
   * The buyer chooses a way to pay. An earlier one is closed at its provider first (I7); if it turns out to be paid, no other is
   * opened. Answers the payment as it is then; of two choices at the same time one wins, and both see what came of it.
   */
  choose(paymentId: string, choice: BuyerChoice): Promise<Result<Payment, GatewayError>>;
  /** Calls `onChange` with the payment as it is after each change that this process commits; answers how to stop that. */
  watch(paymentId: string, onChange: (payment: Payment) => void): () => void;
  /** The buyer says "I have paid": asks the channel, rate-limited per payment. */
  syncForBuyer(paymentId: string): Promise<Payment | null>;
}
