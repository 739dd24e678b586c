import { channelShifts, type EpochMs, type Payment } from '../../payment/index.ts';
import type { ChannelVolume, VolumeQuery } from '../port.ts';
import { isDuplicate } from './failures.ts';
import { idOf, type Rows, type VolumeRow } from './rows.ts';

/** Volumes are kept per quarter of an hour of UTC, since every time zone begins its days on one. */
const SLOT_MS = 15 * 60_000;

/**
 * What channels have taken and been paid. It is counted after the payment is written, so a process that dies in between counts the
 * changes that it had in hand not at all; they are sums for limits and fee tiers, and nothing that is owed.
 */
export function createVolumes({ volumes, payments }: Pick<Rows, 'volumes' | 'payments'>) {
  async function record(before: Payment | null, after: Payment): Promise<void> {
    const shifts = channelShifts(before, after).filter((s) => s.takenMinor !== 0 || s.paidMinor !== 0);
    await Promise.all(
      shifts.map(async ({ channelId, currency, at, takenMinor, paidMinor }) => {
        const slot = slotOf(at);
        const moved = { ...(takenMinor !== 0 && { takenMinor }), ...(paidMinor !== 0 && { paidMinor }) };
        const add = () =>
          volumes.updateOne(
            { _id: idOf(channelId, currency, slot) },
            { $inc: moved, $setOnInsert: { channelId, currency, slot } },
            { upsert: true },
          );
        // Two that begin a slot at once: the second finds it the next time.
        await add().catch((error: unknown) => {
          if (!isDuplicate(error)) throw error;
          return add();
        });
      }),
    );
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
