import { z } from 'zod';
import { bizOf, done, existingTrade, failed, type Office, type Params } from './office.ts';
import type { Fields } from './signature.ts';
import { beijing } from './time.ts';
import { fenOf, refundedAtOf, refundedFenOf, yuan, yuanOf } from './trade-fields.ts';
import { detailOf, type TradeRefusal } from './trades.ts';

const requestNo = z.string().regex(/^\w{1,64}$/);
const refundSchema = z.object({
  refund_amount: z
    .string()
    .regex(/^(0|[1-9]\d{0,8})(\.\d{1,2})?$/)
    .transform(fenOf)
    .pipe(z.int().positive()),
  out_request_no: requestNo.optional(),
  refund_reason: z.string().max(256).optional(),
});
const querySchema = z.object({ out_request_no: requestNo, query_options: z.array(z.string()).default([]) });

const INVALID: TradeRefusal = { code: 'INVALID_PARAMETER', message: '参数无效' };

/** `alipay.trade.refund`: `refund_fee` is the sum of what has gone back, a repeat is `fund_change=N`. */
export function refund(office: Office, params: Params): Fields {
  const biz = refundSchema.safeParse(bizOf(params));
  if (!biz.success) return failed(INVALID);
  const trade = existingTrade(office, bizOf(params));
  if ('code' in trade) return failed(trade);
  const { out_request_no: refundNo = null, refund_amount: amountFen, refund_reason: reason = null } = biz.data;
  const taken = office.refunds.take(trade, { refundNo, amountFen, reason });
  if ('code' in taken) return failed(taken);
  const { order } = taken;
  const refundedAt = refundedAtOf(taken.refund);
  return done({
    trade_no: order.tradeNo,
    out_trade_no: order.providerRef,
    buyer_logon_id: '138****0000',
    buyer_user_id: detailOf(order).buyerId,
    fund_change: taken.fundChange ? 'Y' : 'N',
    refund_fee: yuan(refundedFenOf(order)),
    send_back_fee: taken.fundChange ? yuan(taken.refund.amountMinor) : '0.00',
    ...(refundedAt === null ? {} : { gmt_refund_pay: beijing(refundedAt) }),
  });
}

/** `alipay.trade.fastpay.refund.query`: nothing of an unknown number, no `refund_status` before the money has moved. */
export function queryRefund(office: Office, params: Params): Fields {
  const biz = querySchema.safeParse(bizOf(params));
  if (!biz.success) return failed(INVALID);
  const order = existingTrade(office, bizOf(params));
  if ('code' in order) return failed(order);
  const known = order.refunds.find(({ refundNo }) => refundNo === biz.data.out_request_no);
  if (known === undefined) return done({});
  const refundedAt = refundedAtOf(known);
  const wantsTime = biz.data.query_options.includes('gmt_refund_pay');
  return done({
    trade_no: order.tradeNo,
    out_trade_no: order.providerRef,
    out_request_no: known.refundNo,
    total_amount: yuanOf(order),
    refund_amount: yuan(known.amountMinor),
    ...(known.status === 'succeeded' ? { refund_status: 'REFUND_SUCCESS' } : {}),
    ...(refundedAt !== null && wantsTime ? { gmt_refund_pay: beijing(refundedAt) } : {}),
  });
}
