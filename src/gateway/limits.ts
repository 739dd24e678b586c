import { channelShifts, type EpochMs, type Money, type Payment } from '../payment/index.ts';
import { type ChannelProfile, DEFAULT_ZONE, type Period, type PeriodKind, periodAt } from '../routing/index.ts';
import type { Parts } from './parts.ts';
import type { Channel } from './ports.ts';

const MINUTE_MS = 60_000;
/** Sums that this process has begun to count; above this, those whose period is over are forgotten. */
const SUMS_MAX = 2_000;

/** What a channel has used up, as routing looks at it. */
export interface Usage {
  readonly usedTodayMinor: number;
  readonly startedThisMinute: number;
  readonly paidInPeriodMinor?: number;
}

/** Room that is held for one order. */
export interface Reservation {
  /** Gives it back: no order came of it. */
  release(): Promise<void>;
}

export type Reserved = { readonly outcome: 'reserved'; readonly room: Reservation } | { readonly outcome: Full };
/** Which limit has no room left. */
export type Full = 'daily_limit' | 'rate_limit';

interface Sum {
  readonly key: string;
  readonly period: Period;
  readonly channelId: string;
  readonly currency: string;
  readonly of: 'taken' | 'paid';
}

/**
 * The sums that limits, pacing and fee tiers are measured by. An order takes its room before its channel is asked, so parallel orders
 * cannot pass a limit together; it gives the room back when it ends unpaid (`channelShifts`). What is counted lives in the
 * ephemeral state, where a question costs little; where that is of this process, each sum is begun from what the store has kept, so a
 * restart forgets nothing. A sum that cannot be read does not stop payments: the provider enforces its own limits.
 */
export function createLimits({ store, ephemeral, channels, telemetry, ownEphemeral, clock }: LimitParts) {
  /** Sums by key, with the reading that begins them. */
  const begun = new Map<string, { readonly period: Period; readonly ready: Promise<void> }>();

  async function usage({ profile }: Channel, currency: string, now: EpochMs): Promise<Usage> {
    const { limits, fee } = profile;
    return {
      usedTodayMinor: limits.dailyMinor === null ? 0 : await total(takenSum(profile, currency, now)),
      startedThisMinute:
        limits.perMinute === null ? 0 : await quietly(() => ephemeral.total(minuteKey(profile.id, now))),
      ...(fee.tiers && { paidInPeriodMinor: await total(paidSum(profile, currency, now)) }),
    };
  }

  /** Takes room for one order, or names the limit that has none. */
  async function reserve({ profile }: Channel, { minor, currency }: Money, at: EpochMs): Promise<Reserved> {
    const { dailyMinor, perMinute } = profile.limits;
    const taken: (readonly [key: string, by: number, forgetAt: EpochMs])[] = [];
    const release = async (): Promise<void> => {
      for (const [key, by, forgetAt] of taken.splice(0)) await add(key, -by, forgetAt);
    };
    const take = async (key: string, by: number, forgetAt: EpochMs, max: number): Promise<boolean> => {
      taken.push([key, by, forgetAt]);
      return ((await add(key, by, forgetAt)) ?? 0) <= max;
    };
    const refuse = async (outcome: Full): Promise<Reserved> => {
      await release();
      return { outcome };
    };
    if (dailyMinor !== null) {
      const sum = takenSum(profile, currency, at);
      await begin(sum);
      if (!(await take(sum.key, minor, sum.period.end, dailyMinor))) return refuse('daily_limit');
    }
    if (perMinute !== null && !(await take(minuteKey(profile.id, at), 1, at + MINUTE_MS, perMinute))) {
      return refuse('rate_limit');
    }
    return { outcome: 'reserved', room: { release } };
  }

  /** Follows what a committed change moves. What a new attempt takes was reserved for it. */
  function note(before: Payment, after: Payment): void {
    for (const shift of channelShifts(before, after)) {
      const profile = channels().get(shift.channelId)?.profile;
      if (!profile) continue;
      if (shift.takenMinor !== 0 && !shift.isNew) follow(takenSum(profile, shift.currency, shift.at), shift.takenMinor);
      if (shift.paidMinor !== 0) follow(paidSum(profile, shift.currency, shift.at), shift.paidMinor);
    }
  }

  /** A sum that nobody has asked for yet is begun from the store, which knows this change already. */
  function follow(sum: Sum, byMinor: number): void {
    if ((ownEphemeral && !begun.has(sum.key)) || sum.period.end <= clock.now()) return;
    void add(sum.key, byMinor, sum.period.end);
  }

  async function total(sum: Sum): Promise<number> {
    await begin(sum);
    return quietly(() => ephemeral.total(sum.key));
  }

  function begin(sum: Sum): Promise<void> {
    const known = begun.get(sum.key);
    if (known) return known.ready;
    if (begun.size >= SUMS_MAX) forgetEnded();
    const ready = ownEphemeral ? readStored(sum) : Promise.resolve();
    begun.set(sum.key, { period: sum.period, ready });
    return ready;
  }

  async function readStored({ key, period, channelId, currency, of }: Sum): Promise<void> {
    try {
      const counted = await ephemeral.total(key);
      const volume = await store.channelVolume({ channelId, currency, from: period.start, until: period.end });
      await ephemeral.add(key, (of === 'taken' ? volume.takenMinor : volume.paidMinor) - counted, period.end);
    } catch (thrown) {
      begun.delete(key); // The next payment tries again.
      telemetry.warn(
        { channelId, err: thrown },
        'the volume of a channel could not be read; its limits count from here',
      );
    }
  }

  function forgetEnded(): void {
    for (const [key, { period }] of begun) if (period.end <= clock.now()) begun.delete(key);
    if (begun.size >= SUMS_MAX) begun.clear();
  }

  async function add(key: string, by: number, forgetAt: EpochMs): Promise<number | null> {
    return ephemeral.add(key, by, forgetAt).catch(() => null);
  }

  return { usage, reserve, note };
}

export type Limits = ReturnType<typeof createLimits>;

type LimitParts = Pick<Parts, 'store' | 'ephemeral' | 'channels' | 'telemetry' | 'ownEphemeral' | 'clock'>;

async function quietly(read: () => Promise<number>): Promise<number> {
  try {
    return await read();
  } catch {
    return 0;
  }
}

function takenSum(profile: ChannelProfile, currency: string, at: EpochMs): Sum {
  return sumOf('taken', 'day', profile, currency, at);
}

function paidSum(profile: ChannelProfile, currency: string, at: EpochMs): Sum {
  return sumOf('paid', profile.fee.tierPeriod ?? 'month', profile, currency, at);
}

function sumOf(of: Sum['of'], kind: PeriodKind, profile: ChannelProfile, currency: string, at: EpochMs): Sum {
  const period = periodAt(kind, profile.timezone ?? DEFAULT_ZONE, at);
  const key = `${of}/${profile.id}/${currency}/${period.start}/${period.end}`;
  return { key, period, channelId: profile.id, currency, of };
}

function minuteKey(channelId: string, now: EpochMs): string {
  return `minute/${channelId}/${Math.floor(now / MINUTE_MS)}`;
}
