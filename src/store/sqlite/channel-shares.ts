import type Database from 'better-sqlite3';
import { channelShifts, type EpochMs, type Payment } from '../../payment/index.ts';
import type { ChannelVolume, VolumeQuery } from '../port.ts';

/** Volumes are kept per quarter of an hour of UTC, since every time zone begins its days on one. */
const SLOT_MS = 15 * 60_000;

/** Keeps what is counted of channels, in the transaction that changes the payment. Most changes move nothing and cost nothing. */
export function prepareChannelShares(db: Database.Database): (before: Payment | null, after: Payment) => void {
  const addVolume = db.prepare<[string, string, number, number, number]>(`
    INSERT INTO channel_volumes VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (channel_id, currency, slot) DO UPDATE SET
      taken_minor = taken_minor + excluded.taken_minor, paid_minor = paid_minor + excluded.paid_minor`);
  const addLive = db.prepare<[string, number]>(`
    INSERT INTO channel_live VALUES (?, ?) ON CONFLICT (channel_id) DO UPDATE SET live = live + excluded.live`);

  return (before, after) => {
    for (const { channelId, currency, at, takenMinor, paidMinor, live } of channelShifts(before, after)) {
      if (takenMinor !== 0 || paidMinor !== 0) addVolume.run(channelId, currency, slotOf(at), takenMinor, paidMinor);
      if (live !== 0) addLive.run(channelId, live);
    }
  };
}

/** The questions about channels. */
export function prepareChannelReads(db: Database.Database) {
  const volume = db.prepare<[string, string, number, number], ChannelVolume>(`
    SELECT coalesce(sum(taken_minor), 0) AS takenMinor, coalesce(sum(paid_minor), 0) AS paidMinor
    FROM channel_volumes WHERE channel_id = ? AND currency = ? AND slot >= ? AND slot < ?`);
  const live = db.prepare<[], { readonly channelId: string; readonly live: number }>(
    'SELECT channel_id AS channelId, live FROM channel_live',
  );
  return {
    volume: ({ channelId, currency, from, until }: VolumeQuery): ChannelVolume =>
      volume.get(channelId, currency, slotOf(from), slotOf(until)) ?? { takenMinor: 0, paidMinor: 0 },
    live: (): ReadonlyMap<string, number> => new Map(live.all().map((row) => [row.channelId, row.live])),
  };
}

function slotOf(at: EpochMs): number {
  return Math.floor(at / SLOT_MS);
}
