import type { CallbackMessage, Order } from '../../../src/channel/sandbox/index.ts';
import type { Account } from './account.ts';
import { chinaTime, detailOf, transactionOf } from './orders.ts';

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
 * The notice of a payment. Every delivery has the same id and content, under a new time, nonce and signature.
 * @see https://pay.weixin.qq.com/doc/v3/merchant/4012075420
 */
export function paidCallback(order: Order, account: Account): CallbackMessage {
  const { keys, platform, now, randomBytes } = account;
  const id = uuid(randomBytes);
  const createdAt = chinaTime(now());
  const transaction = transactionOf(order, keys, now());
  return {
    providerRef: order.providerRef,
    url: detailOf(order).notifyUrl,
    build({ wrongAmount, wrongSignature }) {
      const total = (order.paidAmountMinor ?? order.amountMinor) + 1;
      const plain = wrongAmount
        ? { ...transaction, amount: { currency: 'CNY', payer_currency: 'CNY', payer_total: total, total } }
        : transaction;
      const body = JSON.stringify({
        id,
        create_time: createdAt,
        resource_type: 'encrypt-resource',
        event_type: 'TRANSACTION.SUCCESS',
        summary: '支付成功',
        resource: { original_type: 'transaction', ...platform.encrypt(JSON.stringify(plain), 'transaction') },
      });
      const flaw = account.takeSignTest('signTestCallbacks') ? 'probe' : wrongSignature ? 'wrong_key' : 'none';
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
