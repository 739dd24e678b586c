// Made from the API description by `npm run sdk:types`; a test compares the two. Do not edit.

/**
 * What the buyer has to do next.
 */
export type Action =
  | {
      type: 'redirect';
      /**
       * Send the buyer there.
       */
      url: string;
    }
  | {
      type: 'qr_code';
      /**
       * Show this text as a QR code.
       */
      qr_code: string;
      /**
       * What the buyer has to send, exactly, where that is another sum than the payment's.
       */
      transfer?: {
        amount: number;
        currency: string;
        network: string;
        address: string;
        /**
         * The price holds until then.
         */
        expires_at: string;
      };
    }
  | {
      type: 'form';
      /**
       * A form that sends itself; put it into a page.
       */
      html: string;
    }
  | {
      type: 'client_secret';
      /**
       * For the provider's own script in your page.
       */
      client_secret: string;
      publishable_key: string;
    }
  | {
      type: 'none';
    };

/**
 * An order to be paid.
 */
export interface CreatePayment {
  /**
   * Your number of the order. One number is one payment, however often it is sent.
   */
  merchant_order_no: string;
  /**
   * In the currency's minor unit: fen for CNY, yen for JPY, millionths for USDT.
   */
  amount: number;
  /**
   * An ISO 4217 code in upper case, or `USDT`.
   */
  currency: string;
  /**
   * Ways to pay that the buyer may use, preferred ones first: `alipay`, `wechatpay`, `card` … Absent: whatever is enabled.
   */
  methods?: string[];
  /**
   * Where the buyer is: at a screen to scan from (`qr`), in a browser (`redirect`), in a phone's browser (`wap`), in your app (`inapp`).
   */
  scene?: 'qr' | 'redirect' | 'wap' | 'inapp';
  /**
   * Takes this channel and no other. Refused with `channel_rejected` when it cannot take the payment.
   */
  channel?: string;
  /**
   * What is bought; the buyer reads it.
   */
  subject: string;
  /**
   * Who pays, as far as you know.
   */
  customer?: {
    /**
     * Your number of the buyer.
     */
    id?: string;
    /**
     * The buyer's address. WeChat Pay's H5 pages (scene `wap`) need it.
     */
    ip?: string;
    /**
     * Kept encrypted.
     */
    email?: string;
    device_id?: string;
    /**
     * ISO 3166, two upper-case letters.
     */
    country?: string;
  };
  /**
   * Where the payment's events go. Absent: the address in your configuration.
   */
  notify_url?: string;
  /**
   * Where the buyer goes afterwards. A visit there proves nothing.
   */
  return_url?: string;
  /**
   * Seconds until the payment is closed by itself.
   */
  expires_in?: number;
  /**
   * Up to 20 texts of your own; they come back in answers and events.
   */
  metadata?: {
    [k: string]: string;
  };
  /**
   * Asks no channel yet: the buyer is sent to the cashier, and chooses there how to pay.
   */
  deferred?: boolean;
}

/**
 * The body of a create; only what routing looks at is required.
 */
export interface QuoteRequest {
  /**
   * In the currency's minor unit: fen for CNY, yen for JPY, millionths for USDT.
   */
  amount: number;
  /**
   * An ISO 4217 code in upper case, or `USDT`.
   */
  currency: string;
  /**
   * Ways to pay that the buyer may use, preferred ones first: `alipay`, `wechatpay`, `card` … Absent: whatever is enabled.
   */
  methods?: string[];
  /**
   * Where the buyer is: at a screen to scan from (`qr`), in a browser (`redirect`), in a phone's browser (`wap`), in your app (`inapp`).
   */
  scene?: 'qr' | 'redirect' | 'wap' | 'inapp';
  /**
   * Takes this channel and no other. Refused with `channel_rejected` when it cannot take the payment.
   */
  channel?: string;
  /**
   * Your number of the order. One number is one payment, however often it is sent.
   */
  merchant_order_no?: string;
  /**
   * What is bought; the buyer reads it.
   */
  subject?: string;
  /**
   * Who pays, as far as you know.
   */
  customer?: {
    /**
     * Your number of the buyer.
     */
    id?: string;
    /**
     * The buyer's address. WeChat Pay's H5 pages (scene `wap`) need it.
     */
    ip?: string;
    /**
     * Kept encrypted.
     */
    email?: string;
    device_id?: string;
    /**
     * ISO 3166, two upper-case letters.
     */
    country?: string;
  };
  /**
   * Where the payment's events go. Absent: the address in your configuration.
   */
  notify_url?: string;
  /**
   * Where the buyer goes afterwards. A visit there proves nothing.
   */
  return_url?: string;
  /**
   * Seconds until the payment is closed by itself.
   */
  expires_in?: number;
  /**
   * Up to 20 texts of your own; they come back in answers and events.
   */
  metadata?: {
    [k: string]: string;
  };
  /**
   * Asks no channel yet: the buyer is sent to the cashier, and chooses there how to pay.
   */
  deferred?: boolean;
}

/**
 * Money to send back.
 */
export interface CreateRefund {
  /**
   * Your number of the refund. One number is one refund, however often it is sent.
   */
  merchant_refund_no: string;
  /**
   * In the payment's minor unit. Absent: all that is left.
   */
  amount?: number;
  /**
   * The buyer may read it.
   */
  reason?: string;
}

/**
 * What became of the goods.
 */
export interface Fulfilment {
  /**
   * The goods are out.
   */
  status: 'delivered';
}

/**
 * Which events to send again.
 */
export interface Redelivery {
  /**
   * Events whose delivery was given up.
   */
  state: 'dead';
  /**
   * Of events from this time on, it included.
   */
  created_after?: string;
  /**
   * Of events before this time.
   */
  created_before?: string;
  /**
   * Those after this event: the `next` of the answer before.
   */
  after?: string;
  /**
   * How many at most.
   */
  limit?: number;
}

/**
 * A payment, the same in answers and in events.
 */
export interface Payment {
  id: string;
  object: 'payment';
  status:
    | 'created'
    | 'pending'
    | 'review'
    | 'succeeded'
    | 'partially_refunded'
    | 'refunded'
    | 'disputed'
    | 'failed'
    | 'closed';
  /**
   * Why it ended or waits, in a word.
   */
  status_reason: string | null;
  merchant_order_no: string;
  amount: number;
  /**
   * What has gone back because you asked for it.
   */
  amount_refunded: number;
  currency: string;
  subject: string;
  method: string | null;
  channel: string | null;
  action: Action;
  /**
   * The cashier's page for the buyer.
   */
  checkout_url: string;
  attempts: Attempt[];
  refunds: Refund[];
  fulfilment: 'none' | 'delivered';
  metadata: {
    [k: string]: string;
  };
  created_at: string;
  expires_at: string;
  paid_at: string | null;
}

/**
 * One try on one channel.
 */
export interface Attempt {
  seq: number;
  channel: string;
  method: string;
  status: 'creating' | 'open' | 'unknown' | 'succeeded' | 'failed' | 'closed';
  /**
   * Our order number at the provider.
   */
  provider_ref: string;
  /**
   * The provider's own number.
   */
  channel_trade_no: string | null;
  /**
   * What went wrong last, in a word that is the same for all channels.
   */
  error_code: string | null;
  /**
   * The provider's own code for it.
   */
  provider_code: string | null;
  /**
   * Of money that came: the one success that counts, paid twice, paid after the end, another amount.
   */
  effect: ('effective' | 'surplus' | 'late' | 'mismatch') | null;
  amount_paid: number | null;
  /**
   * What becomes of that money; `returned`: a person has sent it back by other means than a refund.
   */
  disposition: ('keep' | 'refund' | 'hold' | 'returned') | null;
  /**
   * How long the channel took to answer.
   */
  latency_ms: number | null;
  /**
   * What the buyer has to send, exactly, where that is another sum than the payment's.
   */
  quote?: {
    amount: number;
    currency: string;
    network: string;
    address: string;
    /**
     * The price holds until then.
     */
    expires_at: string;
  };
}

/**
 * Money on its way back.
 */
export interface Refund {
  id: string;
  object: 'refund';
  payment_id: string;
  /**
   * Null for money that went back by itself.
   */
  merchant_refund_no: string | null;
  amount: number;
  currency: string;
  status: 'pending' | 'succeeded' | 'failed';
  /**
   * `merchant`: you asked for it. Otherwise the money should not have come, and went back by itself.
   */
  cause: 'merchant' | 'surplus' | 'late' | 'mismatch';
  reason: string | null;
  /**
   * The attempt whose money goes back.
   */
  attempt: number;
  channel: string | null;
  /**
   * The provider's own number.
   */
  channel_refund_no: string | null;
  /**
   * What went wrong last, in a word that is the same for all channels.
   */
  error_code: string | null;
  /**
   * The provider's own code for it.
   */
  provider_code: string | null;
  created_at: string;
  resolved_at: string | null;
}

/**
 * A payment with the refund that the event is about.
 */
export interface PaymentWithRefund {
  id: string;
  object: 'payment';
  status:
    | 'created'
    | 'pending'
    | 'review'
    | 'succeeded'
    | 'partially_refunded'
    | 'refunded'
    | 'disputed'
    | 'failed'
    | 'closed';
  /**
   * Why it ended or waits, in a word.
   */
  status_reason: string | null;
  merchant_order_no: string;
  amount: number;
  /**
   * What has gone back because you asked for it.
   */
  amount_refunded: number;
  currency: string;
  subject: string;
  method: string | null;
  channel: string | null;
  action: Action;
  /**
   * The cashier's page for the buyer.
   */
  checkout_url: string;
  attempts: Attempt[];
  refunds: Refund[];
  fulfilment: 'none' | 'delivered';
  metadata: {
    [k: string]: string;
  };
  created_at: string;
  expires_at: string;
  paid_at: string | null;
  refund: Refund;
}

/**
 * Newest first.
 */
export interface PaymentList {
  data: Payment[];
  next_cursor: string | null;
}

/**
 * One channel as the router judged it.
 */
export interface Candidate {
  channel: string;
  method: string | null;
  /**
   * The highest is asked first.
   */
  score: number;
  /**
   * From 0 to 1, higher is better.
   */
  factors: {
    success: number;
    fee: number;
    latency: number;
    settlement: number;
  } | null;
  /**
   * What the channel charges, in the payment's minor unit.
   */
  fee: number | null;
  /**
   * With fee tiers: what was counted, on average over the volume that they expect; absent: the fee itself.
   */
  counted_fee?: number;
  /**
   * By what share the score is lower since the daily limit of the channel will be used up; absent: by nothing.
   */
  limit_price?: number;
  /**
   * The expected share of successes.
   */
  success_ratio: number | null;
  /**
   * How many outcomes that rests on.
   */
  sample_size: number | null;
  latency_ms: number | null;
  /**
   * Why it could not be chosen.
   */
  excluded:
    | (
        | 'disabled'
        | 'draining'
        | 'merchant'
        | 'method'
        | 'currency'
        | 'scene'
        | 'customer_ip_missing'
        | 'rule'
        | 'amount_below_min'
        | 'amount_above_max'
        | 'maintenance'
        | 'daily_limit'
        | 'rate_limit'
        | 'breaker_open'
        | 'cooling_down'
        | 'daily_pacing'
        | 'pinned_elsewhere'
        | 'already_tried'
      )
    | null;
  /**
   * The routing rule that excluded it.
   */
  rule: string | null;
}

/**
 * Why an attempt went where it went.
 */
export interface Decision {
  attempt: number;
  channel: string;
  position: 'first' | 'failover';
  reason: 'best_score' | 'pinned' | 'exploration' | 'probe' | 'panic' | 'preferred' | 'split';
  /**
   * The decision in a sentence.
   */
  explanation: string;
  decided_at: string;
  /**
   * The random number, where chance had a say.
   */
  draw: number | null;
  rules: {
    name: string;
    effect: 'exclude' | 'require' | 'prefer' | 'split';
  }[];
  candidates: Candidate[];
  /**
   * So many further channels were judged, which are not told one by one; absent: none.
   */
  omitted?: number;
}

/**
 * One decision per attempt.
 */
export interface Routing {
  data: Decision[];
}

/**
 * What would be chosen now.
 */
export interface Quote {
  /**
   * Null: none can take it.
   */
  channel: string | null;
  candidates: Candidate[];
  /**
   * So many further channels were judged, which are not told one by one; absent: none.
   */
  omitted?: number;
}

/**
 * An event, with what became of its delivery.
 */
export interface Event {
  object: 'event';
  id: string;
  type:
    | 'payment.succeeded'
    | 'payment.failed'
    | 'payment.closed'
    | 'payment.disputed'
    | 'refund.succeeded'
    | 'refund.failed';
  timestamp: string;
  payment_id: string;
  delivery: Delivery;
  /**
   * The payment as it was then.
   */
  data: PaymentWithRefund | Payment;
}

/**
 * What became of an event.
 */
export interface Delivery {
  /**
   * `none`: there is no address; `dead`: given up.
   */
  state: 'none' | 'pending' | 'delivered' | 'dead';
  tries: number;
  next_at: string | null;
  /**
   * When it was delivered or given up.
   */
  at: string | null;
}

/**
 * Oldest first. `next_cursor` goes into `after`.
 */
export interface EventList {
  data: Event[];
  next_cursor: string | null;
}

/**
 * How many are on their way again.
 */
export interface Redelivered {
  redelivered: number;
  /**
   * Goes into `after` of the next call.
   */
  next: string | null;
}

/**
 * A refusal, after RFC 9457.
 */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /**
   * Stable: branch on it.
   */
  code:
    | 'unauthorized'
    | 'forbidden'
    | 'not_found'
    | 'method_not_allowed'
    | 'validation_failed'
    | 'invalid_json'
    | 'body_too_large'
    | 'idempotency_conflict'
    | 'invalid_state'
    | 'refund_exceeds_amount'
    | 'no_channel_available'
    | 'store_unavailable'
    | 'channel_rejected'
    | 'rate_limited'
    | 'risk_denied'
    | 'internal';
  /**
   * What is wrong and what to do, in a sentence for people.
   */
  detail: string;
  /**
   * The same as the header X-Request-Id; name it when you ask us.
   */
  request_id: string;
  /**
   * Every wrong field, for `validation_failed`.
   */
  errors?: {
    path: string;
    message: string;
  }[];
}
