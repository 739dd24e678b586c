import { refundRefOf } from '../../../src/payment/index.ts';
import { type Stage, soon, startStage } from './stage.ts';

export const cny = (minor: number) => ({ minor, currency: 'CNY' });

/** A stage with a paid order of 10.50, and refunds of it by their sequence number. */
export async function startPaid() {
  const stage = await startStage();
  const order = await stage.aPaidOrder();
  const nth = (seq: number, minor: number, set = {}) =>
    stage.aRefundOf(order, { refundRef: refundRefOf(order.providerRef, seq), amount: cny(minor), ...set });
  const refunds = () => stage.book(order.providerRef).refunds;
  return { ...stage, order, nth, refunds };
}

/** Asks until the refund is no longer pending. */
export async function untilDecided({ adapter }: Stage, refund: Parameters<Stage['adapter']['queryRefund']>[0]) {
  for (;;) {
    const seen = await adapter.queryRefund(refund, soon());
    if (!seen.ok) throw new Error(JSON.stringify(seen.error));
    if (seen.value.state !== 'pending') return seen.value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
