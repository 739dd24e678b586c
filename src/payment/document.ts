import type { Decision } from './decision.ts';
import type { Money } from './money.ts';

/** Milliseconds since 1970 UTC. Documents keep times as numbers so that they survive JSON unchanged. */
export type EpochMs = number;

export const PAYMENT_STATUSES = [
  'created',
  'pending',
  'review',
  'succeeded',
  'partially_refunded',
  'refunded',
  'disputed',
  'failed',
  'closed',
] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

export const SCENES = ['qr', 'redirect', 'wap', 'inapp'] as const;
export type Scene = (typeof SCENES)[number];

/** What the buyer has to do next. */
export type Action =
  | { readonly type: 'redirect'; readonly url: string }
  | { readonly type: 'qr_code'; readonly qrCode: string }
  | { readonly type: 'form'; readonly html: string }
  | { readonly type: 'client_secret'; readonly clientSecret: string; readonly publishableKey: string };

/**
 * What the buyer has to send where that is another amount than the payment's: its price in another currency, fixed when the order was
 * made. Exactly this amount, on this network, to this address.
 */
export interface Quote {
  readonly amount: Money;
  readonly network: string;
  readonly address: string;
  /** From then on the provider takes it no more. */
  readonly expiresAt: EpochMs;
}

/** Why an attempt did not work: our taxonomy's kind, and the provider's own code for the operator. */
export interface AttemptError {
  readonly kind: string;
  readonly providerCode: string | null;
}

/** What an attempt is bound to from its first moment (I12). */
export interface AttemptBinding {
  readonly seq: number;
  readonly channelId: string;
  readonly method: string;
  readonly providerRef: string;
  /** Unguessable part of the callback URL. */
  readonly callbackToken: string;
  /** The account at the provider (app id, mchid, pid ...) that a callback must name. */
  readonly account: string;
  readonly amount: Money;
  /** When the provider itself stops taking money for this order. */
  readonly providerExpiresAt: EpochMs;
  /**
   * What "no such order" from this provider is worth. `final`: it proves that the order does not exist. `until_expiry`: the
   * order appears only when the buyer acts (Alipay), so nothing is proven before `providerExpiresAt`.
   */
  readonly absence: 'final' | 'until_expiry';
  /** False: the channel cannot return money, so what should go back by itself waits for a person. Absent: it can. */
  readonly refundable?: boolean;
  readonly decision: Decision;
  readonly openedAt: EpochMs;
  /** How the buyer's device is to pay, where the buyer has chosen this attempt; else it is the payment's own scene. */
  readonly scene?: Scene;
  /**
   * The buyer has chosen this way to pay, or has given it up for another. When it fails, the buyer may choose again: it is not
   * the end of the payment.
   */
  readonly buyerLed?: true;
}

interface AttemptFields extends AttemptBinding {
  readonly channelTradeNo: string | null;
  readonly latencyMs: number | null;
  /** The last thing that went wrong, also on an attempt that is still open (a declined card that may be tried again). */
  readonly error: AttemptError | null;
  /** The provider answered our close with "no such order" (Alipay before the scan). */
  readonly unseenAtClose: boolean;
  /** Absent where the buyer pays the payment's own amount. */
  readonly quote?: Quote;
  /** When we last began to capture the approved order; only at providers where money moves by our capture. */
  readonly captureBegunAt?: EpochMs;
}

export type CreatingAttempt = AttemptFields & { readonly status: 'creating' };
export type OpenAttempt = AttemptFields & { readonly status: 'open'; readonly action: Action };
/**
 * The provider may hold an order that can be paid, and its action is not shown: it was never handed out, or the buyer has given it
 * up for another way to pay.
 */
export type UnknownAttempt = AttemptFields & {
  readonly status: 'unknown';
  /** When the answer, or the order itself, was given up; documents from before this was kept do not have it. */
  readonly lostAt?: EpochMs;
};
export type SucceededAttempt = AttemptFields & {
  readonly status: 'succeeded';
  readonly paidAt: EpochMs;
  readonly resolvedAt: EpochMs;
  readonly knownBy: ObservedBy;
  /** What has arrived; another amount than asked for only where a provider lets buyers pay one. */
  readonly paidMinor: number;
  /**
   * `effective`: the one success that counts. `surplus`: the buyer paid twice. `late`: paid after the payment had ended.
   * `mismatch`: another amount was paid than asked for.
   */
  readonly effect: 'effective' | 'surplus' | 'late' | 'mismatch';
  readonly disposition: Disposition;
  /** Where a person has sent the money back by other means than a refund of ours: when we were told, and what proves it. */
  readonly returned?: { readonly at: EpochMs; readonly reference: string };
};
/** What becomes of money: it stays, it goes back by itself, a person decides, or a person has sent it back by other means. */
export type Disposition = 'keep' | 'refund' | 'hold' | 'returned';
export type FailedAttempt = AttemptFields & { readonly status: 'failed'; readonly resolvedAt: EpochMs };
export type ClosedAttempt = AttemptFields & { readonly status: 'closed'; readonly resolvedAt: EpochMs };

export type Attempt = CreatingAttempt | OpenAttempt | UnknownAttempt | SucceededAttempt | FailedAttempt | ClosedAttempt;

/** How we learnt something from a channel. */
export type ObservedBy = 'callback' | 'query' | 'close';

/** Why money goes back: the merchant asked, or it should never have come. */
export type RefundCause = 'merchant' | 'surplus' | 'late' | 'mismatch';

/**
 * One try to return money. A new try is a new refund: one that has failed stays failed, unless it was only refused and the provider
 * turns out to have it.
 */
export interface Refund {
  /** From 1 in the order of making; part of its id and of its number at the provider. */
  readonly seq: number;
  readonly id: string;
  readonly cause: RefundCause;
  /** Null for a refund that we made by ourselves. */
  readonly merchantRefundNo: string | null;
  /** Tells a repeated request from another one under the same number; null for a refund of our own. */
  readonly requestHash: string | null;
  /** The success whose money goes back. */
  readonly attemptSeq: number;
  /** Our number of it at the provider. */
  readonly refundRef: string;
  readonly amountMinor: number;
  readonly reason: string | null;
  readonly status: 'pending' | 'succeeded' | 'failed';
  /** The provider has it: from now on it is asked about instead of sent again. */
  readonly submitted: boolean;
  readonly channelRefundNo: string | null;
  readonly error: AttemptError | null;
  readonly createdAt: EpochMs;
  readonly resolvedAt: EpochMs | null;
}

export const EVENT_TYPES = [
  'payment.succeeded',
  'payment.failed',
  'payment.closed',
  'payment.disputed',
  'refund.succeeded',
  'refund.failed',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** `none`: the merchant has no address for events; it can still list them. */
export type Delivery =
  | { readonly state: 'none' }
  /** `since`: it was asked for again then, and its days of retries count from there instead of from the event. */
  | { readonly state: 'pending'; readonly tries: number; readonly nextAt: EpochMs; readonly since?: EpochMs }
  | { readonly state: 'delivered'; readonly tries: number; readonly at: EpochMs }
  | { readonly state: 'dead'; readonly tries: number; readonly at: EpochMs };

/** One entry of the outbox, written in the same compare-and-set as the change that caused it. */
export interface PaymentEvent {
  readonly id: string;
  readonly type: EventType;
  readonly at: EpochMs;
  /** The refund that a refund's event is about. */
  readonly refundSeq?: number;
  /** The exact body that is sent, every time (I4). Empty only between `apply` and the commit, which fills it. */
  readonly body: string;
  readonly delivery: Delivery;
}

export type AgendaItem =
  | { readonly kind: 'expire'; readonly at: EpochMs }
  | { readonly kind: 'abandon'; readonly at: EpochMs; readonly seq: number }
  | { readonly kind: 'query'; readonly at: EpochMs; readonly tries: number; readonly seq: number }
  | { readonly kind: 'close'; readonly at: EpochMs; readonly tries: number; readonly seq: number }
  | { readonly kind: 'notify'; readonly at: EpochMs; readonly eventId: string }
  /** Send the refund, or ask about it once it is submitted. `seq` is the refund's. */
  | { readonly kind: 'refund'; readonly at: EpochMs; readonly tries: number; readonly seq: number }
  /** The next automatic refund of an attempt whose last one failed. */
  | { readonly kind: 'refund_again'; readonly at: EpochMs; readonly seq: number }
  /** Money is held for a person to decide. */
  | { readonly kind: 'remind'; readonly at: EpochMs };

/** What to do with money that should not have come: it counts, it goes back by itself, or a person decides. */
export type MoneyPolicy = 'accept' | 'refund' | 'hold';

/** As configured when the payment was created, so that a change never meets a payment under way. */
export interface Policies {
  /** Money that arrives after the payment had ended. */
  readonly lateSuccess: MoneyPolicy;
  /** A second success of one payment; `accept` keeps the money for the merchant to settle. */
  readonly surplus: MoneyPolicy;
  /** Another amount than asked for. */
  readonly amountMismatch: MoneyPolicy;
  /** A payment whose callback is lost is known within this time of being paid. */
  readonly paidKnownWithinMs: number;
}

export const EPAY_SIGNS = ['md5', 'sha256', 'rsa'] as const;
export type EpaySign = (typeof EPAY_SIGNS)[number];

/** How an order came by the epay protocol, and so how its shop is told of it. */
export interface EpayTerms {
  readonly pid: number;
  /** The shop's own number: payments may follow each other under it, and at most one of them takes effect. */
  readonly outTradeNo: string;
  /** In version 2 of the protocol the moment is signed with everything. */
  readonly version: 1 | 2;
  readonly sign: EpaySign;
  /** What the shop called the way to pay; null when it asked for none. */
  readonly type: string | null;
  /** As it was sent; the subject may be shorter. */
  readonly name: string;
  /** Given back unchanged. */
  readonly param: string | null;
}

/** Who pays, as far as the shop told us. Personal parts are sealed with the master key. */
export interface Customer {
  readonly country: string | null;
  readonly sealed: string | null;
}

/** One payment is one document; every change to it is one compare-and-set on `version`. */
export interface Payment {
  readonly schema: 2;
  readonly id: string;
  readonly version: number;
  readonly merchantId: string;
  readonly merchantOrderNo: string;
  readonly requestHash: string;
  readonly amount: Money;
  /** In the order of the shop's preference; empty means whatever is enabled. */
  readonly methods: readonly string[];
  readonly scene: Scene;
  readonly subject: string;
  readonly customer: Customer;
  readonly metadata: Readonly<Record<string, string>>;
  readonly pinnedChannelId: string | null;
  readonly notifyUrl: string | null;
  readonly returnUrl: string | null;
  readonly policies: Policies;
  readonly status: PaymentStatus;
  readonly statusReason: string | null;
  readonly closeRequested: { readonly by: 'merchant' | 'expiry' | 'overtaken'; readonly at: EpochMs } | null;
  readonly attempts: readonly Attempt[];
  readonly refunds: readonly Refund[];
  readonly events: readonly PaymentEvent[];
  readonly agenda: readonly AgendaItem[];
  /** The earliest agenda time; null when nothing is left to do. */
  readonly nextDueAt: EpochMs | null;
  readonly fulfilment: 'none' | 'delivered';
  readonly createdAt: EpochMs;
  readonly updatedAt: EpochMs;
  readonly expiresAt: EpochMs;
  readonly paidAt: EpochMs | null;
  /** Its shop speaks epay: it is told of the success alone, in that protocol. Absent: Standard Webhooks. */
  readonly epay?: EpayTerms;
  /** The order is another payment's by now: money that still comes is surplus. */
  readonly overtaken?: true;
  /** Where its trace begins, as a `traceparent`; documents from before this was kept do not have it. */
  readonly traceparent?: string;
}
