import { checkoutUrl, type EpayOutcome, type Merchant } from '../../gateway/index.ts';
import { findRefund, type Payment, type Refund, toDecimalString } from '../../payment/index.ts';
import type { EdgeContext, PublicAppParts } from '../context.ts';
import { sendAnswer } from './answers.ts';
import { orderNumbers } from './api.ts';
import { identifyCall } from './identify.ts';
import { countOrders, listOrders } from './listing.ts';
import type { Sent } from './parameters.ts';
import { place, showsQr } from './place.ts';
import { refundOrder } from './refund.ts';
import { report } from './session.ts';
import { chinaTime } from './time.ts';
import { isFresh } from './v2-time.ts';
import { orderView, qrText, refundedText } from './view.ts';
import { wordsOf } from './words.ts';

type Refusal = Exclude<EpayOutcome, 'ok'>;
type Field = string | number;
/** Scalars are signed, lists are not. */
type Fields = Readonly<Record<string, Field | readonly unknown[]>>;
type Answered = { readonly fields: Fields } | { readonly refusal: Refusal; readonly msg?: string };
type Act = (parts: PublicAppParts, merchant: Merchant, sent: Sent) => Promise<Answered>;

/** What version 2 answers beside the creation of orders, by the path under `api/`. */
const ACTS: ReadonlyMap<string, Act> = new Map<string, Act>([
  ['pay/query', onOrder((_parts, _merchant, payment) => ({ fields: v2Order(payment) }))],
  ['pay/refund', onOrder(refund)],
  ['pay/refundquery', refundQuery],
  ['merchant/info', merchantInfo],
  [
    'merchant/orders',
    async (parts, merchant, { parameters }) => ({
      fields: { msg: 'success', data: (await listOrders(parts, merchant, parameters)).map(v2Order) },
    }),
  ],
]);

/** `api/pay/create`: as `mapi.php`, with a word for what `pay_info` is. */
export async function create(parts: PublicAppParts, ctx: EdgeContext, sent: Sent): Promise<void> {
  const placed = await place(parts, ctx, sent, { endpoint: 'v2_create', version: 2 });
  if (!placed.ok) return sendSigned(parts, ctx, { refusal: placed.error });
  const payment = placed.value;
  const isWeb = sent.parameters.get('method')?.trim() === 'web';
  const qrcode = isWeb && showsQr(sent) ? qrText(payment) : null;
  const way =
    qrcode === null
      ? { pay_type: 'jump', pay_info: checkoutUrl(payment.id, parts.settings().publicUrl) }
      : { pay_type: 'qrcode', pay_info: qrcode };
  await sendSigned(parts, ctx, { fields: { trade_no: payment.id, ...way } });
}

/** Everything else under `api/`. */
export async function v2Api(parts: PublicAppParts, ctx: EdgeContext, sent: Sent, path: string): Promise<void> {
  const identity = identifyCall(sent.parameters, parts.merchants);
  const merchant = identity.ok ? identity.value.merchant : identity.error.merchant;
  const answered = await answer();
  const outcome = 'refusal' in answered ? answered.refusal : 'ok';
  const { parameters, beside } = sent;
  await report(parts, ctx, { endpoint: 'v2_api', outcome, merchant, parameters, beside });
  await sendSigned(parts, ctx, answered);

  async function answer(): Promise<Answered> {
    if (!identity.ok) return { refusal: identity.error.outcome };
    if (!isFresh(sent.parameters, parts.clock.now())) return { refusal: 'stale_timestamp' };
    const act = ACTS.get(path);
    return act ? act(parts, identity.value.merchant, sent) : { refusal: 'unknown_act' };
  }
}

/** Signed over the scalars of the answer itself, refusals as well. */
export async function sendSigned(parts: PublicAppParts, ctx: EdgeContext, answered: Answered): Promise<void> {
  const words = 'refusal' in answered ? wordsOf(answered.refusal) : null;
  const fields: Fields =
    'refusal' in answered
      ? { code: words?.code ?? -1, msg: answered.msg ?? words?.msg ?? '' }
      : { code: 0, ...answered.fields };
  const timed: Fields = { ...fields, timestamp: String(Math.floor(parts.clock.now() / 1_000)) };
  const scalars = Object.entries(timed).flatMap(([name, value]): [string, string][] =>
    typeof value === 'object' ? [] : [[name, String(value)]],
  );
  const signature = (await parts.gateway.epay.signAnswer(scalars)).slice(scalars.length);
  sendAnswer(ctx, { ...timed, ...Object.fromEntries(signature) });
}

function onOrder(
  act: (parts: PublicAppParts, merchant: Merchant, payment: Payment, sent: Sent) => Promise<Answered> | Answered,
): Act {
  return async (parts, merchant, sent) => {
    const numbers = orderNumbers(sent);
    if (numbers === null) return { refusal: 'bad_order_no' };
    const payment = await parts.gateway.epay.findOrder(merchant, numbers);
    return payment ? act(parts, merchant, payment, sent) : { refusal: 'unknown_order' };
  };
}

/** Empty fields are left out; nothing is null. */
function v2Order(payment: Payment): Readonly<Record<string, Field>> {
  const { endtime, ...order } = orderView(payment);
  const fields = { ...order, refundmoney: refundedText(payment), ...(endtime === null ? {} : { endtime }) };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

async function refund(parts: PublicAppParts, merchant: Merchant, payment: Payment, sent: Sent): Promise<Answered> {
  const refunded = await refundOrder(parts, merchant, payment, {
    parameters: sent.parameters,
    numberName: 'out_refund_no',
  });
  if (refunded.ok) return { fields: { ...refundFields(payment, refunded.value.refund), msg: '退款成功' } };
  const { outcome, detail } = refunded.error;
  return { refusal: outcome, ...(detail === undefined ? {} : { msg: detail }) };
}

/** By our number of the refund, which names its order; or by the shop's, with the order or among its newest ones. */
async function refundQuery(parts: PublicAppParts, merchant: Merchant, sent: Sent): Promise<Answered> {
  const { parameters } = sent;
  const [ours, theirs] = ['refund_no', 'out_refund_no'].map((name) => parameters.get(name)?.trim() ?? '');
  const tradeNo = /^rf_([0-9a-z]{26})_\d{3}$/.exec(ours ?? '')?.[1];
  const numbers = tradeNo === undefined ? orderNumbers(sent) : { tradeNo: `pay_${tradeNo}`, outTradeNo: null };
  const payments = numbers
    ? [await parts.gateway.epay.findOrder(merchant, numbers)]
    : await listOrders(
        parts,
        merchant,
        new Map([
          ['limit', '50'],
          ['status', '1'],
        ]),
      );
  for (const payment of payments) {
    const found =
      payment?.refunds.find(({ id }) => id === ours) ?? (payment && theirs ? findRefund(payment, theirs) : undefined);
    if (!payment || !found) continue;
    const status = found.status === 'failed' ? 0 : 1;
    return { fields: { ...refundFields(payment, found), addtime: chinaTime(found.createdAt), status } };
  }
  return { refusal: 'unknown_order' };
}

function refundFields(payment: Payment, { id, merchantRefundNo, amountMinor }: Refund): Record<string, Field> {
  const money = toDecimalString({ ...payment.amount, minor: amountMinor });
  return {
    ...{ refund_no: id, ...(merchantRefundNo === null ? {} : { out_refund_no: merchantRefundNo }) },
    ...{ trade_no: payment.id, out_trade_no: payment.epay?.outTradeNo ?? '', money, reducemoney: money },
  };
}

async function merchantInfo(parts: PublicAppParts, merchant: Merchant): Promise<Answered> {
  const counted = await countOrders(parts, merchant);
  return {
    fields: {
      ...{ pid: merchant.epay?.pid ?? 0, status: 1, pay_status: 1, settle_status: 0, money: counted.paidToday },
      ...{ settle_type: 0, settle_account: merchant.id, settle_name: merchant.name, order_num: counted.total },
      ...{ order_num_today: counted.today, order_num_lastday: counted.yesterday },
      ...{ order_money_today: counted.paidToday, order_money_lastday: counted.paidYesterday },
    },
  };
}
