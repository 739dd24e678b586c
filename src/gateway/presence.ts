import { type OpenAttempt, type Payment, payableAttempt } from '../payment/index.ts';
import type { Orders } from './orders.ts';
import type { Parts } from './parts.ts';

/** A fresh order is asked about this often while its buyer looks at the cashier, an older one less often. */
const FRESH_EVERY_MS = 5_000;
const OLDER_EVERY_MS = 15_000;
const FRESH_MS = 120_000;

/**
 * A buyer who has the cashier open may be paying at this moment, so the channel is asked more often than the agenda would: within
 * its request budget, and never more than one question at a time for an order.
 */
export function createPresence(parts: Parts, orders: Orders) {
  const underWay = new Set<Promise<unknown>>();
  const stopping = new AbortController();

  function noticed(payment: Payment): void {
    const attempt = payableAttempt(payment);
    if (!attempt || stopping.signal.aborted) return;
    const asking = ask(payment, attempt)
      .catch((thrown: unknown) => {
        parts.telemetry.error({ paymentId: payment.id, err: thrown }, 'a question for a waiting buyer failed');
      })
      .finally(() => underWay.delete(asking));
    underWay.add(asking);
  }

  async function ask(payment: Payment, attempt: OpenAttempt): Promise<void> {
    const ageMs = parts.clock.now() - attempt.openedAt;
    const everyMs = ageMs < FRESH_MS ? FRESH_EVERY_MS : OLDER_EVERY_MS;
    // The first look opens the gate without a question: nobody has paid yet.
    if (ageMs < everyMs) return;
    const gate = await parts.ephemeral.hit(`buyer-looks/${attempt.providerRef}`, 1, everyMs);
    if (gate.allowed) await orders.queryIfRoom(payment, attempt, stopping.signal);
  }

  return {
    noticed,
    stop: async (): Promise<void> => {
      stopping.abort();
      await Promise.allSettled(underWay);
    },
  };
}
