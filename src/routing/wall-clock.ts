import type { EpochMs } from '../payment/index.ts';

/** A stretch of time; `end` belongs to the next one. */
export interface Period {
  readonly start: EpochMs;
  readonly end: EpochMs;
}

export type PeriodKind = 'day' | 'month';

/** The day of most providers that are built here; a channel's `timezone` says otherwise. */
export const DEFAULT_ZONE = 'Asia/Shanghai';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Clocks change at quarters of an hour of UTC, so an offset holds for at least this long. */
const OFFSET_HOLDS_MS = 15 * MINUTE_MS;
/** Around a midnight clocks change by less than this. */
const CHANGE_MS_MAX = 3 * HOUR_MS;
/** More zones than a configuration names in practice; above that what is remembered is worked out again. */
const REMEMBERED_MAX = 64;

const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, { readonly slot: number; readonly offsetMs: number }>();
const periods = new Map<string, Period>();

/** True for a name of the time zone database, such as `Asia/Shanghai` or `UTC`. A bare offset (`+08:07`) is none. */
export function isTimeZone(name: string): boolean {
  try {
    return /^[A-Za-z]/.test(name) && formatOf(name) !== undefined;
  } catch {
    return false;
  }
}

/** How far the clocks of a zone are ahead of UTC at a moment. Throws on a name that `isTimeZone` refuses. */
export function zoneOffsetMs(zone: string, at: EpochMs): number {
  const slot = Math.floor(at / OFFSET_HOLDS_MS);
  const known = offsets.get(zone);
  if (known?.slot === slot) return known.offsetMs;
  const offsetMs = readOffsetMs(zone, slot * OFFSET_HOLDS_MS);
  remember(offsets, zone, { slot, offsetMs });
  return offsetMs;
}

/** Minutes since local midnight as the clocks on the wall show them, 0 to 1439. */
export function wallMinute(zone: string, at: EpochMs): number {
  return Math.floor((at + zoneOffsetMs(zone, at)) / MINUTE_MS) % (24 * 60);
}

/** The calendar day or month of a zone that a moment lies in. Periods of a zone join without gap or overlap, also in daylight saving. */
export function periodAt(kind: PeriodKind, zone: string, at: EpochMs): Period {
  const key = `${kind}/${zone}`;
  const known = periods.get(key);
  if (known && known.start <= at && at < known.end) return known;
  const period = readPeriod(kind, zone, at);
  remember(periods, key, period);
  return period;
}

function readPeriod(kind: PeriodKind, zone: string, at: EpochMs): Period {
  const wall = new Date(at + zoneOffsetMs(zone, at));
  const [year, month, day] = [wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate()];
  const [from, to] =
    kind === 'day'
      ? [Date.UTC(year, month, day), Date.UTC(year, month, day + 1)]
      : [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)];
  return { start: momentOf(zone, from), end: momentOf(zone, to) };
}

/**
 * When the clocks of a zone first show midnight. Where daylight saving skips that midnight, the moment of the change; where it shows
 * it twice, the first time.
 */
function momentOf(zone: string, wallMidnight: number): EpochMs {
  const about = wallMidnight - zoneOffsetMs(zone, wallMidnight);
  const before = wallMidnight - zoneOffsetMs(zone, about - CHANGE_MS_MAX);
  const after = wallMidnight - zoneOffsetMs(zone, about + CHANGE_MS_MAX);
  const shown = [before, after].filter((moment) => moment + zoneOffsetMs(zone, moment) === wallMidnight);
  return shown.length > 0 ? Math.min(...shown) : before;
}

function readOffsetMs(zone: string, at: EpochMs): number {
  const parts = formatOf(zone).formatToParts(at);
  const read = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  const wall = Date.UTC(read('year'), read('month') - 1, read('day'), read('hour'), read('minute'), read('second'));
  return wall - at;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
  const format = new Intl.DateTimeFormat('en-US', {
    ...numeric,
    ...{ second: 'numeric', hourCycle: 'h23', calendar: 'gregory', timeZone: zone },
  });
  remember(formats, zone, format);
  return format;
}

function remember<T>(cache: Map<string, T>, key: string, value: T): void {
  if (cache.size >= REMEMBERED_MAX && !cache.has(key)) cache.clear();
  cache.set(key, value);
}
