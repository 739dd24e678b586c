import { type AgendaItem, type Fact, isUnresolved, type Payment, unreachable } from '../payment/index.ts';
import type { Change } from './change.ts';
import { createClockWatch } from './clock-watch.ts';
import { pause } from './deadline.ts';
import { LEASE_MS, type Leases } from './leases.ts';
import type { Orders } from './orders.ts';
import type { Parts } from './parts.ts';
import { abandoned } from './placement.ts';
import type { Refunds } from './refunds.ts';
import type { Notify } from './webhook.ts';

/** How often the store is asked for due payments when nothing has woken the worker. */
const POLL_MS = 500;
/**
 * Payments worked on at the same time; one that waits for a slow shop or channel holds up none of the others, until so many
 * wait at once. Waiting costs a little memory and no processor, so the number is large.
 */
const IN_HAND_MAX = 2_048;
/** Read in one go, while the event loop stands still. */
const CLAIM_MAX = 512;
/** No further item of a payment is begun after this long; what is left is claimed again. With the longest item, less than a lease. */
const WORK_MS = 25_000;
/** After a fault of ours or of the store, its payment is left alone for this long. */
const FAULT_PAUSE_MS = 1_000;

/**
 * The only timer of the system: claims due payments and does what their agenda says. A crash loses nothing, since the agenda
 * is in the documents and a lease runs out.
 */
export function createAgendaWorker(
  parts: Parts,
  services: { change: Change; leases: Leases; orders: Orders; refunds: Refunds; notify: Notify },
) {
  const { store, clock, telemetry } = parts;
  const { change, leases, orders, refunds, notify } = services;
  const clockWatch = createClockWatch(parts, change);
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
      await clockWatch.look();
      const atMost = Math.min(CLAIM_MAX, IN_HAND_MAX - inHand.size);
      const claimed = atMost > 0 ? await claim(atMost) : [];
      for (const payment of claimed) take(payment);
      if (claimed.length < atMost || atMost === 0) await idle();
    }
    await Promise.all(inHand);
  }

  function take(payment: Payment): void {
    const job = leases.hold(payment.id, work(payment)).finally(() => {
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
    const startedAt = clock.now();
    let current = payment;
    let faults = 0;
    for (const item of payment.agenda.filter(({ at }) => at <= startedAt)) {
      if (stopping.signal.aborted || clock.now() - startedAt > WORK_MS) break;
      const done = await performOrReport(current, item);
      if (done === null) faults += 1;
      else current = done;
    }
    // What failed is still due: without a pause a fault that stays would be met again at once, and again.
    if (faults > 0) await pause(FAULT_PAUSE_MS, stopping.signal);
  }

  /** Null when it threw. */
  function performOrReport(payment: Payment, item: AgendaItem): Promise<Payment | null> {
    return telemetry.trace.forPayment(payment, 'agenda work', { operation: item.kind }, async (span) => {
      try {
        return await perform(payment, item);
      } catch (thrown) {
        span.fail();
        telemetry.error({ paymentId: payment.id, item: item.kind, err: thrown }, 'agenda item failed');
        return null;
      }
    });
  }

  /** Does one item of the payment as it is now, and answers the payment as it is then. */
  async function perform(payment: Payment, item: AgendaItem): Promise<Payment> {
    switch (item.kind) {
      case 'expire':
        return changed(payment, { type: 'close_requested', by: 'expiry' });
      case 'abandon':
        return changed(payment, abandoned(item.seq));
      case 'query':
      case 'close': {
        const attempt = payment.attempts[item.seq - 1];
        // An item before this one may have settled it.
        if (!attempt || !isUnresolved(attempt)) return payment;
        const ask = item.kind === 'query' ? orders.queryInTurn : orders.close;
        return ask(payment, attempt, stopping.signal);
      }
      case 'refund':
        return refunds.pursue(payment, item.seq, stopping.signal);
      case 'refund_again':
        return changed(payment, { type: 'refund_due_again', seq: item.seq });
      case 'remind':
        return changed(payment, { type: 'reminded' });
      case 'notify':
        await notify(payment, item.eventId, stopping.signal);
        return payment;
      default:
        return unreachable(item);
    }
  }

  async function changed(payment: Payment, fact: Fact): Promise<Payment> {
    const outcome = await change(payment.id, fact);
    return outcome.outcome === 'missing' ? payment : outcome.payment;
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
