import { z } from 'zod';
import type { Order, WireAnswer } from '../../../src/channel/sandbox/index.ts';
import { fromDecimalString } from '../../../src/payment/index.ts';
import { type Desk, detailOf, refusal, statusOf, success } from './desk.ts';

/** How much of each fiat one USDT costs, in hundredths. */
const RATES: Readonly<Record<string, number>> = { CNY: 720, USD: 100, EUR: 92, GBP: 79, JPY: 15_000 };
const DEFAULT_LIFE_S = 600;

const wishSchema = z.object({
  order_id: z.string().min(1).max(128),
  amount: z.number().positive(),
  notify_url: z.url(),
  redirect_url: z.url(),
  fiat: z.string().default('CNY'),
  trade_type: z.literal('usdt.trc20', { error: '交易类型' }).default('usdt.trc20'),
  timeout: z.number().default(DEFAULT_LIFE_S),
  rate: z.string().optional(),
});
type Wish = z.infer<typeof wishSchema>;

/** Makes an order, or makes one that waits anew under its number: amount, price and time are then those of the last request. */
export function createTransaction(desk: Desk, body: unknown): WireAnswer {
  const { books } = desk.options;
  const parsed = wishSchema.safeParse(body);
  if (!parsed.success) return refusal('请求参数错误：field validation failed');
  const wish = parsed.data;
  const rate = rateOf(wish);
  if (rate === null) return refusal('订单创建失败：汇率获取失败');
  const { providerRef, currency } = parts(wish.order_id);
  const known = books.find(providerRef);
  if (known !== undefined && statusOf(desk, known) !== 1) return show(desk, known);
  const amount = fromDecimalString(String(wish.amount), currency);
  if (!amount.ok) return refusal('请求参数错误：金额不合法');
  const order = anOrder(desk, wish, { providerRef, currency, minor: amount.value.minor, rate }, known);
  books.put(order);
  return show(desk, order);
}

function anOrder(
  desk: Desk,
  wish: Wish,
  price: { readonly providerRef: string; readonly currency: string; readonly minor: number; readonly rate: number },
  known: Order | undefined,
): Order {
  const { now, randomBytes } = desk.options;
  const lifeS = wish.timeout >= 180 && wish.timeout <= 3_600 ? wish.timeout : DEFAULT_LIFE_S;
  return {
    providerRef: price.providerRef,
    amountMinor: price.minor,
    currency: price.currency,
    visible: true,
    status: 'open',
    tradeNo: known?.tradeNo ?? Buffer.from(randomBytes(14)).toString('base64url').replaceAll(/[-_]/g, 'x').slice(0, 18),
    paidAmountMinor: null,
    paidAt: null,
    createdAt: now(),
    expiresAt: now() + lifeS * 1_000,
    refunds: [],
    callbacksSent: 0,
    callbacksAcked: 0,
    detail: {
      orderId: wish.order_id,
      fiat: wish.fiat,
      money: String(wish.amount),
      actualAmount: freeAmount(desk, Math.round((wish.amount * 10_000) / price.rate), price.providerRef),
      notifyUrl: wish.notify_url,
      redirectUrl: wish.redirect_url,
    },
  };
}

/** In the one wallet no two orders that wait may have the same amount: it goes up by a cent until it is free. */
function freeAmount(desk: Desk, wantedCents: number, providerRef: string): string {
  const waiting = desk.options.books
    .all()
    .filter((order) => order.providerRef !== providerRef && [1, 5].includes(statusOf(desk, order)));
  const taken = new Set(waiting.map((order) => detailOf(order).actualAmount));
  let cents = Math.max(1, wantedCents);
  while (taken.has(String(cents / 100))) cents += 1;
  return String(cents / 100);
}

/** Fixed (`7.2`) or their own, shifted by nothing here. In hundredths. */
function rateOf({ fiat, rate }: Wish): number | null {
  const fixed = /^\d+(\.\d+)?$/.test(rate ?? '') ? Math.round(Number(rate) * 100) : undefined;
  return fixed ?? RATES[fiat] ?? null;
}

/** The kit knows orders by the gateway's number; what stands behind a dash is the gateway's own business. */
function parts(orderId: string): { readonly providerRef: string; readonly currency: string } {
  const [providerRef = '', currency = 'CNY'] = orderId.split('-');
  return { providerRef, currency };
}

function show(desk: Desk, order: Order): WireAnswer {
  const { orderId, fiat, money, actualAmount } = detailOf(order);
  const { now, baseUrl } = desk.options;
  return success({
    fiat,
    trade_type: 'usdt.trc20',
    trade_id: order.tradeNo,
    order_id: orderId,
    status: statusOf(desk, order),
    amount: money,
    actual_amount: actualAmount,
    token: desk.address,
    expiration_time: Math.max(0, Math.floor(((order.expiresAt ?? 0) - now()) / 1_000)),
    payment_url: `${baseUrl()}/pay/checkout-counter/${order.tradeNo}`,
  });
}
