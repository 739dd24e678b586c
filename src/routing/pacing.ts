import type { EpochMs } from '../payment/index.ts';
import type { Period } from './wall-clock.ts';

/** `even`: a daily limit is handed out over the day instead of to whoever comes first. */
export type Pacing = 'none' | 'even';

/** This share of a daily limit is there from the first moment, so that a morning peak is no reason to hold back. */
const HEADROOM_PERCENT = 10n;

/**
 * How much of a daily limit may be used up by `at` in minor units: a tenth at once, and the rest in step with the clock, so that the
 * whole is free when nine tenths of the day are over. At noon that is 60%. Exact integers; it never falls during a day.
 */
export function pacedMinor(dailyMinor: number, day: Period, at: EpochMs): number {
  const span = BigInt(day.end - day.start);
  const gone = BigInt(Math.min(Math.max(at - day.start, 0), day.end - day.start));
  const free = (BigInt(dailyMinor) * (HEADROOM_PERCENT * span + 100n * gone)) / (100n * span);
  return Math.min(dailyMinor, Number(free));
}
