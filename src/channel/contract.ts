import type { z } from 'zod';
import type {
  Action,
  DurableReceipt,
  EpochMs,
  Money,
  Observation,
  Quote,
  RefundObservation,
  Result,
  Scene,
} from '../payment/index.ts';
import type { ChannelError } from './errors.ts';

/** What a channel can do beyond create and query. What is missing here is refused before the call, never pretended. */
export type Capability = 'close' | 'refund' | 'partial_refund' | 'bills' | 'balance';

/** Everything an adapter needs to ask for money; the adapter turns it into its provider's words. */
export interface CreateRequest {
  /** Our order number at the provider: 28 characters of `[0-9a-z]`. Repeating it must not make a second order. */
  readonly providerRef: string;
  readonly amount: Money;
  readonly method: string;
  readonly scene: Scene;
  readonly subject: string;
  readonly expiresAt: EpochMs;
  /** Where this attempt's callbacks go; ends in the attempt's unguessable token. */
  readonly callbackUrl: string;
  /** Where the buyer's browser goes afterwards. Nothing is ever decided by a visit there (I12). */
  readonly returnUrl: string;
  readonly buyer: { readonly ip: string | null };
}

export interface Created {
  readonly action: Action;
  /** Where the buyer has to send another amount than the payment's. */
  readonly quote?: Quote;
  readonly channelTradeNo: string | null;
}

/** One order of ours at a provider. `channelTradeNo` is needed by providers that cannot be asked by our number (Stripe). */
export interface OrderRef {
  readonly providerRef: string;
  readonly channelTradeNo: string | null;
  /** The amount that was asked for; for providers whose answers leave the currency out. */
  readonly amount: Money;
}

/** One refund of ours at a provider. */
export interface RefundRef {
  /** The paid order that the money came by. */
  readonly order: OrderRef;
  /** Our number of the refund: 32 characters of `[0-9a-z]`. Sending it again must not return money twice. */
  readonly refundRef: string;
  readonly amount: Money;
  /** The provider's own number, when it has told us. */
  readonly channelRefundNo: string | null;
}

export interface RefundRequest extends RefundRef {
  /** The merchant's words, at most 80 characters. */
  readonly reason: string | null;
  /** Where news of this refund goes, for providers that are told with each refund; as in `CreateRequest`. */
  readonly callbackUrl: string;
}

/** What our account at a provider holds and may be paid out or refunded from, in one currency. May be below zero. */
export interface Balance {
  readonly currency: string;
  readonly availableMinor: number;
}

/** A callback exactly as it arrived; signatures are made over these bytes. */
export interface RawCallback {
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  /** Names in lower case; a header that came twice has two entries. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Uint8Array;
  readonly receivedAt: EpochMs;
}

/** One verified statement about one order, or about one refund of an order. */
export type Notice =
  | { readonly kind: 'order'; readonly providerRef: string; readonly observation: Observation }
  | {
      readonly kind: 'refund';
      /** The order's number as the signed content names it; null where it names the refund alone. */
      readonly providerRef: string | null;
      readonly refundRef: string;
      readonly observation: RefundObservation;
    };

/**
 * Why a callback was not believed. `probe`: the provider's own test of our verification; refused without an alarm. `unconfirmed`: its
 * proof is right, but the provider, when asked, did not say the same.
 */
export type CallbackRefusal = 'malformed' | 'bad_signature' | 'stale' | 'foreign_account' | 'unconfirmed' | 'probe';

/**
 * What came of a callback. `durable` and `irrelevant` are acknowledged, `refused` is not. `durable` needs a receipt, which only
 * the store can make, after its commit (I3). `irrelevant`: verified, but it concerns no order (an event type we do not use).
 */
export type CallbackOutcome =
  | { readonly kind: 'durable'; readonly receipt: DurableReceipt }
  | { readonly kind: 'irrelevant' }
  | { readonly kind: 'refused' };

export interface RawAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/**
 * One channel: one account at one provider. Adapters keep no state but their connections, log nothing and never retry.
 * Every method honours its signal; what a provider can do is a value, a throw is our bug.
 */
export interface ChannelAdapter {
  /** The account at the provider that every callback of this channel must name (app id, mchid, account id). */
  readonly account: string;
  /** What this account can do, where that is less than its provider can. Absent: all of it. */
  readonly capabilities?: readonly Capability[];
  /** See `AttemptBinding.absence`. */
  readonly absence: 'final' | 'until_expiry';
  /** True when a create for this scene makes no network call, so that its success says nothing of the channel's health. */
  createsOffline(scene: Scene): boolean;
  /** True when a create for this scene is refused without the buyer's IP address (WeChat's H5 pages). */
  needsBuyerIp(scene: Scene): boolean;
  /** When the provider stops taking money for an order that should end at `expiresAt` (some have a minimum life). */
  providerExpiresAt(expiresAt: EpochMs, now: EpochMs): EpochMs;
  create(request: CreateRequest, signal: AbortSignal): Promise<Result<Created, ChannelError>>;
  /** "No such order" is an observation (`absent`), not an error. */
  query(order: OrderRef, signal: AbortSignal): Promise<Result<Observation, ChannelError>>;
  /**
   * Asks the provider to stop taking money. `closed`: it has, or the order was closed already. `succeeded`: it was paid
   * first. `absent`: it holds no such order. `open`: it could not be closed now; ask again.
   */
  close(order: OrderRef, signal: AbortSignal): Promise<Result<Observation, ChannelError>>;
  /**
   * Takes the money of an order that its buyer has approved; there exactly when this provider moves money only then. Repeating it
   * takes nothing twice. `open` with an error: the buyer has to choose another way to pay, on the same page. Called only while
   * the payment may still be paid; at such a provider, not to capture is what closes an order.
   */
  capture?(order: OrderRef, signal: AbortSignal): Promise<Result<Observation, ChannelError>>;
  /**
   * Sends a refund. An answer with `created: 'maybe'` may have been taken: the gateway sends the same number again, or asks.
   * A refund that the provider has already, under the same number and amount, is its first answer, not an error.
   */
  refund(request: RefundRequest, signal: AbortSignal): Promise<Result<RefundObservation, ChannelError>>;
  /** What became of a refund. "No such refund" is an observation (`absent`), not an error. */
  queryRefund(refund: RefundRef, signal: AbortSignal): Promise<Result<RefundObservation, ChannelError>>;
  /** Verifies raw bytes and only then reads them. An empty list is a valid message that concerns no order. */
  parseCallback(raw: RawCallback, signal: AbortSignal): Promise<Result<readonly Notice[], CallbackRefusal>>;
  /** The provider's own words for "we have it" and "we do not". */
  acknowledge(outcome: CallbackOutcome): RawAnswer;
  /** A call without side effects that a healthy channel answers: the query of an order that does not exist. */
  probe(signal: AbortSignal): Promise<Result<void, ChannelError>>;
  /**
   * What our account holds, once per currency; there exactly when the provider has the capability `balance`. An empty list: the
   * account has no right to ask, which is no fault of the channel.
   */
  balance?(signal: AbortSignal): Promise<Result<readonly Balance[], ChannelError>>;
  /** Releases connections. */
  dispose(): Promise<void>;
}

/**
 * One request of ours and its answer as they went over the wire, for the evidence log. What proves who we are (keys, tokens,
 * `Authorization`) is left out by the transport; signatures stay, since they are the evidence.
 */
export interface WireExchange {
  readonly method: string;
  readonly url: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly requestBody: string;
  /** Null when no complete answer came; then `failure` says why in a short word. */
  readonly status: number | null;
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** As received, also when it was not believed; null when nothing of it came. */
  readonly responseBody: string | null;
  readonly failure: string | null;
}

/** What the gateway lends to an adapter. Time and chance are ports. */
export interface AdapterPorts {
  readonly now: () => EpochMs;
  readonly randomBytes: (size: number) => Uint8Array;
  /**
   * Called once for each request that was tried, when its outcome is known, in the asynchronous context of the adapter's method (not
   * in a socket's callback: a kept-alive connection was opened by another call). Never throws and takes no time.
   */
  readonly record: (exchange: WireExchange) => void;
}

/** What a provider folder exports. */
export interface Provider<Config = unknown> {
  readonly id: string;
  readonly capabilities: readonly Capability[];
  /**
   * `per_request`: every create names its callback URL, so a callback must arrive under its attempt's unguessable token.
   * `per_account`: the provider knows one URL; the binding rests on signed content alone.
   */
  readonly callbackUrl: 'per_request' | 'per_account';
  /** The `credentials` of a channel in `gateway.yaml`: strict, refusing empty, short and placeholder secrets (I13). */
  readonly configSchema: z.ZodType<Config>;
  openAdapter(config: Config, ports: AdapterPorts): ChannelAdapter;
  /** Loaded on demand, so that a live gateway never loads a simulator. */
  openSandbox(
    options: import('./sandbox/contract.ts').SimulatorOptions,
  ): Promise<import('./sandbox/contract.ts').Simulator>;
}
