import { type AgendaItem, type Payment, unreachable } from '../payment/index.ts';
import type { Change } from './change.ts';
import type { Orders } from './orders.ts';
import type { Parts } from './parts.ts';
import type { Notify } from './webhook.ts';

/** How often the store is asked for due payments when nothing has woken the worker. */
const POLL_MS = 500;
/** Payments worked on at the same time; one that waits for a slow shop or channel holds up none of the others. */
const IN_HAND_MAX = 64;
/** Longer than everything that one item may take: the webhook's ten seconds and a few commits. */
const LEASE_MS = 60_000;

/**
 * The only timer of the system: claims due payments and does what their agenda says. A crash loses nothing, since the agenda
 * is in the documents and a lease runs out.
 */
export function createAgendaWorker(parts: Parts, services: { change: Change; orders: Orders; notify: Notify }) {
  const { store, clock, telemetry } = parts;
  const { change, orders, notify } = services;
  const stopping = new AbortController();
  const inHand = new Set<Promise<void>>();
  let wakeUp: (() => void) | undefined;
  let wanted = false;
  let loop: Promise<void> = Promise.resolve();

  /** Looks at once instead of at the next poll; called whenever something became due. */
  function wake(): void {
    wanted = true;
    wakeUp?.();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      wanted = false;
      const free = IN_HAND_MAX - inHand.size;
      const claimed = free > 0 ? await claim(free) : [];
      for (const payment of claimed) take(payment);
      if (claimed.length < free || free === 0) await idle();
    }
    await Promise.all(inHand);
  }

  function take(payment: Payment): void {
    const job = work(payment).finally(() => {
      inHand.delete(job);
      // Its lease is free again, and something may have become due meanwhile.
      wake();
    });
    inHand.add(job);
  }

  async function claim(limit: number): Promise<readonly Payment[]> {
    try {
      return await store.claimDue({ now: clock.now(), owner: parts.processId, leaseMs: LEASE_MS, limit });
    } catch (thrown) {
      telemetry.error({ err: thrown }, 'agenda cannot read the store');
      return [];
    }
  }

  async function idle(): Promise<void> {
    if (wanted || stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wakeUp = undefined;
  }

  async function work(payment: Payment): Promise<void> {
    try {
      const due = payment.agenda.filter((item) => item.at <= clock.now());
      for (const item of due) {
        if (stopping.signal.aborted) break;
        await perform(payment, item);
      }
    } catch (thrown) {
      telemetry.error({ paymentId: payment.id, err: thrown }, 'agenda item failed');
    }
    await store.releaseLease(payment.id, parts.processId).catch((thrown: unknown) => {
      telemetry.error({ paymentId: payment.id, err: thrown }, 'lease not released; it runs out by itself');
    });
  }

  async function perform(payment: Payment, item: AgendaItem): Promise<void> {
    switch (item.kind) {
      case 'expire':
        await change(payment.id, { type: 'close_requested', by: 'expiry' });
        return;
      case 'abandon': {
        const error = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', providerCode: 'abandoned' };
        await change(payment.id, { type: 'attempt_lost', seq: item.seq, error, latencyMs: null });
        return;
      }
      case 'query':
      case 'close': {
        const attempt = payment.attempts[item.seq - 1];
        if (attempt) await orders[item.kind](payment, attempt, stopping.signal);
        return;
      }
      case 'notify':
        return notify(payment, item.eventId, stopping.signal);
      default:
        return unreachable(item);
    }
  }

  return {
    wake,
    start: (): void => {
      loop = run();
    },
    /** Finishes the item in hand and stops; what is left is taken up by the next process. */
    stop: async (): Promise<void> => {
      stopping.abort();
      wakeUp?.();
      await loop;
    },
  };
}

export type AgendaWorker = ReturnType<typeof createAgendaWorker>;
