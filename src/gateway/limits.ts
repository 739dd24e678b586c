import { channelShifts, type EpochMs, type Money, type Payment } from '../payment/index.ts';
import {
  type ChannelProfile,
  type ContractUse,
  DEFAULT_ZONE,
  type Period,
  type PeriodKind,
  periodAt,
} from '../routing/index.ts';
import type { Parts } from './parts.ts';
import type { Channel } from './ports.ts';

const MINUTE_MS = 60_000;
/** Of replicas that miss a sum, one asks the store; the others wait so long for it, and look this often. */
const TURN_MS = 1_000;
const LOOK_EVERY_MS = 50;

/** What a channel has used up, as routing looks at it. */
export interface Usage extends ContractUse {
  readonly startedThisMinute: number;
}

/** Room that is held for one order. */
export interface Reservation {
  /** Gives it back: no order came of it. */
  release(): Promise<void>;
}

export type Reserved = { readonly outcome: 'reserved'; readonly room: Reservation } | { readonly outcome: Full };
/** Which limit has no room left. */
export type Full = 'daily_limit' | 'rate_limit';

/** What orders of one currency have taken of a channel's daily limit since its midnight, paid or to be paid yet. */
export interface DailyUse {
  readonly channelId: string;
  readonly currency: string;
  readonly usedMinor: number;
  readonly limitMinor: number;
  /** When its day is over. */
  readonly endsAt: EpochMs;
}

/** A limit that has no room left for an ordinary order now. */
export interface UsedUp {
  readonly channelId: string;
  readonly limit: Full;
  /** Null: of every currency. */
  readonly currency: string | null;
  /** Null: orders are counted, not amounts. */
  readonly leftMinor: number | null;
  readonly until: EpochMs;
}

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
 * ephemeral state, where a question costs little; a sum that is not there, or was lost, is begun from what the store has kept, so
 * neither a restart nor a loss forgets anything but the orders of that very moment. A sum that cannot be read does not stop
 * payments: the provider enforces its own limits.
 */
export function createLimits({ store, ephemeral, channels, telemetry, clock }: LimitParts) {
  /** Sums that are being read from the store. */
  const beginning = new Map<string, Promise<number | null>>();

  async function usage({ profile }: Channel, currency: string, now: EpochMs): Promise<Usage> {
    const { limits, fee } = profile;
    return {
      usedTodayMinor: limits.dailyMinor === null ? 0 : ((await total(takenSum(profile, currency, now))) ?? 0),
      startedThisMinute:
        limits.perMinute === null ? 0 : ((await quietly(ephemeral.total(minuteKey(profile.id, now)))) ?? 0),
      ...(fee.tiers && { paidInPeriod: await paidInPeriod(paidSum(profile, currency, now)) }),
    };
  }

  async function paidInPeriod(sum: Sum): Promise<NonNullable<Usage['paidInPeriod']>> {
    return { minor: (await total(sum)) ?? 0, period: sum.period };
  }

  /** How much of each daily limit is used up; a sum that cannot be told is not in it. */
  async function dailyUse(): Promise<readonly DailyUse[]> {
    const now = clock.now();
    const asked = [...channels().values()].flatMap(({ profile }) => {
      const { dailyMinor: limitMinor } = profile.limits;
      if (limitMinor === null) return [];
      return profile.currencies.map(async (currency) => {
        const sum = takenSum(profile, currency, now);
        const usedMinor = await total(sum);
        const endsAt = sum.period.end;
        return usedMinor === null ? [] : [{ channelId: profile.id, currency, usedMinor, limitMinor, endsAt }];
      });
    });
    return (await Promise.all(asked)).flat();
  }

  /**
   * The limits that have no room left for an order of `ordinaryOf` minor units (of a small daily limit, for a tenth of it); where a sum
   * cannot be told, there is room.
   */
  async function usedUp(ordinaryOf: (profile: ChannelProfile) => number): Promise<readonly UsedUp[]> {
    const now = clock.now();
    const daily = (await dailyUse()).flatMap(({ channelId, currency, usedMinor, limitMinor, endsAt }): UsedUp[] => {
      const profile = channels().get(channelId)?.profile;
      const leftMinor = Math.max(0, limitMinor - usedMinor);
      if (!profile || leftMinor >= Math.min(ordinaryOf(profile), limitMinor / 10)) return [];
      return [{ channelId, limit: 'daily_limit', currency, leftMinor, until: endsAt }];
    });
    const minutes = [...channels().values()].map(async ({ profile: { id: channelId, limits } }): Promise<UsedUp[]> => {
      if (limits.perMinute === null) return [];
      const started = (await quietly(ephemeral.total(minuteKey(channelId, now)))) ?? 0;
      if (started < limits.perMinute) return [];
      return [{ channelId, limit: 'rate_limit', currency: null, leftMinor: null, until: minuteEnd(now) }];
    });
    return [...daily, ...(await Promise.all(minutes)).flat()];
  }

  /** Takes room for one order, or names the limit that has none. */
  async function reserve({ profile }: Channel, { minor, currency }: Money, at: EpochMs): Promise<Reserved> {
    const { dailyMinor, perMinute } = profile.limits;
    const taken: (() => Promise<unknown>)[] = [];
    const release = async (): Promise<void> => {
      for (const giveBack of taken.splice(0)) await giveBack();
    };
    const refuse = async (outcome: Full): Promise<Reserved> => {
      await release();
      return { outcome };
    };
    if (dailyMinor !== null) {
      const sum = takenSum(profile, currency, at);
      taken.push(() => quietly(ephemeral.addBegun(sum.key, -minor)));
      if (((await take(sum, minor)) ?? 0) > dailyMinor) return refuse('daily_limit');
    }
    if (perMinute !== null) {
      const key = minuteKey(profile.id, at);
      const add = (by: number) => quietly(ephemeral.add(key, by, at + MINUTE_MS));
      taken.push(() => add(-1));
      if (((await add(1)) ?? 0) > perMinute) return refuse('rate_limit');
    }
    return { outcome: 'reserved', room: { release } };
  }

  /** The new total; null when it cannot be told. */
  async function take(sum: Sum, minor: number): Promise<number | null> {
    const taken = await quietly(ephemeral.addBegun(sum.key, minor));
    if (taken !== null || (await begin(sum)) === null) return taken;
    return quietly(ephemeral.addBegun(sum.key, minor));
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

  /** A sum that is not there is begun from the store later, which knows this change already. */
  function follow(sum: Sum, byMinor: number): void {
    if (sum.period.end > clock.now()) void quietly(ephemeral.addBegun(sum.key, byMinor));
  }

  async function total(sum: Sum): Promise<number | null> {
    return (await quietly(ephemeral.total(sum.key))) ?? begin(sum);
  }

  /** Null when the store does not say; the next payment tries again. */
  function begin(sum: Sum): Promise<number | null> {
    const begun = beginning.get(sum.key) ?? beginOnce(sum).finally(() => beginning.delete(sum.key));
    beginning.set(sum.key, begun);
    return begun;
  }

  async function beginOnce(sum: Sum): Promise<number | null> {
    const turn = await quietly(ephemeral.hit(`begin/${sum.key}`, 1, TURN_MS));
    const begunElsewhere = turn?.allowed === false ? await waitFor(sum) : null;
    return begunElsewhere ?? readStored(sum);
  }

  async function waitFor({ key }: Sum): Promise<number | null> {
    for (let waitedMs = 0; waitedMs < TURN_MS; waitedMs += LOOK_EVERY_MS) {
      const total = await quietly(ephemeral.total(key));
      if (total !== null) return total;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return null;
  }

  async function readStored({ key, period, channelId, currency, of }: Sum): Promise<number | null> {
    try {
      const volume = await store.channelVolume({ channelId, currency, from: period.start, until: period.end });
      return await ephemeral.begin(key, of === 'taken' ? volume.takenMinor : volume.paidMinor, period.end);
    } catch (thrown) {
      telemetry.warn({ channelId, err: thrown }, 'the volume of a channel could not be read; its limits do not hold');
      return null;
    }
  }

  return { usage, dailyUse, usedUp, reserve, note };
}

export type Limits = ReturnType<typeof createLimits>;

type LimitParts = Pick<Parts, 'store' | 'ephemeral' | 'channels' | 'telemetry' | 'clock'>;

/** Null when the ephemeral state is out of reach. */
function quietly<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch(() => null);
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

/** When the minute ends that an order of this moment is counted in. */
export function minuteEnd(now: EpochMs): EpochMs {
  return (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS;
}

function minuteKey(channelId: string, now: EpochMs): string {
  return `minute/${channelId}/${Math.floor(now / MINUTE_MS)}`;
}
