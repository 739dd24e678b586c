import type { SchemaName } from './schemas.ts';

// Requests are sent to the running API by `test/http/openapi-examples.test.ts`, answers are compared with what it answers.

/** Bodies by operation. */
export const REQUEST_EXAMPLES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  createPayment: {
    shortest: { merchant_order_no: 'A1000', amount: 1000, currency: 'CNY', subject: 'Game key' },
    everything: {
      merchant_order_no: 'A1001',
      amount: 1000,
      currency: 'CNY',
      methods: ['alipay', 'wechatpay'],
      scene: 'qr',
      subject: 'Game key',
      customer: { id: 'u-17', ip: '203.0.113.9', email: 'buyer@mail.example', device_id: 'd-4711', country: 'CN' },
      notify_url: 'https://shop.example/pay/events',
      return_url: 'https://shop.example/orders/A1001',
      expires_in: 600,
      metadata: { sku: 'key-1' },
    },
    pinned: {
      merchant_order_no: 'A1002',
      amount: 990,
      currency: 'CNY',
      subject: 'Game key',
      scene: 'qr',
      channel: 'wechatpay-main',
    },
    buyerChooses: { merchant_order_no: 'A1003', amount: 1000, currency: 'CNY', subject: 'Game key', deferred: true },
  },
  createRefund: {
    part: { merchant_refund_no: 'R1', amount: 300, reason: 'one key did not work' },
    rest: { merchant_refund_no: 'R2' },
  },
  markDelivered: { delivered: { status: 'delivered' } },
  quoteRouting: { quote: { amount: 1000, currency: 'CNY', methods: ['alipay', 'wechatpay'], scene: 'qr' } },
  redeliverEvents: {
    all: { state: 'dead' },
    some: { state: 'dead', created_after: '2026-01-31T08:00:00Z', limit: 100 },
  },
};

/** Query parameters by name. */
export const QUERY_EXAMPLES: Readonly<Record<string, string | number>> = {
  merchant_order_no: 'A1000',
  status: 'succeeded',
  created_after: '2026-01-31T08:00:00Z',
  created_before: '2126-01-31T08:00:00+08:00',
  limit: 50,
  state: 'dead',
};

const refund = {
  id: 'rf_01m81gw0mzf3gts91c40dvxv4n_001',
  object: 'refund',
  payment_id: 'pay_01m81gw0mzf3gts91c40dvxv4n',
  merchant_refund_no: 'R1',
  amount: 300,
  currency: 'CNY',
  status: 'succeeded',
  cause: 'merchant',
  reason: 'one key did not work',
  attempt: 1,
  channel: 'alipay-main',
  channel_refund_no: '2026112222001910645374534212',
  error_code: null,
  provider_code: null,
  created_at: '2026-11-22T11:45:02.101Z',
  resolved_at: '2026-11-22T11:45:02.164Z',
};

const attempt = {
  seq: 1,
  channel: 'alipay-main',
  method: 'alipay',
  status: 'open',
  provider_ref: '01m81gw0mzf3gts91c40dvxv4n01',
  channel_trade_no: null,
  error_code: null,
  provider_code: null,
  effect: null,
  amount_paid: null,
  disposition: null,
  latency_ms: 57,
};

const payment = {
  id: 'pay_01m81gw0mzf3gts91c40dvxv4n',
  object: 'payment',
  status: 'pending',
  status_reason: null,
  merchant_order_no: 'A1001',
  amount: 1000,
  amount_refunded: 0,
  currency: 'CNY',
  subject: 'Game key',
  method: 'alipay',
  channel: 'alipay-main',
  action: { type: 'qr_code', qr_code: 'https://qr.alipay.com/bax03206ug0kulveltqc80a8' },
  checkout_url: 'https://pay.example/pay/pay_01m81gw0mzf3gts91c40dvxv4n',
  attempts: [attempt],
  refunds: [],
  fulfilment: 'none',
  metadata: { sku: 'key-1' },
  created_at: '2026-11-22T11:39:31.010Z',
  expires_at: '2026-11-22T11:49:31.010Z',
  paid_at: null,
};

const paid = {
  ...payment,
  status: 'succeeded',
  action: { type: 'none' },
  attempts: [
    {
      ...attempt,
      status: 'succeeded',
      channel_trade_no: '2026112222001910645374534212',
      effect: 'effective',
      amount_paid: 1000,
      disposition: 'keep',
    },
  ],
  paid_at: '2026-11-22T11:39:39.000Z',
};

const event = {
  object: 'event',
  id: 'evt_01m81gw0mzf3gts91c40dvxv4n_succeeded',
  type: 'payment.succeeded',
  timestamp: '2026-11-22T11:39:39.766Z',
  payment_id: payment.id,
  delivery: { state: 'delivered', tries: 1, next_at: null, at: '2026-11-22T11:39:39.811Z' },
  data: paid,
};

const candidate = {
  channel: 'alipay-main',
  method: 'alipay',
  score: 0.9712,
  factors: { success: 0.98, fee: 0.9, latency: 0.97, settlement: 0.5 },
  fee: 6,
  success_ratio: 0.98,
  sample_size: 412,
  latency_ms: 61,
  excluded: null,
  rule: null,
};

const excluded = {
  channel: 'wechatpay-main',
  method: 'wechatpay',
  score: 0,
  factors: null,
  fee: null,
  success_ratio: null,
  sample_size: null,
  latency_ms: null,
  excluded: 'maintenance',
  rule: null,
};

const decision = {
  attempt: 1,
  channel: 'alipay-main',
  position: 'first',
  reason: 'best_score',
  explanation: 'alipay-main: the only channel that can take this payment (wechatpay-main maintenance)',
  decided_at: '2026-11-22T11:39:31.010Z',
  draw: null,
  rules: [],
  candidates: [candidate, excluded],
};

/** Answers by schema. */
export const ANSWER_EXAMPLES: Partial<Readonly<Record<SchemaName, unknown>>> = {
  Payment: payment,
  PaymentList: { data: [paid], next_cursor: null },
  Refund: refund,
  Routing: { data: [decision] },
  Quote: { channel: 'alipay-main', candidates: [candidate, excluded] },
  Event: { ...event, delivery: { state: 'pending', tries: 0, next_at: '2026-11-23T08:00:00.000Z', at: null } },
  EventList: { data: [event], next_cursor: null },
  Redelivered: { redelivered: 12, next: null },
};

/** What arrives at `notify_url`, by the family of its type. */
export const WEBHOOK_EXAMPLES = {
  payment: { type: event.type, id: event.id, timestamp: event.timestamp, data: paid },
  refund: {
    type: 'refund.succeeded',
    id: 'evt_01m81gw0mzf3gts91c40dvxv4n_refund001succeeded',
    timestamp: '2026-11-22T11:45:02.164Z',
    data: { ...paid, status: 'partially_refunded', amount_refunded: 300, refunds: [refund], refund },
  },
} as const;
