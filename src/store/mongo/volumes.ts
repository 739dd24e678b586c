import { channelShifts, type EpochMs, type Payment } from '../../payment/index.ts';
import type { ChannelVolume, VolumeQuery } from '../port.ts';
import { isDuplicate } from './failures.ts';
import { idOf, type Rows, type VolumeRow } from './rows.ts';

/** Volumes are kept per quarter of an hour of UTC, since every time zone begins its days on one. */
const SLOT_MS = 15 * 60_000;

interface Moved {
  readonly channelId: string;
  readonly currency: string;
  readonly slot: number;
  readonly takenMinor: number;
  readonly paidMinor: number;
}

interface Waiting extends Omit<Moved, 'takenMinor' | 'paidMinor'> {
  takenMinor: number;
  paidMinor: number;
  written: Promise<void>;
}

/**
 * What channels have taken and been paid. It is counted after the payment is written, so a process that dies in between counts the
 * changes that it had in hand not at all; they are sums for limits and fee tiers, and nothing that is owed.
 */
export function createVolumes({ volumes, payments }: Pick<Rows, 'volumes' | 'payments'>) {
  const underWay = new Map<string, Promise<void>>();
  const waiting = new Map<string, Waiting>();

  async function record(before: Payment | null, after: Payment): Promise<void> {
    const shifts = channelShifts(before, after).filter((s) => s.takenMinor !== 0 || s.paidMinor !== 0);
    await Promise.all(shifts.map(({ at, ...moved }) => add({ ...moved, slot: slotOf(at) })));
  }

  /** All payments of a channel meet in one document: what comes while its write is under way goes together with the next one. */
  function add(moved: Moved): Promise<void> {
    const _id = idOf(moved.channelId, moved.currency, moved.slot);
    const next = waiting.get(_id);
    if (next !== undefined) {
      next.takenMinor += moved.takenMinor;
      next.paidMinor += moved.paidMinor;
      return next.written;
    }
    const before = underWay.get(_id);
    const sum = { ...moved, written: Promise.resolve() };
    waiting.set(_id, sum);
    const written = (before ?? Promise.resolve())
      .catch(() => {}) // Whoever waits for that one hears of it.
      .then(() => {
        waiting.delete(_id);
        return write(_id, sum);
      });
    sum.written = written;
    underWay.set(_id, written);
    const forget = (): void => {
      if (underWay.get(_id) === written) underWay.delete(_id);
    };
    written.then(forget, forget);
    return written;
  }

  async function write(_id: string, { channelId, currency, slot, takenMinor, paidMinor }: Moved): Promise<void> {
    const moved = { ...(takenMinor !== 0 && { takenMinor }), ...(paidMinor !== 0 && { paidMinor }) };
    if (Object.keys(moved).length === 0) return;
    const increase = () =>
      volumes.updateOne({ _id }, { $inc: moved, $setOnInsert: { channelId, currency, slot } }, { upsert: true });
    // Two that begin a slot at once: the second finds it the next time.
    await increase().catch((error: unknown) => {
      if (!isDuplicate(error)) throw error;
      return increase();
    });
  }

  async function volume({ channelId, currency, from, until }: VolumeQuery): Promise<ChannelVolume> {
    const slot = { $gte: slotOf(from), $lt: slotOf(until) };
    const rows = await volumes.find({ channelId, currency, slot }, { takenMinor: 1, paidMinor: 1 }).lean<VolumeRow[]>();
    const sum = (of: 'takenMinor' | 'paidMinor'): number => rows.reduce((total, row) => total + (row[of] ?? 0), 0);
    return { takenMinor: sum('takenMinor'), paidMinor: sum('paidMinor') };
  }

  async function live(): Promise<ReadonlyMap<string, number>> {
    const counted = await payments.aggregate<{ readonly _id: string; readonly live: number }>([
      { $match: { live: { $exists: true } } },
      { $project: { live: 1 } },
      { $unwind: '$live' },
      { $group: { _id: '$live', live: { $sum: 1 } } },
    ]);
    return new Map(counted.map((row) => [row._id, row.live]));
  }

  return { record, volume, live };
}

export type Volumes = ReturnType<typeof createVolumes>;

function slotOf(at: EpochMs): number {
  return Math.floor(at / SLOT_MS);
}
