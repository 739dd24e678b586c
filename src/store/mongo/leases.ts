import type { EpochMs, Payment } from '../../payment/index.ts';
import type { PaymentStore } from '../port.ts';
import { paymentOf } from './payment-row.ts';
import type { PaymentRow, Rows } from './rows.ts';

type Claim = Parameters<PaymentStore['claimDue']>[0];

/** Others were in the way in each round but the last. */
const ROUNDS_MAX = 100;

/**
 * Hands out payments with something left to do. A lease is part of the payment's row and taken only where there is none, so two
 * replicas never get one payment. Its end is compared with the clock of whoever asks: a clock that is wrong by more than is left of a lease
 * has a payment worked on twice, where compare-and-set keeps one outcome and providers and shops know the second request by its number.
 */
export function createLeases(
  { payments }: Pick<Rows, 'payments'>,
  { process, onDamaged }: { readonly process: string; readonly onDamaged: (error: Error) => void },
) {
  let claims = 0;

  async function claimDue({ limit, ...claim }: Claim): Promise<readonly Payment[]> {
    const taken: PaymentRow[] = [];
    for (let round = 0; round < ROUNDS_MAX && taken.length < limit; round += 1) {
      const free = { nextDueAt: { $lte: claim.now }, ...unleased(claim.now) };
      const room = limit - taken.length;
      const due = await payments.find(free, { _id: 1 }).sort({ nextDueAt: 1, _id: 1 }).limit(room).lean();
      if (due.length === 0) break;
      const got = await take({ ...free, _id: { $in: due.map(({ _id }) => _id) } }, claim);
      taken.push(...got);
      if (got.length === due.length && due.length < room) break; // Nobody was in the way, and there were no more.
    }
    return taken.toSorted(earlier).flatMap(trusted);
  }

  async function claimPayment({ id, ...claim }: Parameters<PaymentStore['claimPayment']>[0]): Promise<Payment | null> {
    const taken = await take({ _id: { $in: [id] }, ...unleased(claim.now) }, claim);
    return taken.flatMap(trusted)[0] ?? null;
  }

  /** Writes the lease into those that still have none, and reads the ones that were got. */
  async function take(
    wanted: { readonly _id: { readonly $in: string[] } },
    { now, owner, leaseMs }: Omit<Claim, 'limit'>,
  ): Promise<readonly PaymentRow[]> {
    claims += 1;
    const claim = `${process}/${claims}`;
    const lease = { leaseOwner: owner, leaseUntil: now + leaseMs, claim };
    const { modifiedCount } = await payments.updateMany({ ...wanted, void: { $exists: false } }, { $set: lease });
    return modifiedCount === 0 ? [] : payments.find({ _id: wanted._id, claim }).lean<PaymentRow[]>();
  }

  async function release(id: string, owner: string): Promise<void> {
    await payments.updateOne({ _id: id, leaseOwner: owner }, { $unset: NO_LEASE });
  }

  /** Reads every unfinished payment: for rare occasions. */
  async function findAhead(now: EpochMs, limit: number): Promise<readonly Payment[]> {
    const rows = await payments
      .find({ nextDueAt: { $gte: 0 }, updatedAt: { $gt: now } })
      .limit(limit)
      .lean<PaymentRow[]>();
    return rows.flatMap(trusted);
  }

  /** A damaged document keeps its lease and is not handed out, so that it holds up nobody. */
  function trusted(row: PaymentRow): Payment[] {
    try {
      const payment = paymentOf(row);
      return payment === null ? [] : [payment];
    } catch (error) {
      onDamaged(error instanceof Error ? error : new Error(`store: the stored document of ${row._id} is damaged`));
      return [];
    }
  }

  return { claimDue, claimPayment, release, findAhead };
}

export const NO_LEASE = { leaseOwner: '', leaseUntil: '', claim: '' } as const;

function unleased(now: EpochMs) {
  return { $or: [{ leaseUntil: { $exists: false } }, { leaseUntil: { $lte: now } }] };
}

function earlier(a: PaymentRow, b: PaymentRow): number {
  return (a.nextDueAt ?? 0) - (b.nextDueAt ?? 0) || (a._id < b._id ? -1 : 1);
}
