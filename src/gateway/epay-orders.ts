import { createHash } from 'node:crypto';
import { methodsOfType, noticeFields, signed, withParameters } from '../epay/index.ts';
import {
  awaitsDecision,
  err,
  hasEnded,
  isPaid,
  isPaymentId,
  legible,
  ok,
  type Payment,
  payableAttempt,
  type Result,
  type Scene,
} from '../payment/index.ts';
import type { OrderNumber } from '../store/port.ts';
import type { EpayOperations, EpayOrder, EpayRefusal, Gateway, Order } from './api.ts';
import type { Change } from './change.ts';
import { epaySigner } from './epay-signer.ts';
import type { GatewayError } from './errors.ts';
import { nextRound, openOrderNumber, paymentNumberOf } from './order-numbers.ts';
import type { Orders } from './orders.ts';
import type { Parts } from './parts.ts';
import type { Merchant } from './ports.ts';

/** Shops give up after ten seconds; whatever a channel has not done by then is done while the buyer is at the cashier. */
const ANSWER_WITHIN_MS = 4_000;
/**
 * Before an order is paid anew, its provider is asked for so long whether the old one has been paid in its last moment. Both together
 * stay below the five seconds in which a shop is answered.
 */
const ASK_OLD_WITHIN_MS = 800;
/** Somebody else changes the same number at the same time; more often than this nobody does. */
const TRIES_MAX = 10;
/** A number that was paid anew so often is not an order any more. */
const ROUNDS_MAX = 500;
const SUBJECT_CHARS_MAX = 128;

/** The orders of shops that speak epay, as ordinary payments under numbers that outlive them. */
export function createEpayOrders(
  parts: Parts,
  services: {
    readonly createPayment: Gateway['createPayment'];
    readonly change: Change;
    readonly orders: Orders;
    readonly choose: Gateway['choose'];
  },
): EpayOperations & { onPaid(payment: Payment): void } {
  const { store, clock, telemetry } = parts;
  const signer = epaySigner(parts);

  async function placeOrder(merchant: Merchant, order: EpayOrder): Promise<Result<Payment, EpayRefusal>> {
    const { outTradeNo: orderNo } = order.terms;
    const requestHash = identityOf(order);
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const entry = await openOrderNumber(store, { merchantId: merchant.id, orderNo, requestHash });
      const current = await currentPayment(entry);
      if (entry.paidBy !== null && entry.paidBy !== current?.id) return err(await claimedRefusal(entry.paidBy));
      // A payment of the merchant API has this number: it is another order.
      if (current && current.epay === undefined) return err('changed_order');
      if (current && isPaid(current)) return err('paid_order');
      if (current && (awaitsDecision(current) || current.status === 'review')) return err('held_order');
      const isOver = current === null ? entry.requestHash !== requestHash : await hasPassed(current);
      if (isOver) {
        // No other payment can count any more, and this one cannot be paid: a person has to look at what took the number.
        if (entry.paidBy !== null) return err('held_order');
        if (entry.round >= ROUNDS_MAX) return err('changed_order');
        await nextRound(store, entry, requestHash);
        continue;
      }
      if (entry.requestHash !== requestHash) return err('changed_order');
      const created = await create(merchant, order, entry);
      if (!created.ok) return err(created.error);
      if (await isStill(entry, created.value)) return created;
    }
    return err('held_order');
  }

  /** A number is taken a moment before the success is written, and that may yet fail: paid is what reads so. */
  async function claimedRefusal(paidBy: string): Promise<'paid_order' | 'held_order'> {
    const owner = await byId(paidBy);
    return owner && isPaid(owner) ? 'paid_order' : 'held_order';
  }

  async function currentPayment({ merchantId, orderNo, round }: OrderNumber): Promise<Payment | null> {
    return (await store.findByOrderNo(merchantId, paymentNumberOf(orderNo, round)))?.payment ?? null;
  }

  /** Whether nobody can pay this payment any more. One that is closing may have been paid in its last moment, so its channel is asked. */
  async function hasPassed(payment: Payment): Promise<boolean> {
    if (hasEnded(payment)) return true;
    if (payment.closeRequested === null && clock.now() < payment.expiresAt) return false;
    const asked = await within(services.orders.queryAll(payment), ASK_OLD_WITHIN_MS);
    return asked === null || !isPaid(asked);
  }

  /** Whether the number has stayed this payment's while it was made; else it was made in vain, and nobody is led to it. */
  async function isStill(entry: OrderNumber, payment: Payment): Promise<boolean> {
    const now = await store.findOrderNumber(entry.merchantId, entry.orderNo);
    if (now?.paidBy === payment.id) return true;
    if (now?.paidBy === null && now.round === entry.round) return true;
    await services.change(payment.id, { type: 'overtaken' });
    return false;
  }

  /** Made without a way to pay, so that the buyer may choose any; then the one that the shop asks for is opened. */
  async function create(
    merchant: Merchant,
    order: EpayOrder,
    entry: OrderNumber,
  ): Promise<Result<Payment, EpayRefusal>> {
    const merchantOrderNo = paymentNumberOf(entry.orderNo, entry.round);
    const { requestHash } = entry;
    const wanted = paymentOrder(merchant, order, { merchantOrderNo, requestHash });
    const created = await services.createPayment(merchant, wanted, null);
    if (!created.ok) return err(refusalOf(created.error));
    const { payment } = created.value;
    return ok((await within(openAsked(payment, order), ANSWER_WITHIN_MS)) ?? payment);
  }

  /** What no channel serves, or none takes now, the buyer chooses at the cashier: that is no refusal. */
  async function openAsked(payment: Payment, order: EpayOrder): Promise<Payment> {
    const { type } = order.terms;
    const methods = type === null ? [] : methodsOfType(type, parts.settings().epayTypes);
    const shown = payableAttempt(payment);
    if (shown && methods.includes(shown.method)) return payment;
    const scenes: readonly Scene[] = [...new Set<Scene>([...order.scenes, 'redirect', 'qr'])];
    let current = payment;
    for (const method of methods) {
      const chosen = await services.choose(payment.id, { method, scenes, seen: null });
      if (!chosen.ok) continue;
      current = chosen.value;
      if (payableAttempt(current)) break;
    }
    return current;
  }

  async function findOrder(
    merchant: Merchant,
    numbers: Parameters<EpayOperations['findOrder']>[1],
  ): Promise<Payment | null> {
    const found =
      numbers.tradeNo === null ? await byShopNumber(merchant, numbers.outTradeNo) : await byId(numbers.tradeNo);
    if (found?.merchantId !== merchant.id || found.epay === undefined) return null;
    telemetry.trace.concerns(found);
    return found;
  }

  async function byId(id: string): Promise<Payment | null> {
    return isPaymentId(id) ? ((await store.findById(id))?.payment ?? null) : null;
  }

  async function byShopNumber(merchant: Merchant, orderNo: string | null): Promise<Payment | null> {
    const entry = orderNo === null ? null : await store.findOrderNumber(merchant.id, orderNo);
    if (entry === null) return null;
    return entry.paidBy === null ? currentPayment(entry) : byId(entry.paidBy);
  }

  async function returnUrl(payment: Payment): Promise<string | null> {
    const url = payment.returnUrl;
    if (url === null || payment.epay === undefined || !isPaid(payment)) return url;
    const signs = await signer.of(payment.merchantId, payment.epay);
    // A shop that has been taken out of the configuration has no key: its buyers go back without proof.
    return signs === null ? url : withParameters(url, signed(noticeFields(payment, payment.epay, clock.now()), signs));
  }

  /** A payment has taken effect: another one that is under way for the same number must not be paid any more. */
  async function overtakeCurrent(payment: Payment): Promise<void> {
    const orderNo = payment.epay?.outTradeNo;
    const entry = orderNo === undefined ? null : await store.findOrderNumber(payment.merchantId, orderNo);
    const current = entry === null ? null : await currentPayment(entry);
    if (current && current.id !== payment.id) await services.change(current.id, { type: 'overtaken' });
  }

  return {
    ...{ placeOrder, findOrder, returnUrl },
    signAnswer: async (fields) => signed(fields, { sign: 'rsa', privateKey: await parts.epayKey() }),
    onPaid: (payment) => {
      // The claim of the number decides; this only spares a buyer a payment that would be sent back.
      overtakeCurrent(payment).catch((thrown: unknown) =>
        telemetry.warn({ paymentId: payment.id, err: thrown }, 'another payment of a paid order could not be ended'),
      );
    },
  };
}

function paymentOrder(
  merchant: Merchant,
  order: EpayOrder,
  set: Pick<Order, 'merchantOrderNo' | 'requestHash'>,
): Order {
  const { terms, amount, notifyUrl, returnUrl, buyerIp } = order;
  return {
    ...{ ...set, amount, notifyUrl, returnUrl, metadata: {}, pinnedChannelId: null, epay: terms },
    ...{ methods: [], scene: order.scenes[0] ?? 'redirect', deferred: true },
    subject: subjectOf(terms.name) || terms.outTradeNo.slice(0, SUBJECT_CHARS_MAX),
    customer: buyerIp === null ? {} : { ip: buyerIp },
    expiresInMs: merchant.epay?.expiresInMs ?? 900_000,
  };
}

/** What the buyer reads: the name without what is no text, cut to what a subject may hold. */
function subjectOf(name: string): string {
  const line = legible(name)
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim();
  return [...line].slice(0, SUBJECT_CHARS_MAX).join('').trim();
}

/**
 * What makes two requests under one number the same order: amount, name, both addresses and what the shop wants back. How the buyer
 * pays and on what device may differ.
 */
function identityOf({ terms, amount, notifyUrl, returnUrl }: EpayOrder): string {
  const parts = [amount.minor, terms.name, notifyUrl, returnUrl, terms.param];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function refusalOf({ code }: GatewayError): EpayRefusal {
  switch (code) {
    case 'idempotency_conflict':
      return 'changed_order';
    case 'channel_rejected':
      return 'refused_by_channel';
    case 'validation_failed':
      return 'too_much';
    default:
      return 'no_channel';
  }
}

/** Null when it takes longer; it goes on all the same. */
async function within<T>(work: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
