import type { Order, WireAnswer } from '../../../src/channel/sandbox/index.ts';
import { answer, chinaTime, type Desk, fenOf, findOrder, refusal, wishOf, yuanOf } from './desk.ts';
import type { Params } from './proof.ts';

const DAY_MS = 24 * 3_600_000;
const KNOWN_TYPES = new Set(['alipay', 'wxpay', 'qqpay', 'bank', 'paypal', 'usdt']);
/** Their refund status: 2 is set by any refund, a partial one too. */
const PAID = 1;
const REFUNDED = 2;

/** What a create makes, or the operator's words of why not, with their code. */
export type Made = { readonly order: Order } | { readonly msg: string; readonly code: number };

/** Creates an order or finds the unpaid one of the same number; submit.php, mapi.php and V2 do the same here. */
export function makeOrder(desk: Desk, params: Params, needs: readonly string[]): Made {
  const { books, now } = desk.options;
  const why = whyNot(desk, params, needs);
  if (why !== null) return why;
  const { out_trade_no: providerRef = '' } = params;
  const known = books.find(providerRef);
  if (known !== undefined && now() - known.createdAt < 10 * DAY_MS) return resumed(known, params);
  const order: Order = {
    providerRef,
    amountMinor: fenOf(params.money) ?? 0,
    currency: 'CNY',
    visible: true,
    status: 'open',
    tradeNo: `${chinaTime(now()).replaceAll(/\D/g, '')}${String(books.all().length).padStart(5, '0')}`,
    paidAmountMinor: null,
    paidAt: null,
    createdAt: now(),
    expiresAt: now() + desk.settings.orderLifeMs,
    refunds: [],
    callbacksSent: 0,
    callbacksAcked: 0,
    detail: {
      type: params.type,
      name: params.name,
      notifyUrl: params.notify_url,
      returnUrl: params.return_url,
      param: params.param,
    },
  };
  books.put(order);
  return { order };
}

function whyNot({ keys, proofs, options }: Desk, params: Params, needs: readonly string[]): Made | null {
  const refused = (msg: string, code = -1) => ({ msg, code });
  if (params.pid !== keys.pid) return refused('商户不存在！');
  const badProof = proofs.whyNot(params, options.now());
  if (badProof !== null) return refused(badProof, -3);
  for (const name of needs) if (!params[name]) return refused(`${name}不能为空`);
  if (!KNOWN_TYPES.has(params.type ?? '')) return refused('没有可用的支付通道');
  if (!/^[a-zA-Z0-9._|-]+$/.test(params.out_trade_no ?? '')) return refused('订单号(out_trade_no)格式不正确');
  return fenOf(params.money) === null ? refused('金额不合法') : null;
}

function resumed(order: Order, params: Params): Made {
  const { name, notifyUrl, returnUrl, param } = wishOf(order);
  const shown = `该订单(${order.providerRef})`;
  if (order.status === 'paid') return { msg: `${shown}已完成支付，请勿重复发起支付`, code: -1 };
  const isSame =
    order.amountMinor === fenOf(params.money) &&
    name === params.name &&
    notifyUrl === params.notify_url &&
    returnUrl === (params.return_url ?? '') &&
    param === (params.param ?? '');
  return isSame ? { order } : { msg: `${shown}支付参数有变化，请更换订单号重新发起支付`, code: -1 };
}

/** mapi.php and api/pay/create. */
export function createByApi(desk: Desk, params: Params): WireAnswer {
  const needs = ['out_trade_no', 'notify_url', 'name', 'money', 'type', 'clientip'];
  const made = makeOrder(desk, params, needs);
  if ('msg' in made) return refusal(desk, made.msg, made.code);
  const { tradeNo } = made.order;
  const page = `${desk.options.baseUrl()}/pay/submit/${tradeNo}/`;
  if (desk.settings.version === 'v2')
    return answer(desk, { code: 0, trade_no: tradeNo, pay_type: 'jump', pay_info: page });
  return answer(desk, { code: 1, trade_no: tradeNo, payurl: page });
}

/** An order as act=order and api/pay/query show it: numbers as texts from the database, times on China's clock. */
export function showOrder(desk: Desk, params: Params): WireAnswer {
  const order = findOrder(desk, params);
  if (order === undefined) return refusal(desk, '订单号不存在');
  const refunded = order.refunds.filter(({ status }) => status === 'succeeded');
  const isV2 = desk.settings.version === 'v2';
  const shown: Record<string, string | number> = {
    code: isV2 ? 0 : 1,
    ...(isV2 ? {} : { msg: 'succ' }),
    trade_no: order.tradeNo,
    out_trade_no: order.providerRef,
    type: wishOf(order).type,
    pid: desk.keys.pid,
    addtime: chinaTime(order.createdAt),
    name: wishOf(order).name,
    money: yuanOf(order.paidAmountMinor ?? order.amountMinor),
    status: order.status !== 'paid' ? 0 : refunded.length > 0 ? REFUNDED : PAID,
  };
  if (order.paidAt !== null) shown.endtime = chinaTime(order.paidAt);
  if (refunded.length > 0) shown.refundmoney = yuanOf(refunded.reduce((sum, { amountMinor }) => sum + amountMinor, 0));
  return answer(desk, shown);
}
