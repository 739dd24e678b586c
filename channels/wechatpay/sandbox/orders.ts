import { z } from 'zod';
import type { Order, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import type { AccountKeys } from './keys.ts';
import { ORDER_CLOSED, ORDER_NOT_EXIST, ORDER_PAID, paramError, type Reply, refuse } from './refusals.ts';

/** Path of the H5 pay page, as on wx.tenpay.com. */
export const H5_PAGE = '/cgi-bin/mmpayweb-bin/checkmweb';

const detailSchema = z.object({
  tradeType: z.enum(['NATIVE', 'MWEB']),
  /** Hash of everything that the create said: a repeat must be identical. */
  parameters: z.string(),
  description: z.string(),
  notifyUrl: z.string(),
  attach: z.string().nullable(),
  /** Until then the buyer is in the middle of paying. */
  payingUntil: z.number(),
  /** H5 pages by prepay id, with the end of their life. */
  pages: z.record(z.string(), z.number()),
});
export type OrderDetail = z.infer<typeof detailSchema>;

/** What this simulator keeps with an order; throws on an order that it did not make. */
export function detailOf(order: Order): OrderDetail {
  return detailSchema.parse(order.detail);
}

type Ports = Pick<SimulatorOptions, 'now' | 'books'>;

/** `GET /v3/pay/transactions/out-trade-no/{no}` and `/id/{transaction id}`. */
export function queryOrder(
  by: 'out-trade-no' | 'id',
  no: string,
  mchid: string | null,
  keys: AccountKeys,
  ports: Ports,
): Reply {
  if (mchid === null) return paramError('参数错误', 'mchid');
  if (mchid !== keys.mchid) return refuse(400, 'MCH_NOT_EXISTS', '商户号不存在');
  const { books } = ports;
  const order =
    by === 'out-trade-no' ? books.find(no) : books.findBy((one) => one.tradeNo === no && one.status === 'paid');
  return order ? { status: 200, json: transactionOf(order, keys, ports.now()) } : ORDER_NOT_EXIST;
}

const closeSchema = z.strictObject({ mchid: z.string() });

/** `POST /v3/pay/transactions/out-trade-no/{no}/close`. */
export function closeOrder(no: string, json: unknown, keys: AccountKeys, { now, books }: Ports): Reply {
  const read = closeSchema.safeParse(json);
  if (!read.success) return paramError('参数错误', 'mchid');
  if (read.data.mchid !== keys.mchid) return refuse(400, 'MCH_NOT_EXISTS', '商户号不存在');
  const order = books.find(no);
  if (!order) return ORDER_NOT_EXIST;
  if (order.status === 'paid') return ORDER_PAID;
  if (order.status === 'closed') return ORDER_CLOSED;
  if (isBeingPaid(order, now())) return refuse(429, 'FREQUENCY_LIMITED', '订单正在支付中，请稍后再试');
  books.put({ ...order, status: 'closed' });
  return { status: 204 };
}

/** What a query answers, and what a payment callback carries inside. Unpaid orders name no transaction. */
export function transactionOf(order: Order, keys: AccountKeys, now: number): Record<string, unknown> {
  const detail = detailOf(order);
  const state = tradeStateOf(order, now);
  const common = {
    appid: keys.appid,
    attach: detail.attach ?? '',
    mchid: keys.mchid,
    out_trade_no: order.providerRef,
    promotion_detail: [],
    trade_state: state.word,
    trade_state_desc: state.description,
    trade_type: detail.tradeType,
  };
  const total = order.paidAmountMinor ?? order.amountMinor;
  if (order.paidAt === null) return { ...common, amount: { payer_currency: 'CNY', total } };
  return {
    ...common,
    amount: { currency: 'CNY', payer_currency: 'CNY', payer_total: total, total },
    bank_type: 'OTHERS',
    payer: { openid: 'oSandboxBuyer0000000000000000' },
    success_time: chinaTime(order.paidAt),
    transaction_id: order.tradeNo,
  };
}

function isBeingPaid(order: Order, now: number): boolean {
  return order.status === 'open' && detailOf(order).payingUntil > now;
}

/** RFC 3339 with China's offset, to the second. */
export function chinaTime(at: number): string {
  return `${new Date(at + 8 * 3_600_000).toISOString().slice(0, 19)}+08:00`;
}

function tradeStateOf(order: Order, now: number): { word: string; description: string } {
  // From the moment that a refund is taken, and also after it has failed; how much went back only the refunds tell.
  if (order.refunds.length > 0) return { word: 'REFUND', description: '转入退款' };
  switch (order.status) {
    case 'paid':
      return { word: 'SUCCESS', description: '支付成功' };
    case 'closed':
      return { word: 'CLOSED', description: '订单已关闭' };
    case 'failed':
      return { word: 'PAYERROR', description: '支付失败' };
    default:
      // Past its time_expire an order can no longer be paid, but only a close makes it CLOSED.
      return isBeingPaid(order, now)
        ? { word: 'USERPAYING', description: '用户支付中' }
        : { word: 'NOTPAY', description: '订单未支付' };
  }
}
