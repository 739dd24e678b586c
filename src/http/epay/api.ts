import type { EpayOutcome, Merchant } from '../../gateway/index.ts';
import { toDecimalString } from '../../payment/index.ts';
import type { EdgeContext, PublicAppParts } from '../context.ts';
import { sendAnswer, sendRefusal } from './answers.ts';
import { identifyByKey, identifySignedAct } from './identify.ts';
import { countOrders, listOrders } from './listing.ts';
import type { Sent } from './parameters.ts';
import { refundOrder } from './refund.ts';
import { report } from './session.ts';
import { orderView } from './view.ts';

/** What an act answers: the fields of a success, or why it is refused. */
type Answered =
  | { readonly fields: Readonly<Record<string, unknown>> }
  | { readonly refusal: Exclude<EpayOutcome, 'ok'>; readonly msg?: string };

/** `api.php`: the shop's server asks about its orders, by its key or, better, by a signature. */
export async function api(parts: PublicAppParts, ctx: EdgeContext, sent: Sent): Promise<void> {
  const isByKey = sent.everything.has('key') || !sent.parameters.has('sign');
  const parameters = isByKey ? sent.everything : sent.parameters;
  const identity = isByKey ? identifyByKey(parameters, parts.merchants) : identifySignedAct(sent, parts.merchants);
  const merchant = identity.ok ? identity.value.merchant : identity.error.merchant;
  const answered = identity.ok
    ? await act(parts, identity.value.merchant, { ...sent, parameters })
    : { refusal: identity.error.outcome };
  const outcome = 'refusal' in answered ? answered.refusal : 'ok';
  await report(parts, ctx, { endpoint: 'api', outcome, merchant, parameters, beside: sent.beside });
  if ('refusal' in answered) sendRefusal(ctx, answered.refusal, answered.msg);
  else sendAnswer(ctx, { code: 1, ...answered.fields });
}

async function act(parts: PublicAppParts, merchant: Merchant, sent: Sent): Promise<Answered> {
  const { parameters } = sent;
  const hasOrder = parameters.has('trade_no') || parameters.has('out_trade_no');
  // One client names no act when it asks for an order.
  switch (sent.everything.get('act') ?? (hasOrder ? 'order' : '')) {
    case 'order':
      return order(parts, merchant, sent);
    case 'orders': {
      const data = (await listOrders(parts, merchant, parameters)).map(orderView);
      return { fields: { msg: '查询订单记录成功', count: data.length, data } };
    }
    case 'query':
      return query(parts, merchant);
    case 'settle':
      return { fields: { msg: '查询结算记录成功', data: [] } };
    case 'refund':
      return refund(parts, merchant, sent);
    default:
      return { refusal: 'unknown_act' };
  }
}

async function order(parts: PublicAppParts, merchant: Merchant, sent: Sent): Promise<Answered> {
  const numbers = orderNumbers(sent);
  if (numbers === null) return { refusal: 'bad_order_no' };
  const payment = await parts.gateway.epay.findOrder(merchant, numbers);
  return payment ? { fields: { msg: '查询订单号成功', ...orderView(payment) } } : { refusal: 'unknown_order' };
}

/** Ours wins; null when neither is there. */
export function orderNumbers({ parameters }: Sent): { tradeNo: string | null; outTradeNo: string | null } | null {
  const [tradeNo, outTradeNo] = ['trade_no', 'out_trade_no'].map((name) => parameters.get(name)?.trim() || null);
  return tradeNo || outTradeNo ? { tradeNo: tradeNo ?? null, outTradeNo: outTradeNo ?? null } : null;
}

async function query(parts: PublicAppParts, merchant: Merchant): Promise<Answered> {
  const counted = await countOrders(parts, merchant);
  return {
    fields: {
      ...{
        pid: merchant.epay?.pid,
        active: 1,
        money: counted.paidToday,
        type: 0,
        account: merchant.id,
        username: merchant.name,
      },
      ...{ orders: counted.total, order_today: counted.today, order_lastday: counted.yesterday },
      ...{ orders_today: counted.today, orders_lastday: counted.yesterday },
    },
  };
}

async function refund(parts: PublicAppParts, merchant: Merchant, sent: Sent): Promise<Answered> {
  const numbers = orderNumbers(sent);
  if (numbers === null) return { refusal: 'bad_order_no' };
  const payment = await parts.gateway.epay.findOrder(merchant, numbers);
  if (!payment) return { refusal: 'unknown_order' };
  const { parameters } = sent;
  const refunded = await refundOrder(parts, merchant, payment, { parameters, numberName: 'refund_no' });
  if (!refunded.ok) {
    const { outcome, detail } = refunded.error;
    return { refusal: outcome, ...(detail === undefined ? {} : { msg: detail }) };
  }
  const money = toDecimalString({ ...payment.amount, minor: refunded.value.refund.amountMinor });
  // The platform's own plug-in sends a number and wants 0; its document, and all others, want 1.
  const code = parameters.get('refund_no') ? 0 : 1;
  return { fields: { code, msg: '退款成功', trade_no: payment.id, refund_no: refunded.value.refund.id, money } };
}
