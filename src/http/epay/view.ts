import { typeOfMethod } from '../../epay/index.ts';
import {
  currentAttempt,
  effectiveAttempt,
  isPaid,
  type Payment,
  payableAttempt,
  toDecimalString,
} from '../../payment/index.ts';
import { chinaTime } from './time.ts';

/** 1 paid, 0 not, 2 when all of it has gone back: never 1 then, since shops deliver on it. */
function statusOf(payment: Payment): 0 | 1 | 2 {
  if (payment.status === 'refunded') return 2;
  return isPaid(payment) ? 1 : 0;
}

/** An order as `api.php` tells it. */
export function orderView(payment: Payment) {
  const paid = effectiveAttempt(payment);
  return {
    trade_no: payment.id,
    out_trade_no: payment.epay?.outTradeNo ?? payment.merchantOrderNo,
    api_trade_no: paid?.channelTradeNo ?? '',
    type: payment.epay?.type ?? typeOfMethod(currentAttempt(payment)?.method ?? ''),
    pid: payment.epay?.pid ?? 0,
    addtime: chinaTime(payment.createdAt),
    endtime: payment.paidAt === null ? null : chinaTime(payment.paidAt),
    name: payment.epay?.name ?? payment.subject,
    money: toDecimalString(payment.amount),
    param: payment.epay?.param ?? '',
    buyer: '',
    status: statusOf(payment),
  };
}

/** What has gone back to the buyer by the shop's wish, as text. */
export function refundedText(payment: Payment): string {
  const minor = payment.refunds
    .filter((refund) => refund.cause === 'merchant' && refund.status !== 'failed')
    .reduce((sum, refund) => sum + refund.amountMinor, 0);
  return minor === 0 ? '0.00' : toDecimalString({ ...payment.amount, minor });
}

/**
 * The text of a QR code, while there is one that the buyer may scan. An address to transfer to says neither how much nor on which
 * network, and a shop's page would say the price in yuan: only the cashier tells that whole.
 */
export function qrText(payment: Payment): string | null {
  const attempt = payableAttempt(payment);
  return attempt?.action.type === 'qr_code' && attempt.quote === undefined ? attempt.action.qrCode : null;
}
