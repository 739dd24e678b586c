import type { CallbackMessage, Order } from '../../../src/channel/sandbox/index.ts';
import type { Account } from './account.ts';
import { chinaTime, detailOf, transactionOf } from './orders.ts';
import { type Held, noticeOf, type RefundStatus, statusOf } from './refund-book.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** 15s 15s 30s 3m 10m 20m 30m 30m 30m 60m 3h 3h 3h 6h 6h: 24 h 4 min in all. */
const RETRY_AFTER_MS = [
  ...[
    15 * SECOND,
    15 * SECOND,
    30 * SECOND,
    3 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    30 * MINUTE,
    30 * MINUTE,
  ],
  ...[60 * MINUTE, 3 * HOUR, 3 * HOUR, 3 * HOUR, 6 * HOUR, 6 * HOUR],
];
const TIMEOUT_MS = 5 * SECOND;

/**
 * The notice of a payment.
 * @see https://pay.weixin.qq.com/doc/v3/merchant/4012075420
 */
export function paidCallback(order: Order, account: Account): CallbackMessage {
  const transaction = transactionOf(order, account.keys, account.now());
  return message(account, order.providerRef, detailOf(order).notifyUrl, ({ wrongAmount }) => {
    const total = (order.paidAmountMinor ?? order.amountMinor) + 1;
    const wrong = { currency: 'CNY', payer_currency: 'CNY', payer_total: total, total };
    return {
      event: 'TRANSACTION.SUCCESS',
      summary: '支付成功',
      of: 'transaction',
      plain: wrongAmount ? { ...transaction, amount: wrong } : transaction,
    };
  });
}

const SUMMARY_BY_STATUS: Readonly<Record<Exclude<RefundStatus, 'PROCESSING'>, string>> = {
  SUCCESS: '退款成功',
  CLOSED: '退款关闭',
  ABNORMAL: '退款异常',
};

/**
 * The notice of a refund that is no longer PROCESSING when the first delivery is built.
 * @param current the order and the refund as the books have them then
 * @see https://pay.weixin.qq.com/doc/v3/merchant/4012082053
 */
export function refundCallback(
  where: { readonly providerRef: string; readonly url: string },
  current: () => Held,
  account: Account,
): CallbackMessage {
  let kept: Held | null = null;
  return message(account, where.providerRef, where.url, ({ wrongAmount }) => {
    kept ??= current(); // what a notice says does not change between its deliveries
    const status = statusOf(kept.refund);
    if (status === 'PROCESSING') throw new Error('wechatpay sandbox: nothing is told of a refund that is processing');
    return {
      event: `REFUND.${status}`,
      summary: SUMMARY_BY_STATUS[status],
      of: 'refund',
      plain: noticeOf(kept, account.keys, wrongAmount ? 1 : 0),
    };
  });
}

interface Content {
  readonly event: string;
  readonly summary: string;
  readonly of: 'transaction' | 'refund';
  readonly plain: Record<string, unknown>;
}

/** Every delivery has the same id and content, under a new time, nonce and signature. */
function message(
  account: Account,
  providerRef: string,
  url: string,
  contentFor: (spoil: { wrongAmount: boolean }) => Content,
): CallbackMessage {
  const { platform, now, randomBytes } = account;
  const id = uuid(randomBytes);
  let createdAt: string | null = null;
  return {
    providerRef,
    url,
    build(spoil) {
      const { event, summary, of, plain } = contentFor(spoil);
      createdAt ??= chinaTime(now());
      const body = JSON.stringify({
        id,
        create_time: createdAt,
        resource_type: 'encrypt-resource',
        event_type: event,
        summary,
        resource: { original_type: of, ...platform.encrypt(JSON.stringify(plain), of) },
      });
      const flaw = account.takeSignTest('signTestCallbacks') ? 'probe' : spoil.wrongSignature ? 'wrong_key' : 'none';
      const headers = {
        'Content-Type': 'application/json',
        Accept: '*/*',
        'User-Agent': 'Mozilla/4.0',
        ...platform.sign(body, flaw),
      };
      return { method: 'POST', headers, body };
    },
    isAcknowledged: (status) => status === 200 || status === 204,
    retryAfterMs: RETRY_AFTER_MS,
    timeoutMs: TIMEOUT_MS,
  };
}

function uuid(randomBytes: (size: number) => Uint8Array): string {
  const hex = Buffer.from(randomBytes(16)).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-9${hex.slice(17, 20)}-${hex.slice(20)}`;
}
