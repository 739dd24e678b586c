import type { RawAnswer, RawCallback } from '../../src/channel/index.ts';
import {
  type BuyerChoice,
  type Gateway,
  type GatewayError,
  gatewayError,
  type Merchant,
  type Order,
  type RedeliveryFilter,
} from '../../src/gateway/index.ts';
import type { AdminAppParts } from '../../src/http/index.ts';
import {
  type Action,
  type AttemptError,
  apply,
  createPayment,
  err,
  type Fact,
  findRefund,
  money,
  newId,
  ok,
  type Payment,
  providerRefOf,
} from '../../src/payment/index.ts';
import { someSettings } from './settings.ts';

export const NOW = Date.parse('2026-03-01T12:00:00Z');

/** An order as the edge would hand it over. */
export const anOrder = (set: Partial<Order> = {}): Order => ({
  merchantOrderNo: 'A1000',
  amount: money(123_456, 'CNY'),
  methods: ['alipay'],
  scene: 'redirect',
  subject: 'Game credits',
  customer: {},
  notifyUrl: null,
  returnUrl: 'https://shop.example/thanks?a=1&b=2',
  expiresInMs: 900_000,
  metadata: {},
  pinnedChannelId: null,
  requestHash: 'hash',
  ...set,
});

let made = 0;

/** A payment without attempts, made by the real state machine. */
export function aNewPayment(set: Partial<Order> = {}, merchantId = 'm_one'): Payment {
  made += 1;
  const { customer: _customer, ...order } = anOrder(set);
  const id = newId('pay', NOW, (size) => new Uint8Array(size).fill(made));
  const { policies } = someSettings();
  return createPayment({ ...order, id, merchantId, customer: { country: null, sealed: null }, policies }, NOW);
}

/** The payment after a fact that has to apply. */
export function withFact(payment: Payment, fact: Fact, now = NOW): Payment {
  const applied = apply(payment, fact, now);
  if (applied.outcome !== 'applied') throw new Error(`${fact.type} was ${applied.outcome}: ${applied.reason}`);
  return applied.payment;
}

/** A payment whose first attempt is being asked for. */
export function anAskingPayment(set: Partial<Order> = {}, merchantId = 'm_one'): Payment {
  const payment = aNewPayment(set, merchantId);
  return withFact(payment, {
    type: 'attempt_started',
    attempt: {
      seq: 1,
      channelId: 'alipay-main',
      method: payment.methods[0] ?? 'alipay',
      providerRef: providerRefOf(payment.id, 1),
      callbackToken: 'token',
      account: 'account',
      amount: payment.amount,
      providerExpiresAt: payment.expiresAt,
      absence: 'final',
      decision: {
        decidedAt: NOW,
        channelId: 'alipay-main',
        position: 'first',
        reason: 'best_score',
        draw: null,
        explanation: 'the best of one',
        candidates: [
          {
            channelId: 'alipay-main',
            method: 'alipay',
            score: 0.9,
            factors: { success: 1, fee: 0.5, latency: 1, settlement: 0 },
            feeMinor: 741,
            successRatio: 0.99,
            sampleSize: 12,
            latencyMs: 80,
            excluded: null,
          },
        ],
      },
      openedAt: NOW,
    },
  });
}

/** A payment that the buyer can pay by `action`. */
export function aPendingPayment(
  action: Action = { type: 'redirect', url: 'https://pay.example/1' },
  set: Partial<Order> = {},
): Payment {
  return withFact(anAskingPayment(set), {
    type: 'attempt_opened',
    seq: 1,
    action,
    channelTradeNo: null,
    latencyMs: 12,
  });
}

/** What the channel says of the first attempt. */
export function observed(
  payment: Payment,
  state: 'succeeded' | 'failed' | 'closed' | 'open',
  error: AttemptError | null = null,
): Fact {
  const observation = { state, account: 'account', amount: payment.amount, channelTradeNo: 'T1', paidAt: NOW, error };
  return { type: 'observed', seq: 1, by: 'query', observation };
}

export interface StubGateway extends Gateway {
  readonly payments: Map<string, Payment>;
  readonly orders: { readonly order: Order; readonly key: string | null }[];
  readonly callbacks: { readonly channelId: string; readonly token: string | null; readonly raw: RawCallback }[];
  /** The channels of callbacks that could not be read. */
  readonly unreadable: string[];
  readonly syncs: string[];
  readonly choices: { readonly id: string; readonly choice: BuyerChoice }[];
  readonly watchers: Set<{ readonly id: string; readonly onChange: (payment: Payment) => void }>;
  /** Methods that do not work at the moment. */
  readonly away: Set<string>;
  /** What choosing is answered with, when set. */
  refusal: GatewayError | null;
  /** What was to be sent again. */
  readonly redeliveries: RedeliveryFilter[];
  callbackAnswer: RawAnswer;
  /** When set, every use case throws it: the store is down, or we have a bug. */
  broken: Error | null;
}

/** A gateway without channels or a store: enough to look at the edge alone. The end-to-end tests use the real one. */
export function createStubGateway(): StubGateway {
  const payments = new Map<string, Payment>();
  const own = async (merchant: Merchant, id: string) => {
    if (stub.broken) throw stub.broken;
    const payment = payments.get(id);
    return payment?.merchantId === merchant.id ? ok(payment) : err(gatewayError('not_found', 'No such payment.'));
  };
  const listed = (merchant: Merchant) =>
    [...payments.values()]
      .filter((payment) => payment.merchantId === merchant.id)
      .flatMap((payment) => payment.events.map((event) => ({ paymentId: payment.id, merchantId: merchant.id, event })));
  const stub: StubGateway = {
    payments,
    orders: [],
    callbacks: [],
    unreadable: [],
    syncs: [],
    choices: [],
    watchers: new Set(),
    away: new Set(),
    refusal: null,
    redeliveries: [],
    callbackAnswer: { status: 200, contentType: 'text/plain', body: 'success' },
    broken: null,
    createPayment: async (merchant, order, key) => {
      if (stub.broken) throw stub.broken;
      stub.orders.push({ order, key });
      const known = [...payments.values()].find((p) => p.merchantOrderNo === order.merchantOrderNo);
      if (known && known.requestHash !== order.requestHash)
        return err(gatewayError('idempotency_conflict', 'Differs.'));
      const payment = known ?? aNewPayment(order, merchant.id);
      payments.set(payment.id, payment);
      return ok({ payment, repeat: known !== undefined });
    },
    getPayment: own,
    listPayments: async (merchant) => ({
      items: [...payments.values()].filter((p) => p.merchantId === merchant.id),
      nextCursor: null,
    }),
    closePayment: async (merchant, id) => {
      const found = await own(merchant, id);
      return found.ok && found.value.status === 'succeeded' ? err(gatewayError('invalid_state', 'It is paid.')) : found;
    },
    syncPayment: own,
    markDelivered: async (merchant, id) => {
      const found = await own(merchant, id);
      return found.ok ? ok({ ...found.value, fulfilment: 'delivered' }) : found;
    },
    refundPayment: async (merchant, id, order) => {
      const found = await own(merchant, id);
      if (!found.ok) return found;
      const known = findRefund(found.value, order.merchantRefundNo);
      if (known) return ok({ payment: found.value, refund: known, repeat: true });
      const { merchantRefundNo, requestHash, amountMinor, reason } = order;
      const fact: Fact = { type: 'refund_requested', merchantRefundNo, requestHash, amountMinor, reason };
      const applied = apply(found.value, fact, NOW);
      if (applied.outcome !== 'applied') return err(gatewayError('refund_exceeds_amount', 'Too much.'));
      payments.set(id, applied.payment);
      const refund = findRefund(applied.payment, order.merchantRefundNo);
      return refund ? ok({ payment: applied.payment, refund, repeat: false }) : err(gatewayError('internal', 'Gone.'));
    },
    getRefund: async (merchant, id, refundId) => {
      const found = await own(merchant, id);
      const refund = found.ok ? found.value.refunds.find((r) => r.id === refundId) : undefined;
      if (!found.ok) return found;
      return refund ? ok({ payment: found.value, refund }) : err(gatewayError('not_found', 'No such refund.'));
    },
    disposeMoney: async () => err(gatewayError('invalid_state', 'Nothing is held.')),
    recordReturn: async () => err(gatewayError('invalid_state', 'Nothing is held.')),
    quote: async () => ({ channelId: null, candidates: [], omitted: 0 }),
    listEvents: async (merchant, { limit }) => listed(merchant).slice(0, limit),
    redeliverEvent: async (merchant, eventId) => {
      const event = listed(merchant).find((e) => e.event.id === eventId);
      return event ? ok(event) : err(gatewayError('not_found', 'No such event.'));
    },
    redeliverDead: async (merchant, filter) => {
      stub.redeliveries.push({ ...filter, merchantId: merchant.id });
      return { redelivered: 0, next: null };
    },
    epay: {
      placeOrder: async () => err('no_channel'),
      findOrder: async () => null,
      returnUrl: async ({ returnUrl }) => returnUrl,
      signAnswer: async (fields) => fields,
    },
    webhooks: {
      listDead: async () => [],
      redeliver: async () => err(gatewayError('not_found', 'No such event.')),
      redeliverDead: async (filter) => {
        stub.redeliveries.push(filter);
        return { redelivered: 0, next: null };
      },
      endpoints: () => [],
      resume: () => 0,
    },
    watch: (id, onChange) => {
      const watcher = { id, onChange };
      stub.watchers.add(watcher);
      return () => void stub.watchers.delete(watcher);
    },
    waysToPay: async ({ methods }) => methods.map((method) => ({ method, available: !stub.away.has(method) })),
    choose: async (id, choice) => {
      stub.choices.push({ id, choice });
      const payment = payments.get(id);
      return payment && !stub.refusal
        ? ok(payment)
        : err(stub.refusal ?? gatewayError('not_found', 'No such payment.'));
    },
    receiveCallback: async (channelId, token, raw) => {
      if (stub.broken) throw stub.broken;
      stub.callbacks.push({ channelId, token, raw });
      return stub.callbackAnswer;
    },
    noteUnreadableCallback: (channelId) => void stub.unreadable.push(channelId),
    findForBuyer: async (id) => {
      if (stub.broken) throw stub.broken;
      return payments.get(id) ?? null;
    },
    syncForBuyer: async (id) => {
      stub.syncs.push(id);
      return payments.get(id) ?? null;
    },
  };
  return stub;
}

/** A configuration that nobody changes. */
export const stubConfig: AdminAppParts['config'] = {
  reload: async () => ({ outcome: 'unchanged', changes: [], replicas_told: null }),
  shown: () => ({}),
};

/** No shop speaks epay. */
export const stubEpayDoctor: AdminAppParts['epayDoctor'] = {
  overview: () => ({ time: '2026-01-01T00:00:00.000Z', shops: [], nobodys: [] }),
  shop: async () => null,
};
