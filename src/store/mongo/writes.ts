import { issueDurableReceipt } from '../../payment/durable.ts';
import type { Payment } from '../../payment/index.ts';
import type { Inserted, Updated, UpdateOptions } from '../port.ts';
import type { EventLog } from './event-log.ts';
import { NO_LEASE } from './leases.ts';
import type { Orders } from './orders.ts';
import { type Derived, derivedOf, paymentOf, replacement } from './payment-row.ts';
import type { Rows } from './rows.ts';
import type { TradeNumbers } from './trade-numbers.ts';
import type { Volumes } from './volumes.ts';

/** Samples take one payment in so many of each process; any number far above what is ever asked for. */
const SAMPLES = 1_000_000_007;

export interface WriteParts {
  readonly rows: Pick<Rows, 'payments' | 'raw'>;
  readonly orders: Orders;
  readonly trades: TradeNumbers;
  readonly events: EventLog;
  readonly volumes: Volumes;
  /** Goes on without anybody waiting for it; a failure is told and costs a count, or a reader some patience. */
  readonly afterwards: (work: Promise<void>) => void;
}

/**
 * The changes of payments. What must be unique is reserved first, then the payment is written by one compare-and-set on its version,
 * which alone decides; what follows from it is written last.
 */
export function createWrites({ rows: { payments, raw }, orders, trades, events, volumes, afterwards }: WriteParts) {
  let made = 0;

  async function insert(payment: Payment): Promise<Inserted> {
    const derived = derivedOf(payment);
    const reserved = await reserve(payment, null);
    if (reserved === null)
      throw new Error(`store: the new payment ${payment.id} names a trade number of another payment`);
    made = (made + 1) % SAMPLES;
    const row = { _id: payment.id, ...derived, sample: made, seqs: reserved };
    const placed = await orders.place(payment, async () => {
      await raw.payments.insertOne(row);
    });
    const receipt = issueDurableReceipt();
    if (placed.outcome === 'exists') {
      afterwards(events.giveBack(payment.merchantId, reserved));
      return { ...placed, receipt };
    }
    afterwards(volumes.record(null, payment));
    return { outcome: 'inserted', payment, receipt };
  }

  async function update(next: Payment, { releaseLease, before: given }: UpdateOptions = {}): Promise<Updated> {
    const derived = derivedOf(next);
    const before = given?.version === next.version - 1 ? given : await versionBefore(next);
    if (before === null) return { outcome: 'stale' };
    const seqs = await reserve(next, before);
    if (seqs === null) return { outcome: 'trade_no_taken' };
    if (!(await compareAndSet(next, derived, seqs, releaseLease))) {
      afterwards(events.giveBack(next.merchantId, seqs));
      return { outcome: 'stale' };
    }
    afterwards(volumes.record(before, next));
    afterwards(events.unmarkRevived(next, before));
    return { outcome: 'updated', payment: next, receipt: issueDurableReceipt() };
  }

  async function versionBefore(next: Payment): Promise<Payment | null> {
    const row = await payments.findOne({ _id: next.id, version: next.version - 1 }).lean();
    return paymentOf(row);
  }

  /** The places of the new events; null when a trade number is taken. */
  async function reserve(next: Payment, before: Payment | null): Promise<Readonly<Record<string, number>> | null> {
    const [areFree, seqs] = await Promise.all([
      trades.reserve(next, before),
      events.append(next, before),
      events.markDead(next, before),
    ]);
    if (areFree) return seqs;
    afterwards(events.giveBack(next.merchantId, seqs));
    return null;
  }

  async function compareAndSet(
    { id, version }: Payment,
    derived: Derived,
    seqs: Readonly<Record<string, number>>,
    releaseLease: string | undefined,
  ): Promise<boolean> {
    const { $set, $unset } = replacement(derived);
    const places = Object.fromEntries(Object.entries(seqs).map(([index, seq]) => [`seqs.${index}`, seq]));
    const is = { _id: id, version: version - 1 };
    const set = { $set: { ...$set, ...places } };
    if (releaseLease !== undefined) {
      const mine = { ...is, leaseOwner: releaseLease };
      const { matchedCount } = await payments.updateOne(mine, { ...set, $unset: { ...$unset, ...NO_LEASE } });
      if (matchedCount > 0) return true;
    }
    const { matchedCount } = await payments.updateOne(is, { ...set, $unset });
    return matchedCount > 0;
  }

  return { insert, update };
}
