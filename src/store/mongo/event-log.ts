import type { Payment, PaymentEvent } from '../../payment/index.ts';
import { insertedBefore } from './failures.ts';
import { type EventRow, idOf, type Rows } from './rows.ts';

/** Who loses so often against other replicas meets something that is badly wrong. */
const TRIES_MAX = 200;

export interface EventLogParts {
  readonly rows: Pick<Rows, 'events' | 'raw'>;
  readonly now: () => number;
  /** Tells the events of this process from those that another makes in the same millisecond. */
  readonly process: string;
}

interface Waiting {
  readonly eventId: string;
  readonly paymentId: string;
  resolve(seq: number): void;
  reject(error: unknown): void;
}

interface Queue {
  /** The last place that is known to be taken; null: not known. */
  last: number | null;
  waiting: Waiting[];
  running: boolean;
}

/**
 * The order of a merchant's events: places 1, 2, 3 ... that are taken before the payment is written which has the event. A place is only
 * taken after the one before it, by whichever replica, so a reader who has read up to a place has missed nothing before it.
 */
export function createEventLog({ rows: { events, raw }, now, process }: EventLogParts) {
  const queues = new Map<string, Queue>();
  let lastOrder = 0;

  /** Takes places for the events that are new in `next`; answers them by the event's index in the document. */
  async function append(next: Payment, before: Payment | null): Promise<Readonly<Record<string, number>>> {
    const known = new Set(before?.events.map(({ id }) => id));
    const fresh = next.events.flatMap((event, index) => (known.has(event.id) ? [] : [{ event, index }]));
    const places = await Promise.all(
      fresh.map(async ({ event, index }) => [index, await take(next.merchantId, event.id, next.id)] as const),
    );
    return Object.fromEntries(places);
  }

  function take(merchantId: string, eventId: string, paymentId: string): Promise<number> {
    const queue = queues.get(merchantId) ?? { last: null, waiting: [], running: false };
    queues.set(merchantId, queue);
    return new Promise<number>((resolve, reject) => {
      queue.waiting.push({ eventId, paymentId, resolve, reject });
      if (!queue.running) void drain(merchantId, queue);
    });
  }

  /** What comes while one insert is under way goes together with the next one. */
  async function drain(merchantId: string, queue: Queue): Promise<void> {
    queue.running = true;
    let tries = 0;
    while (queue.waiting.length > 0) {
      const batch = queue.waiting;
      queue.waiting = [];
      try {
        tries += 1;
        if (tries > TRIES_MAX) throw new Error('store: the list of events has too many writers');
        const written = await insert(merchantId, queue, batch);
        if (written > 0) tries = 0;
        queue.waiting = [...batch.slice(written), ...queue.waiting];
      } catch (error) {
        queue.last = null;
        for (const { reject } of batch) reject(error);
      }
    }
    queue.running = false;
  }

  /** How many of the batch have their place; the others lost theirs to another replica. */
  async function insert(merchantId: string, queue: Queue, batch: readonly Waiting[]): Promise<number> {
    const last = queue.last ?? (await lastOf(merchantId));
    const entries = batch.map(({ eventId, paymentId }, i): EventRow => {
      const seq = last + 1 + i;
      return { _id: idOf(merchantId, seq), merchantId, seq, eventId, paymentId, order: nextOrder(), at: now() };
    });
    let written = entries.length;
    try {
      await raw.events.insertMany(entries, { ordered: true });
      queue.last = last + written;
    } catch (error) {
      const before = insertedBefore(error);
      if (before === null) throw error;
      written = before;
      queue.last = null;
    }
    for (const [i, { resolve }] of batch.slice(0, written).entries()) resolve(last + 1 + i);
    return written;
  }

  /** Also what is not on a majority yet, since it would be met as a duplicate. */
  async function lastOf(merchantId: string): Promise<number> {
    const row = await events
      .findOne({ merchantId }, { seq: 1 })
      .sort({ seq: -1 })
      .read('primary')
      .readConcern('local')
      .lean();
    return row?.seq ?? 0;
  }

  function nextOrder(): string {
    lastOrder = Math.max(lastOrder + 1, now() * 1_000);
    return `${String(lastOrder).padStart(17, '0')}/${process}`;
  }

  /** Frees readers from waiting for events that do not come, since their payment was not written. */
  async function giveBack(merchantId: string, seqs: Readonly<Record<string, number>>): Promise<void> {
    const ids = Object.values(seqs).map((seq) => idOf(merchantId, seq));
    if (ids.length > 0) await events.updateMany({ _id: { $in: ids } }, { $set: { void: true } });
  }

  /** Before the payment is written: marks what is given up with it. Readers believe the payment; without the mark they never ask it. */
  async function markDead(next: Payment, before: Payment | null): Promise<void> {
    const dead = idsOf(next, isDead).filter((id) => !before?.events.some((e) => e.id === id && isDead(e)));
    if (dead.length === 0) return;
    const entries = await events.find({ eventId: { $in: dead } }, { order: 1 }).lean();
    await Promise.all(entries.map(({ _id, order }) => events.updateOne({ _id }, { $set: { dead: order } })));
  }

  /** After it: takes the marks away that do not hold any more. */
  async function unmarkRevived(next: Payment, before: Payment): Promise<void> {
    const revived = idsOf(next, (e) => !isDead(e)).filter((id) => before.events.some((e) => e.id === id && isDead(e)));
    if (revived.length > 0) await events.updateMany({ eventId: { $in: revived } }, { $unset: { dead: '' } });
  }

  return { append, giveBack, markDead, unmarkRevived };
}

export type EventLog = ReturnType<typeof createEventLog>;

function idsOf(payment: Payment, wanted: (event: PaymentEvent) => boolean): readonly string[] {
  return payment.events.filter(wanted).map(({ id }) => id);
}

export function isDead({ delivery }: PaymentEvent): boolean {
  return delivery.state === 'dead';
}
