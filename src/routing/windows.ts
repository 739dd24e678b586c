import type { EpochMs } from '../payment/index.ts';
import { wallMinute } from './wall-clock.ts';

const MINUTE_MS = 60_000;
const MINUTES_OF_DAY = 24 * 60;

/** When a provider is known to be away. During it the channel gets no new orders; everything else goes on. */
export type MaintenanceWindow = OneWindow | DailyWindow;

export interface OneWindow {
  readonly kind: 'once';
  readonly from: EpochMs;
  /** Excluded. */
  readonly to: EpochMs;
  readonly reason: string | null;
}

/** Every day between two times on the wall of `zone`; over midnight when the first is the later one. */
export interface DailyWindow {
  readonly kind: 'daily';
  /** Minutes since midnight, 0 to 1439. */
  readonly fromMinute: number;
  /** Excluded. 1440 is the end of the day. */
  readonly toMinute: number;
  readonly zone: string;
  readonly reason: string | null;
}

/** The first of the windows that `at` lies in, or null. */
export function maintenanceAt(windows: readonly MaintenanceWindow[], at: EpochMs): MaintenanceWindow | null {
  return windows.find((window) => isWithin(window, at)) ?? null;
}

/** When a window that `at` lies in ends; of a daily one to the minute, as far as the clocks on the wall are not changed meanwhile. */
export function maintenanceEnd(window: MaintenanceWindow, at: EpochMs): EpochMs {
  if (window.kind === 'once') return window.to;
  const leftMinutes = (window.toMinute - wallMinute(window.zone, at) + MINUTES_OF_DAY) % MINUTES_OF_DAY;
  return (Math.floor(at / MINUTE_MS) + leftMinutes) * MINUTE_MS;
}

function isWithin(window: MaintenanceWindow, at: EpochMs): boolean {
  if (window.kind === 'once') return window.from <= at && at < window.to;
  const { fromMinute, toMinute, zone } = window;
  const minute = wallMinute(zone, at);
  if (fromMinute < toMinute) return fromMinute <= minute && minute < toMinute;
  return minute >= fromMinute || minute < toMinute;
}
