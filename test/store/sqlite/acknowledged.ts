import { expect } from 'vitest';
import type { Payment } from '../../../src/payment/index.ts';
import type { SqliteStore } from '../../../src/store/sqlite/index.ts';
import { aPayment, paid } from '../../contract/payments.ts';

/** Payments that were paid, each acknowledged by a commit of its own. */
export async function pay(store: SqliteStore, count: number): Promise<readonly Payment[]> {
  const kept: Payment[] = [];
  for (let i = 0; i < count; i += 1) {
    const payment = aPayment({ metadata: { text: 'x'.repeat((i % 7) * 500) } });
    const [started, done] = paid(payment, `T${payment.id}`);
    await Promise.all([store.insert(payment), store.update(started), store.update(done)]);
    kept.push(done);
  }
  return kept;
}

/** What the store says of payments that it had acknowledged; an answer that is not the payment is a failure of the test. */
export async function ask(store: SqliteStore, payments: readonly Payment[]) {
  const refusals: string[] = [];
  let [intact, missing] = [0, 0];
  for (const payment of payments) {
    try {
      const found = await store.findById(payment.id);
      if (found === null) missing += 1;
      else expect(found.payment).toEqual(payment);
      intact += found === null ? 0 : 1;
    } catch (thrown) {
      if (!(thrown instanceof Error) || !thrown.message.startsWith('store: ')) throw thrown;
      refusals.push(thrown.message);
    }
  }
  return { intact, missing, refusals };
}

/** What work throws, in its words; null when it does not. */
export function messageOf(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
