import { expect } from 'vitest';
import type { Payment } from '../../../src/payment/index.ts';
import type { PaymentStore } from '../../../src/store/index.ts';
import {
  afterFact,
  aPayment,
  attemptStarted,
  givenUp,
  paid,
  paidLate,
  refunded,
  refundRequested,
} from '../../contract/payments.ts';

export const MERCHANTS = ['m_demo', 'm_other', 'm_third'] as const;

/** The life of a payment, as its versions. */
export const LIVES: readonly ((set: Parameters<typeof aPayment>[0]) => readonly Payment[])[] = [
  (set) => [aPayment(set)],
  (set) => {
    const first = aPayment(set);
    return [first, afterFact(first, attemptStarted(first))];
  },
  (set) => {
    const first = aPayment(set);
    return [first, ...paid(first, `T${first.id}`)];
  },
  (set) => {
    const first = aPayment(set);
    const [started, success] = paid(first, `T${first.id}`);
    return [first, started, success, givenUp(success)];
  },
  (set) => {
    const first = aPayment(set);
    const [started, success] = paid(first, `T${first.id}`, 'wechatpay-main');
    const asked = afterFact(success, refundRequested({ amountMinor: 300 }));
    return [first, started, success, asked, afterFact(asked, refunded(1))];
  },
  (set) => {
    const first = aPayment(set);
    return [first, ...paidLate(first, `T${first.id}`)];
  },
];

/** What the parts of a payment's life do to the store, one version after the other, several lives at once. */
export async function live(
  store: PaymentStore,
  lives: readonly (readonly Payment[])[],
  order: () => number,
): Promise<void> {
  const left = lives.map((versions) => [...versions]);
  for (let open = left; open.length > 0; open = open.filter((versions) => versions.length > 0)) {
    const next = open[order() % open.length]?.shift();
    if (next === undefined) continue;
    if (next.version === 1) await store.insert(next);
    else expect((await store.update(next)).outcome).toBe('updated');
  }
}

export const aLife = (index: number, merchantId: string) => LIVES[index % LIVES.length]?.({ merchantId }) ?? [];
