import type { Payment } from '../payment/index.ts';
import { pause } from './deadline.ts';
import type { Parts } from './parts.ts';

/** Longer than any work on one payment: half a minute of it, and a last call of half a minute, with their commits. */
export const LEASE_MS = 60_000;
/** Another process is rarely at a payment for longer than this. */
const TRIES = 4;
const TRY_AGAIN_MS = 1_000;

/**
 * Who works on a payment has its lease, so that no two processes bring the same event to a shop or send the same refund at the same time.
 * The lease of a process that is gone runs out, and then the payment's agenda has another one go on.
 */
export function createLeases({ store, clock, telemetry, processId }: Parts) {
  /** What this process holds, with the end of the work. */
  const held = new Map<string, Promise<unknown>>();

  /** The lease was taken with the payment. It is given back when the work has ended, which must not fail. */
  function hold(paymentId: string, work: Promise<void>): Promise<void> {
    const done = work
      .then(() => release(paymentId))
      .finally(() => {
        if (held.get(paymentId) === done) held.delete(paymentId);
      });
    held.set(paymentId, done);
    return done;
  }

  async function release(paymentId: string): Promise<void> {
    await store.releaseLease(paymentId, processId).catch((thrown: unknown) => {
      telemetry.error({ paymentId, err: thrown }, 'lease not released; it runs out by itself');
    });
  }

  /** Works on the payment as it is then, alone. Null, with nothing done: another process is at it and does not end. */
  async function alone<T>(
    paymentId: string,
    work: (payment: Payment) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | null> {
    for (let tries = 1; !signal.aborted; tries += 1) {
      for (let other = held.get(paymentId); other; other = held.get(paymentId)) await other.catch(() => {});
      const taken = await claim(paymentId, work);
      if (taken !== null) return taken();
      if (tries === TRIES) break;
      await pause(TRY_AGAIN_MS, signal);
    }
    return null;
  }

  /** Works on the payment unless another process does so now. What this process does at the same time is known to be no obstacle. */
  async function unlessElsewhere<T>(paymentId: string, work: () => Promise<T>): Promise<T | null> {
    if (held.has(paymentId)) return work();
    const taken = await claim(paymentId, work);
    return taken === null ? null : taken();
  }

  /** Asks for the lease at once, so that nobody else in this process asks too, and answers how to go on; null when it is another's. */
  async function claim<T>(
    paymentId: string,
    work: (payment: Payment) => Promise<T>,
  ): Promise<(() => Promise<T>) | null> {
    const claiming = store.claimPayment({ id: paymentId, now: clock.now(), owner: processId, leaseMs: LEASE_MS });
    const ended = Promise.withResolvers<void>();
    held.set(paymentId, ended.promise);
    const end = (): void => {
      if (held.get(paymentId) === ended.promise) held.delete(paymentId);
      ended.resolve();
    };
    const payment = await claiming.catch((thrown: unknown) => {
      end();
      throw thrown;
    });
    if (payment === null) {
      end();
      return null;
    }
    return async () => {
      try {
        return await work(payment);
      } finally {
        await release(paymentId);
        end();
      }
    };
  }

  return { hold, alone, unlessElsewhere };
}

export type Leases = ReturnType<typeof createLeases>;
