import type { Payment } from '../payment/index.ts';
import type { OrderNumber, PaymentStore } from '../store/port.ts';

/** Writers of one number are few; losing this often means that something is badly wrong. */
const TRIES_MAX = 50;

type NumberStore = Pick<PaymentStore, 'findOrderNumber' | 'saveOrderNumber'>;

/** The number of our own that a payment has under a shop's number: the first has the shop's, those after it say which they are. */
export function paymentNumberOf(orderNo: string, round: number): string {
  return round === 1 ? orderNo : `${orderNo}~${round}`;
}

/**
 * Gives a shop's order number to a payment that is about to take effect; false when it is another's. Asked before the success is
 * written, so that of all payments under one number at most one ever counts (I2): should this process die in between, the provider
 * says the same again, and the number is still this payment's. A payment of other content than the number now stands for gets
 * nothing, whatever it was paid for.
 */
export async function claimOrderNumber(store: NumberStore, payment: Payment): Promise<boolean> {
  const { merchantId, id, requestHash } = payment;
  const orderNo = payment.epay?.outTradeNo ?? payment.merchantOrderNo;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const entry = await store.findOrderNumber(merchantId, orderNo);
    if (entry === null) throw new Error(`payment ${id}: its order number is not in the store`);
    if (entry.paidBy !== null) return entry.paidBy === id;
    if (entry.requestHash !== requestHash) return false;
    const claimed = { ...entry, version: entry.version + 1, paidBy: id };
    if ((await store.saveOrderNumber(claimed)) === 'saved') return true;
  }
  throw new Error(`payment ${id}: its order number could not be taken: too many writers`);
}

/** The entry of a number, made for this request when there is none. */
export async function openOrderNumber(
  store: NumberStore,
  wanted: Pick<OrderNumber, 'merchantId' | 'orderNo' | 'requestHash'>,
): Promise<OrderNumber> {
  const { merchantId, orderNo } = wanted;
  const known = await store.findOrderNumber(merchantId, orderNo);
  if (known) return known;
  const first: OrderNumber = { ...wanted, version: 1, round: 1, paidBy: null };
  if ((await store.saveOrderNumber(first)) === 'saved') return first;
  const other = await store.findOrderNumber(merchantId, orderNo);
  if (other === null) throw new Error('an order number that exists cannot be found');
  return other;
}

/** The next payment may begin under the number; somebody else may have been first, so look again afterwards. */
export async function nextRound(store: NumberStore, entry: OrderNumber, requestHash: string): Promise<void> {
  await store.saveOrderNumber({ ...entry, version: entry.version + 1, round: entry.round + 1, requestHash });
}
