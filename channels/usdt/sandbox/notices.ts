import type { CallbackDelivery, Order } from '../../../src/channel/sandbox/index.ts';
import { type Desk, detailOf } from './desk.ts';
import { sign } from './proof.ts';

const MINUTE = 60_000;
/** After 2, 4, 8 … minutes, ten times at most. */
const RETRY_AFTER_MS = Array.from({ length: 10 }, (_, i) => 2 ** (i + 1) * MINUTE);
const TIMEOUT_MS = 5_000;

/** Tells of a transfer once it is confirmed. Any 200 is an acknowledgement. */
export function notify(desk: Desk, order: Order, delivery: CallbackDelivery): void {
  const { orderId, money, actualAmount, notifyUrl, hash, confirmedAt } = detailOf(order);
  const waitMs = Math.max(0, confirmedAt - desk.options.now());
  desk.options.courier.send(
    {
      providerRef: order.providerRef,
      url: notifyUrl,
      build({ wrongAmount, wrongSignature }) {
        const notice = {
          trade_id: order.tradeNo,
          order_id: orderId,
          amount: Number(money) + (wrongAmount ? 1 : 0),
          actual_amount: actualAmount,
          token: desk.address,
          block_transaction_id: hash,
          status: 2,
        };
        const signature = sign(notice, wrongSignature ? 'somebody else' : desk.token);
        const headers = { 'content-type': 'application/json' };
        return { method: 'POST', headers, body: JSON.stringify({ ...notice, signature }) };
      },
      isAcknowledged: (status) => status === 200,
      retryAfterMs: RETRY_AFTER_MS,
      timeoutMs: TIMEOUT_MS,
    },
    delivery.mode === 'send' && waitMs > 0 ? { mode: 'delay', delayMs: waitMs } : delivery,
  );
}
