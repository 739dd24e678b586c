import type { Payment } from '../payment/index.ts';
import type { Parts } from './parts.ts';
import type { Placement } from './placement.ts';

/** How often somebody who waits looks whether another process has finished placing the order. */
const PEEK_EVERY_MS = 50;

/** Whoever comes while a channel is being asked waits for its answer instead of asking another. */
export function createPatience(parts: Pick<Parts, 'store' | 'clock' | 'settings' | 'alone'>, placement: Placement) {
  const { store, clock } = parts;
  const startedAt = clock.now();

  /** The payment once no channel is being asked for it any more, or once that has taken too long. */
  async function settled(asking: Payment): Promise<Payment> {
    const deadline = clock.now() + parts.settings().failover.budgetMs;
    let payment = await rescue(asking);
    while (payment.attempts.at(-1)?.status === 'creating' && clock.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, PEEK_EVERY_MS));
      payment = (await store.findById(payment.id))?.payment ?? payment;
    }
    return payment;
  }

  /** A create that died with its process is given up at once, so that a repeat can go on elsewhere. */
  async function rescue(payment: Payment): Promise<Payment> {
    const attempt = payment.attempts.at(-1);
    if (!parts.alone || attempt?.status !== 'creating') return payment;
    // What lies ahead was begun before the clock was set back, as this process was started.
    const isOrphan = attempt.openedAt <= startedAt || attempt.openedAt > clock.now();
    return isOrphan ? placement.abandon(payment, attempt) : payment;
  }

  return { settled };
}

export type Patience = ReturnType<typeof createPatience>;
