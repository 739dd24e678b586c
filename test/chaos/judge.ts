import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { sumOf } from '../../bench/metrics.ts';
import type { Shop } from './shop.ts';
import { CHANNELS, type Counter } from './site.ts';
import type { Traffic } from './traffic.ts';

const orderSchema = z.object({
  ...{ provider_ref: z.string(), amount: z.int(), currency: z.string(), status: z.string() },
  paid_amount: z.int().nullable(),
  refunds: z.array(z.object({ refund_no: z.string(), amount: z.int(), status: z.string() })),
});
const attemptSchema = z.object({
  ...{ seq: z.int(), channel: z.string(), status: z.string(), provider_ref: z.string() },
  ...{ effect: z.string().nullable(), amount_paid: z.int().nullable() },
});
const refundSchema = z.object({
  ...{ id: z.string(), merchant_refund_no: z.string().nullable(), amount: z.int(), status: z.string() },
  ...{ cause: z.string(), attempt: z.int() },
});
const paymentSchema = z.object({
  ...{ id: z.string(), status: z.string(), merchant_order_no: z.string(), amount: z.int(), amount_refunded: z.int() },
  ...{ paid_at: z.string().nullable(), attempts: z.array(attemptSchema), refunds: z.array(refundSchema) },
});
const eventSchema = z.object({
  ...{ id: z.string(), type: z.string(), timestamp: z.string(), payment_id: z.string() },
  delivery: z.object({ state: z.string(), tries: z.int() }),
  data: z.looseObject({
    paid_at: z.string().nullable(),
    refund: z.looseObject({ id: z.string(), cause: z.string() }).optional(),
  }),
});

export type BookedOrder = z.infer<typeof orderSchema> & { readonly channel: string };
export type SeenPayment = z.infer<typeof paymentSchema>;
export type SeenEvent = z.infer<typeof eventSchema>;

/** Everything that is written down anywhere: at the providers, at the gateway and at the shop. */
export interface Accounts {
  /** By our order number at the provider. */
  readonly orders: ReadonlyMap<string, BookedOrder>;
  readonly payments: ReadonlyMap<string, SeenPayment>;
  readonly events: readonly SeenEvent[];
}

/** Reads the books of all providers and, over the merchant API, all payments and events. */
export async function readAccounts(site: Counter): Promise<Accounts> {
  const orders = new Map<string, BookedOrder>();
  for (const channel of CHANNELS) {
    const { body } = await site.control(channel, 'orders');
    for (const order of z.array(orderSchema).parse(body.data)) orders.set(order.provider_ref, { ...order, channel });
  }
  const payments = new Map<string, SeenPayment>();
  for await (const payment of pages(site, '/v1/payments?limit=100', 'cursor', paymentSchema))
    payments.set(payment.id, payment);
  const events: SeenEvent[] = [];
  for await (const event of pages(site, '/v1/events?limit=100', 'after', eventSchema)) events.push(event);
  return { orders, payments, events };
}

async function* pages<T>(site: Counter, path: string, parameter: string, schema: z.ZodType<T>): AsyncGenerator<T> {
  let next: string | null = null;
  do {
    const from = next === null ? '' : `&${parameter}=${encodeURIComponent(next)}`;
    const { status, body } = await site.api('GET', `${path}${from}`);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    yield* z.array(schema).parse(body.data);
    next = body.next_cursor;
  } while (next !== null);
}

/** What does not agree between a provider's books and ours, one sentence each; empty when not a fen is missing. */
export function differencesInMoney({ orders, payments }: Accounts): readonly string[] {
  const found: string[] = [];
  for (const [ref, order] of orders) {
    const payment = payments.get(`pay_${ref.slice(0, 26)}`);
    const attempt = payment?.attempts.find(({ provider_ref }) => provider_ref === ref);
    if (!payment || !attempt) found.push(`${ref}: ${order.channel} holds an order that nobody here knows`);
    else found.push(...differencesInOrder(order, payment, attempt).map((what) => `${payment.id} ${ref}: ${what}`));
  }
  for (const payment of payments.values()) {
    for (const { status, provider_ref, seq } of payment.attempts) {
      if (status === 'succeeded' && orders.get(provider_ref)?.status !== 'paid')
        found.push(`${payment.id}: attempt ${seq} has succeeded, but its provider was not paid`);
    }
    found.push(...differencesInPayment(payment).map((what) => `${payment.id}: ${what}`));
  }
  return found;
}

function differencesInOrder(
  order: BookedOrder,
  payment: SeenPayment,
  attempt: SeenPayment['attempts'][number],
): string[] {
  const found: string[] = [];
  const isPaid = order.status === 'paid';
  if (attempt.channel !== order.channel) found.push(`is at ${order.channel}, here at ${attempt.channel}`);
  if (isPaid && attempt.status !== 'succeeded') found.push(`is paid, here ${attempt.status}`);
  if (isPaid && attempt.amount_paid !== order.paid_amount)
    found.push(`${order.paid_amount} paid, here ${attempt.amount_paid}`);
  const there = order.refunds.map(({ refund_no, amount, status }) => `${refund_no} ${amount} ${status}`);
  const here = payment.refunds
    .filter((refund) => refund.attempt === attempt.seq && refund.status !== 'failed')
    .map(({ id, amount, status }) => `${attempt.provider_ref}r${id.slice(-3)} ${amount} ${status}`);
  const [theirs, ours] = [there.filter((each) => !each.endsWith(' failed')).toSorted(), here.toSorted()];
  if (theirs.join() !== ours.join()) found.push(`refunds there [${theirs.join()}], here [${ours.join()}]`);
  if (new Set(order.refunds.map(({ refund_no }) => refund_no)).size < order.refunds.length)
    found.push('a refund twice');
  const returned = sum(order.refunds.filter(({ status }) => status === 'succeeded'));
  if (returned > (order.paid_amount ?? 0)) found.push(`${returned} returned of ${order.paid_amount}`);
  const owed = attempt.effect === 'surplus' || attempt.effect === 'late';
  if (isPaid && owed && returned !== order.paid_amount) found.push(`${attempt.effect}, but only ${returned} went back`);
  return found;
}

function differencesInPayment(payment: SeenPayment): string[] {
  const found: string[] = [];
  const effective = payment.attempts.filter(({ effect }) => effect === 'effective');
  const paid = ['succeeded', 'partially_refunded', 'refunded'].includes(payment.status);
  if (effective.length > 1) found.push('took effect twice');
  if (paid !== (effective.length === 1))
    found.push(`is ${payment.status} with ${effective.length} effective successes`);
  const returned = sum(payment.refunds.filter(({ status, cause }) => status === 'succeeded' && cause === 'merchant'));
  if (payment.amount_refunded !== returned) found.push(`says ${payment.amount_refunded} returned, but ${returned} was`);
  const pending = payment.refunds.filter(({ status }) => status === 'pending').length;
  if (pending > 0) found.push(`${pending} refunds are undecided`);
  return found;
}

function sum(amounts: readonly { readonly amount: number }[]): number {
  return amounts.reduce((total, { amount }) => total + amount, 0);
}

/** What does not agree between our events and what the shop has got of them. */
export function differencesInEvents({ payments, events }: Accounts, shop: Shop): readonly string[] {
  const found: string[] = [];
  const idOf = new Map<string, string>();
  for (const { id, type, payment_id, delivery, data } of events) {
    const news = `${payment_id} ${type} ${data.refund?.id ?? ''}`;
    if (idOf.has(news)) found.push(`${news}: has two ids, ${idOf.get(news)} and ${id}`);
    idOf.set(news, id);
    if (delivery.state !== 'delivered') found.push(`${id}: is ${delivery.state} after ${delivery.tries} tries`);
    const heard = shop.heard.get(id);
    if (!heard || heard.taken === 0) found.push(`${id}: the shop has not taken it`);
    else if (!isDeepStrictEqual(JSON.parse([...heard.bodies][0] ?? '').data, data))
      found.push(`${id}: the shop has got another body than is stored`);
  }
  const listed = new Set(events.map(({ id }) => id));
  for (const { id, bodies, unverified } of shop.heard.values()) {
    if (!listed.has(id)) found.push(`${id}: the shop has got it, and it is not here`);
    if (bodies.size !== 1) found.push(`${id}: was sent with ${bodies.size} different bodies`);
    if (unverified > 0) found.push(`${id}: ${unverified} deliveries with a wrong signature`);
  }
  for (const payment of payments.values()) {
    const isPaid = payment.attempts.some(({ effect }) => effect === 'effective');
    if (isPaid && !idOf.has(`${payment.id} payment.succeeded `)) found.push(`${payment.id}: its success is no event`);
    for (const { id, status, cause } of payment.refunds) {
      if (cause === 'merchant' && status !== 'pending' && !idOf.has(`${payment.id} refund.${status} ${id}`))
        found.push(`${id}: that it ${status} is no event`);
    }
  }
  return found;
}

/** An Alipay order that nobody has opened stays unknown until it expires (I7), so `payments_unknown` need not be zero. */
export function unfinished(series: ReadonlyMap<string, number>): readonly string[] {
  return ['agenda_due', 'webhook_backlog', 'webhook_dead', 'refunds_pending', 'payments_held'].flatMap((name) => {
    const value = sumOf(series, `switchyard_${name}`);
    return value === 0 ? [] : [`${name} is ${value}`];
  });
}

/** What the shop was told and is not so, or was told twice. */
export function unknownTo(
  { created, refunded }: Pick<Traffic, 'created' | 'refunded'>,
  payments: Accounts['payments'],
): readonly string[] {
  const found: string[] = [];
  const orderNos = new Set<string>();
  for (const { merchant_order_no } of payments.values()) {
    if (orderNos.has(merchant_order_no)) found.push(`${merchant_order_no}: two payments`);
    orderNos.add(merchant_order_no);
  }
  for (const [orderNo, ids] of created) {
    const [id = ''] = ids;
    if (ids.size !== 1) found.push(`${orderNo}: answered with ${[...ids].join(' and ')}`);
    if (payments.get(id)?.merchant_order_no !== orderNo) found.push(`${orderNo}: ${id} is not here`);
  }
  const refunds = new Map([...payments.values()].flatMap((p) => p.refunds.map((r) => [r.id, r.merchant_refund_no])));
  for (const [refundNo, ids] of refunded) {
    const [id = ''] = ids;
    if (ids.size !== 1 || refunds.get(id) !== refundNo)
      found.push(`${refundNo}: answered with ${[...ids].join(' and ')}`);
  }
  return found;
}
