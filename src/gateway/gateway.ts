import { err, hasEnded, isPaid, isPaymentId, isUnresolved, ok, type Payment, type Result } from '../payment/index.ts';
import type { ChannelProfile } from '../routing/index.ts';
import { createAgendaWorker } from './agenda-worker.ts';
import type { Gateway } from './api.ts';
import { type ChannelBalances, createBalancePoller } from './balance-poller.ts';
import { createCallbackReception } from './callbacks.ts';
import { createChanger } from './change.ts';
import { createChannelCalls } from './channel-calls.ts';
import { createChoosing } from './choose.ts';
import { createPaymentCreation } from './create-payment.ts';
import { createPatience } from './create-under-way.ts';
import { createEpayOrders } from './epay-orders.ts';
import { type GatewayError, gatewayError } from './errors.ts';
import { createJanitor } from './janitor.ts';
import { createLeases } from './leases.ts';
import { createLimits, type DailyUse, type UsedUp } from './limits.ts';
import { createOrders } from './orders.ts';
import type { Parts } from './parts.ts';
import { createPlacement } from './placement.ts';
import type { Merchant } from './ports.ts';
import { createPresence } from './presence.ts';
import { createProber } from './prober.ts';
import { createRedelivery } from './redelivery.ts';
import { createRefundTaking, refundById } from './refund-payment.ts';
import { createRefunds } from './refunds.ts';
import { createRouter } from './router.ts';
import { createWatchers } from './watchers.ts';
import { createWaysToPay } from './ways-to-pay.ts';
import { createNotifier } from './webhook.ts';

/** A buyer may make us ask the channel this often. */
const BUYER_SYNC_EVERY_MS = 3_000;

const NOT_FOUND = gatewayError('not_found', 'No such payment of this merchant.');
const NO_SUCH_PAYMENT = gatewayError('not_found', 'No such payment.');

export interface RunningGateway extends Gateway {
  start(): void;
  /** Finishes what is in hand; call it after the listeners have stopped taking requests. */
  stop(): Promise<void>;
  /** What the providers say of our accounts, as far as it is fresh. */
  balances(): ChannelBalances;
  /** Of channels with a daily limit. */
  dailyUse(): Promise<readonly DailyUse[]>;
  /** The limits of channels that have no room left for an order of `ordinaryOf` minor units. */
  usedUp(ordinaryOf: (profile: ChannelProfile) => number): Promise<readonly UsedUp[]>;
}

/** Puts the use cases together from their parts. Nothing runs before `start`. */
export function createGateway(parts: Parts): RunningGateway {
  const wakeIfDue = (dueAt: number): void => {
    if (dueAt <= parts.clock.now()) agenda.wake();
  };
  const limits = createLimits(parts);
  const leases = createLeases(parts);
  const watchers = createWatchers(parts);
  const onChanged = (before: Payment, after: Payment): void => {
    limits.note(before, after);
    watchers.tell(after);
    if (after.epay !== undefined && isPaid(after) && !isPaid(before)) epay.onPaid(after);
  };
  const { change } = createChanger(parts, { onDue: wakeIfDue, onChanged });
  const calls = createChannelCalls(parts);
  const router = createRouter(parts, { calls, limits });
  const orders = createOrders(parts, calls, change);
  const prober = createProber(parts, calls);
  const placement = createPlacement(parts, { calls, change, orders, prober, router });
  const patience = createPatience(parts, placement);
  const ways = createWaysToPay(parts, router);
  const notifier = createNotifier(parts, change, leases);
  const refunds = createRefunds(parts, { calls, change, leases });
  const refundTaking = createRefundTaking(parts, { change, refunds });
  const presence = createPresence(parts, orders);
  const createPayment = createPaymentCreation(parts, { patience, placement, router });
  const choose = createChoosing(parts, { change, orders, patience, placement, waysToPay: ways });
  const epay = createEpayOrders(parts, { createPayment, change, orders, choose });
  const agenda = createAgendaWorker(parts, { change, leases, orders, refunds, notify: notifier.notify });
  const redelivery = createRedelivery(parts, { change, trialWanted: notifier.endpoints.trialWanted });
  const janitor = createJanitor(parts);
  const balancePoller = createBalancePoller(parts, calls);
  const { store } = parts;

  async function own(merchant: Merchant, paymentId: string): Promise<Result<Payment, GatewayError>> {
    const stored = isPaymentId(paymentId) ? await store.findById(paymentId) : null;
    if (stored?.payment.merchantId !== merchant.id) return err(NOT_FOUND);
    parts.telemetry.trace.concerns(stored.payment);
    return ok(stored.payment);
  }

  async function closePayment(merchant: Merchant, paymentId: string): Promise<Result<Payment, GatewayError>> {
    const found = await own(merchant, paymentId);
    if (!found.ok) return found;
    const requested = await change(paymentId, { type: 'close_requested', by: 'merchant' }, { known: found.value });
    if (requested.outcome === 'missing') return err(NOT_FOUND);
    let { payment } = requested;
    for (const attempt of payment.attempts) {
      if (!hasEnded(payment) && isUnresolved(attempt) && attempt.status !== 'creating') {
        payment = await orders.close(payment, attempt);
      }
    }
    if (!hasEnded(payment) || payment.status === 'closed') return ok(payment);
    return err(
      gatewayError('invalid_state', `The payment is ${payment.status}; only an unpaid payment can be closed.`),
    );
  }

  async function markDelivered(merchant: Merchant, paymentId: string): Promise<Result<Payment, GatewayError>> {
    const found = await own(merchant, paymentId);
    if (!found.ok) return found;
    const changed = await change(paymentId, { type: 'fulfilled' }, { known: found.value });
    if (changed.outcome === 'applied' || changed.outcome === 'ignored') return ok(changed.payment);
    return err(gatewayError('invalid_state', 'Only a paid payment can be delivered.'));
  }

  async function syncForBuyer(paymentId: string): Promise<Payment | null> {
    const stored = isPaymentId(paymentId) ? await store.findById(paymentId) : null;
    if (stored) parts.telemetry.trace.concerns(stored.payment);
    if (!stored || hasEnded(stored.payment)) return stored?.payment ?? null;
    const gate = await parts.ephemeral.hit(`buyer-sync/${paymentId}`, 1, BUYER_SYNC_EVERY_MS).catch(() => null);
    return gate?.allowed ? orders.queryAll(stored.payment) : stored.payment;
  }

  return {
    createPayment,
    getPayment: own,
    listPayments: (merchant, filter) => store.list({ merchantId: merchant.id, ...filter }),
    closePayment,
    syncPayment: async (merchant, paymentId) => {
      const found = await own(merchant, paymentId);
      return found.ok ? ok(await refunds.pursueAll(await orders.queryAll(found.value))) : found;
    },
    refundPayment: async (merchant, paymentId, order, key) => {
      const found = await own(merchant, paymentId);
      return found.ok ? refundTaking.refundPayment(merchant, found.value, order, key) : found;
    },
    getRefund: async (merchant, paymentId, refundId) => {
      const found = await own(merchant, paymentId);
      const refund = found.ok ? refundById(found.value, refundId) : undefined;
      if (!found.ok || !refund)
        return err(found.ok ? gatewayError('not_found', 'No such refund of this payment.') : NOT_FOUND);
      return ok({ payment: found.value, refund });
    },
    disposeMoney: async (paymentId, disposition) => {
      const stored = isPaymentId(paymentId) ? await store.findById(paymentId) : null;
      return stored ? refundTaking.disposeMoney(stored.payment, disposition) : err(NO_SUCH_PAYMENT);
    },
    recordReturn: async (paymentId, reference) => {
      const stored = isPaymentId(paymentId) ? await store.findById(paymentId) : null;
      return stored ? refundTaking.recordReturn(stored.payment, reference) : err(NO_SUCH_PAYMENT);
    },
    markDelivered,
    quote: async (merchant, request) => {
      const ranking = await router.quote({
        ...{ buyerIpKnown: true, country: null, subject: '', metadata: {}, ...request },
        merchantId: merchant.id,
        merchantChannels: merchant.channels,
        triedChannelIds: [],
      });
      const { choice, candidates, omitted } = ranking;
      return { channelId: choice?.channelId ?? null, candidates, omitted };
    },
    listEvents: (merchant, { state, ...rest }) => {
      const page = { merchantId: merchant.id, ...rest };
      return state === 'dead' ? store.listDeadEvents(page) : store.listEvents(page);
    },
    redeliverEvent: (merchant, eventId) => redelivery.redeliver(merchant.id, eventId),
    redeliverDead: (merchant, filter) => redelivery.redeliverDead({ ...filter, merchantId: merchant.id }),
    webhooks: {
      listDead: (page) => store.listDeadEvents(page),
      redeliver: (eventId) => redelivery.redeliver(null, eventId),
      redeliverDead: redelivery.redeliverDead,
      endpoints: notifier.endpoints.list,
      resume: notifier.endpoints.resume,
    },
    epay,
    receiveCallback: createCallbackReception(parts, { change, orders }),
    noteUnreadableCallback: (channelId) =>
      parts.telemetry.callback(parts.channels().has(channelId) ? channelId : 'none', 'malformed'),
    findForBuyer: async (paymentId) => {
      const stored = isPaymentId(paymentId) ? await store.findById(paymentId) : null;
      if (stored) {
        parts.telemetry.trace.concerns(stored.payment);
        presence.noticed(stored.payment);
      }
      return stored?.payment ?? null;
    },
    watch: watchers.watch,
    waysToPay: ways.waysToPay,
    choose,
    syncForBuyer,
    balances: balancePoller.balances,
    dailyUse: limits.dailyUse,
    usedUp: limits.usedUp,
    start: () => {
      prober.start();
      notifier.start();
      agenda.start();
      janitor.start();
      balancePoller.start();
    },
    stop: async () => {
      janitor.stop();
      await Promise.all([balancePoller.stop(), prober.stop(), agenda.stop(), notifier.stop(), presence.stop()]);
    },
  };
}
