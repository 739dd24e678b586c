import type { Order, SandboxRefund, WireAnswer } from '../../../src/channel/sandbox/index.ts';
import { answer, chinaTime, type Desk, fenOf, findOrder, refusal, yuanOf } from './desk.ts';
import type { Params } from './proof.ts';

/** api/pay/refund: made at once or refused; a number that was made answers again what it was. */
export function refund(desk: Desk, params: Params): WireAnswer {
  const { books, now, faults } = desk.options;
  const order = findOrder(desk, params);
  const amountMinor = fenOf(params.money);
  if (amountMinor === null) return refusal(desk, '金额输入错误');
  if (order === undefined) return refusal(desk, '当前订单不存在！');
  const { out_refund_no: refundNo = '' } = params;
  const known = order.refunds.find((candidate) => candidate.refundNo === refundNo);
  if (known !== undefined) return shown(desk, order, known, '已存在相同退款单号！');
  if (order.status !== 'paid') return refusal(desk, '该订单状态不支持退款！');
  const paid = order.paidAmountMinor ?? order.amountMinor;
  const left = paid - order.refunds.reduce((sum, one) => sum + one.amountMinor, 0);
  if (amountMinor > paid) return refusal(desk, '退款金额不能大于订单金额');
  if (left === 0) return refusal(desk, '该订单已全额退款！');
  if (amountMinor > left) return refusal(desk, '退款金额不能超过该订单剩余可退款金额！');
  if (faults().refunds === 'no_balance') return refusal(desk, '商户余额不足，请先充值');
  if (faults().refunds === 'failed') return refusal(desk, '退款失败：接口返回错误');
  const made: SandboxRefund = { refundNo, amountMinor, status: 'succeeded', createdAt: now(), detail: {} };
  books.put({ ...order, refunds: [...order.refunds, made] });
  return shown(desk, order, made, '退款成功！');
}

/** api/pay/refundquery. */
export function showRefund(desk: Desk, params: Params): WireAnswer {
  const { out_refund_no: wanted = '' } = params;
  const isWanted = ({ refundNo }: SandboxRefund) => refundNo === wanted;
  const order = desk.options.books.findBy(({ refunds }) => refunds.some(isWanted));
  const found = order?.refunds.find(isWanted);
  if (order === undefined || found === undefined) return refusal(desk, '退款记录不存在');
  const time = chinaTime(found.createdAt);
  const more = { out_trade_no: order.providerRef, status: 1, addtime: time, endtime: time };
  return answer(desk, { ...fieldsOf(desk, order, found), ...more });
}

function shown(desk: Desk, order: Order, made: SandboxRefund, words: string): WireAnswer {
  const msg = `${words}退款金额¥${yuanOf(made.amountMinor)}`;
  return answer(desk, { ...fieldsOf(desk, order, made), msg });
}

function fieldsOf({ keys }: Desk, order: Order, { refundNo, amountMinor }: SandboxRefund) {
  const yuan = yuanOf(amountMinor);
  const refund_no = `R${refundNo.toUpperCase()}`;
  const names = { refund_no, out_refund_no: refundNo, trade_no: order.tradeNo, uid: keys.pid };
  return { code: 0, ...names, money: yuan, reducemoney: yuan };
}
