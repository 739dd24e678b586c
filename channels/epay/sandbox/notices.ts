import type { CallbackDelivery, CallbackMessage, Order } from '../../../src/channel/sandbox/index.ts';
import { type Desk, wishOf } from './desk.ts';
import type { Params } from './proof.ts';

const MINUTE = 60_000;
/** After about 1 min, 3 min, 20 min, 1 h and 2 h, then never again. */
const RETRY_AFTER_MS = [MINUTE, 3 * MINUTE, 20 * MINUTE, 60 * MINUTE, 120 * MINUTE];
const TIMEOUT_MS = 10_000;

/** Tells the shop that an order is paid: by GET, with everything in the query. V2 signs each delivery afresh. */
export function notify(desk: Desk, order: Order, delivery: CallbackDelivery): void {
  const message: CallbackMessage = {
    providerRef: order.providerRef,
    url: wishOf(order).notifyUrl,
    build: ({ wrongAmount, wrongSignature }) => ({
      method: 'GET',
      headers: {},
      body: '',
      query: encoded(desk.proofs.sign(noticeOf(desk, order, wrongAmount ? 1 : 0), wrongSignature)),
    }),
    isAcknowledged: (status, body) => status === 200 && /success/i.test(body),
    retryAfterMs: RETRY_AFTER_MS,
    timeoutMs: TIMEOUT_MS,
  };
  desk.options.courier.send(message, delivery);
}

/** The same parameters bring the buyer's browser back to the shop. */
export function returnUrl(desk: Desk, order: Order): string {
  const { returnUrl: url } = wishOf(order);
  const query = encoded(desk.proofs.sign(noticeOf(desk, order, 0), false));
  return url === '' ? '' : `${url}${url.includes('?') ? '&' : '?'}${query}`;
}

function noticeOf({ keys, settings, options }: Desk, order: Order, fenTooMuch: number): Params {
  const { type, name, param } = wishOf(order);
  const fen = (order.paidAmountMinor ?? order.amountMinor) + fenTooMuch;
  return {
    pid: keys.pid,
    trade_no: order.tradeNo,
    out_trade_no: order.providerRef,
    type,
    name,
    // PHP prints a float: 1 for 1.00, 1.5 for 1.50.
    money: String(fen / 100),
    trade_status: 'TRADE_SUCCESS',
    ...(param === '' ? {} : { param }),
    ...(settings.version === 'v2' ? { timestamp: String(Math.floor(options.now() / 1000)) } : {}),
  };
}

/** As PHP's urlencode: a space is a plus. */
function encoded(params: Params): string {
  return new URLSearchParams(params).toString();
}
