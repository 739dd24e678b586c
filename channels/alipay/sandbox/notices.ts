import type { Order, SandboxRefund, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { digits, type SandboxKeys } from './keys.ts';
import { type Fields, noticeToSign, type Signer } from './signature.ts';
import { beijing, beijingMs } from './time.ts';
import { paidFenOf, refundedAtOf, refundedFenOf, tradeStatusOf, yuan, yuanOf } from './trade-fields.ts';
import { detailOf, type Notify } from './trades.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** 4 m, 10 m, 10 m, 1 h, 2 h, 6 h, 15 h: eight deliveries in all (`channels.md` 1.7). */
const RETRY_AFTER_MS = [4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR];
const TIMEOUT_MS = 10_000;

/** Sends Alipay's notices to the address that the trade's create named; a refund has none of its own. */
export function openNotices(options: SimulatorOptions, keys: SandboxKeys, signer: Signer): Notify {
  const { courier, now, randomBytes } = options;
  return (order, delivery, refund) => {
    const { notifyUrl } = detailOf(order);
    if (notifyUrl === null) return;
    const status = tradeStatusOf(order, now());
    // Repeats keep their notify_id.
    const notifyId = `${beijing(now()).slice(0, 10).replaceAll('-', '')}00222${digits(21, randomBytes)}`;
    courier.send(
      {
        providerRef: order.providerRef,
        url: notifyUrl,
        build({ wrongAmount, wrongSignature }) {
          const notice = { keys, notifyId, notifyTime: now(), fenTooMuch: wrongAmount ? 1 : 0, status };
          const fields = { ...noticeFields(order, notice), ...refundFields(order, refund) };
          const sign = signer.sign(noticeToSign(fields), wrongSignature ? 'stranger' : 'alipay');
          return {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
            body: new URLSearchParams({ ...fields, sign }).toString(),
          };
        },
        isAcknowledged: (status, body) => status === 200 && body === 'success',
        retryAfterMs: RETRY_AFTER_MS,
        timeoutMs: TIMEOUT_MS,
      },
      delivery,
    );
  };
}

function noticeFields(
  order: Order,
  notice: { keys: SandboxKeys; notifyId: string; notifyTime: number; fenTooMuch: number; status: string },
): Fields {
  const { keys, notifyId, notifyTime, fenTooMuch, status } = notice;
  const { subject, buyerId } = detailOf(order);
  const amount = yuanOf(order, fenTooMuch);
  return {
    notify_time: beijing(notifyTime),
    notify_type: 'trade_status_sync',
    notify_id: notifyId,
    app_id: keys.appId,
    auth_app_id: keys.appId,
    charset: 'utf-8',
    version: '1.0',
    sign_type: 'RSA2',
    trade_no: order.tradeNo,
    out_trade_no: order.providerRef,
    buyer_id: buyerId,
    seller_id: keys.sellerId,
    trade_status: status,
    total_amount: amount,
    subject,
    gmt_create: beijing(order.createdAt),
    ...(order.paidAt === null ? { gmt_close: beijing(notifyTime) } : paymentFields(order.paidAt, amount)),
  };
}

/** `refund_fee` is the sum of all refunds; only `gmt_refund` has milliseconds. */
function refundFields(order: Order, refund: SandboxRefund | undefined): Fields {
  if (refund === undefined) return {};
  const at = refundedAtOf(refund) ?? refund.createdAt;
  const isWhole = refundedFenOf(order) >= paidFenOf(order);
  return {
    out_biz_no: refund.refundNo,
    refund_fee: yuan(refundedFenOf(order)),
    gmt_refund: beijingMs(at),
    ...(isWhole ? { gmt_close: beijing(at) } : {}),
  };
}

function paymentFields(paidAt: number, amount: string): Fields {
  return {
    gmt_payment: beijing(paidAt),
    receipt_amount: amount,
    invoice_amount: amount,
    buyer_pay_amount: amount,
    point_amount: '0.00',
    fund_bill_list: JSON.stringify([{ amount, fundChannel: 'ALIPAYACCOUNT' }]),
  };
}
