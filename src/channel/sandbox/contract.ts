import type { IncomingHttpHeaders } from 'node:http';

/** What the shared kit lends to one provider's simulator. */
export interface SimulatorOptions {
  readonly channelId: string;
  /** The simulator's own base URL, `http://127.0.0.1:8082/<channel id>`, known once the listener is up. */
  readonly baseUrl: () => string;
  /** Where callbacks go for providers that keep one URL per account: `<PUBLIC_URL>/callbacks/<channel id>`. */
  readonly accountCallbackUrl: () => string;
  readonly now: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly books: Books;
  readonly balance: AccountBalance;
  readonly faults: () => Faults;
  /** Takes a callback to be delivered, repeated and spoilt as the faults say. */
  readonly courier: Courier;
  /** Keys made at an earlier start, to be used again; null at the first start. */
  readonly savedKeys: unknown;
}

/** What the simulated account holds. */
export interface AccountBalance {
  /** Whether it may ask for its balance; null: as an ordinary account of this provider. */
  granted(): boolean | null;
  /** Available minor units by currency; a currency without an entry was never used. */
  amounts(): ReadonlyMap<string, number>;
}

/** One provider's simulator: its wire protocol on top of the shared books. It never imports adapter code. */
export interface Simulator {
  /** The `credentials` that a gateway needs to talk to this simulator, in the provider's configSchema, with its base URL. */
  credentials(): unknown;
  /** What has to be saved so that the same credentials are valid after a restart. JSON. */
  keys(): unknown;
  /** Any request below `/<channel id>/`: the provider's API and its buyer pages. */
  handle(request: WireRequest): Promise<WireAnswer>;
  /** The provider's own way to say "internal error", signed or not as it would be (fault `error_rate`). */
  internalError(request: WireRequest): WireAnswer;
  /** True for the requests that make an order: after them `timeout_after_create_rate` may swallow the answer. */
  isCreate(request: WireRequest): boolean;
  /** True for the requests that take the money of an approved order: `timeout_after_capture_rate` may swallow their answers. */
  isCapture?(request: WireRequest): boolean;
  /** True for the requests that make a refund: `timeout_after_refund_rate` may swallow their answers. Absent: none do. */
  isRefund?(request: WireRequest): boolean;
  /** True for pages that a buyer's browser opens: answer faults and `error_rate` leave them alone. Absent: none are. */
  isBuyerPage?(request: WireRequest): boolean;
  /** The buyer opens a pay page at its URL (a page of this simulator), so that an order may come to exist. */
  visit?(url: string): Promise<void>;
  /**
   * The buyer pays; where money moves only by a capture, approves. The kit has checked that the order is open. Sends the callback
   * through the courier.
   */
  pay(order: Order, options: PayOptions): Promise<void>;
  /** The buyer's try is declined, as this provider does it. */
  fail(order: Order): Promise<void>;
  /**
   * The provider decides a refund that is pending in its books: the money is on its way, or it cannot be returned. Sends the
   * refund's callback through the courier where this provider has one.
   */
  settleRefund(order: Order, refund: SandboxRefund, outcome: 'succeeded' | 'failed'): Promise<void>;
}

export interface PayOptions {
  /** The amount that the buyer pays, when it is not the order's. */
  readonly amountMinor: number | null;
  readonly delivery: CallbackDelivery;
}

export type CallbackDelivery =
  | { readonly mode: 'send' }
  | { readonly mode: 'drop' }
  | { readonly mode: 'duplicate' }
  | { readonly mode: 'delay'; readonly delayMs: number };

/** What a provider believes about one order. `detail` is the simulator's own. */
export interface Order {
  readonly providerRef: string;
  readonly amountMinor: number;
  readonly currency: string;
  /** False while the provider itself would say "no such order" (Alipay before the buyer has opened it). */
  readonly visible: boolean;
  readonly status: 'open' | 'paid' | 'closed' | 'failed';
  readonly tradeNo: string;
  readonly paidAmountMinor: number | null;
  readonly paidAt: number | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly refunds: readonly SandboxRefund[];
  /** Counted by the kit: what a simulator puts here is ignored. Deliveries that went out, repeats and duplicates included. */
  readonly callbacksSent: number;
  readonly callbacksAcked: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What a provider believes about one refund. `refundNo` is our number of it. */
export interface SandboxRefund {
  readonly refundNo: string;
  readonly amountMinor: number;
  readonly status: 'pending' | 'succeeded' | 'failed';
  readonly createdAt: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The provider's own books; every change is kept when a data folder is set. */
export interface Books {
  find(providerRef: string): Order | undefined;
  /** The first order that fits, newest first. */
  findBy(matches: (order: Order) => boolean): Order | undefined;
  all(): readonly Order[];
  put(order: Order): void;
}

/** Everything that a test may ask a simulator to do wrong; see `api.md` and `channels.md` section 10. */
export interface Faults {
  readonly latency_ms: number;
  readonly error_rate: number;
  readonly outage: boolean;
  /** After this share of creates the order is made and its answer never comes. */
  readonly timeout_after_create_rate: number;
  /** The same for requests that capture an approved order. */
  readonly timeout_after_capture_rate: number;
  /** The same for requests that make a refund. */
  readonly timeout_after_refund_rate: number;
  readonly drop_callbacks: number;
  readonly duplicate_callbacks: number;
  readonly reorder: boolean;
  readonly wrong_amount: boolean;
  readonly wrong_signature: boolean;
  readonly pay_through: number;
  /** What is wrong with the answers to API calls. */
  readonly answer:
    | 'normal'
    | 'reset_before'
    | 'reset_after'
    | 'html_502'
    | 'truncated'
    | 'slow_body'
    | 'unsigned'
    | 'wrong_key'
    | 'stale';
  /**
   * What becomes of refunds. `normal`: as this provider does it when all is well. `pending`: taken, and left undecided until the
   * control API settles them. `failed`: taken, and reported as failed later, or refused where this provider refuses at once.
   * `no_balance`: refused, since our account there holds too little.
   */
  readonly refunds: 'normal' | 'pending' | 'failed' | 'no_balance';
  /** So long after the buyer has paid the provider is sure of it: a transfer that waits for its confirmations. */
  readonly confirm_after_ms: number;
  /** Every create is paid at once, and its callback is delivered before the create is answered. */
  readonly callback_before_answer: boolean;
}

export interface WireRequest {
  readonly method: string;
  /** Path and query exactly as received, with the `/<channel id>` prefix: signatures are made over this. */
  readonly target: string;
  /** Path below `/<channel id>`, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One callback as it goes out; built anew for every delivery, since some providers sign each one afresh. */
export interface CallbackMessage {
  readonly providerRef: string;
  readonly url: string;
  build(spoil: { wrongAmount: boolean; wrongSignature: boolean }): {
    readonly method: 'GET' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    /** For GET callbacks: the query to append to the URL. */
    readonly query?: string;
  };
  /** Whether an answer is this provider's idea of an acknowledgement. */
  isAcknowledged(status: number, body: string): boolean;
  /** The provider's schedule: how long to wait before each repetition, in real milliseconds. */
  readonly retryAfterMs: readonly number[];
  readonly timeoutMs: number;
}

export interface Courier {
  send(message: CallbackMessage, delivery: CallbackDelivery): void;
}
