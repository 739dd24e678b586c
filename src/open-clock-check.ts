import { type ClockName, createClockCheck } from './clock-check.ts';
import type { Telemetry } from './gateway/index.ts';
import { addClockGauge, type Metrics } from './telemetry/index.ts';

/** Compares our clock with those of MongoDB and Redis; null where there is neither, since nobody has to agree then. */
export function openClockCheck(parts: {
  readonly mongodb: (() => Promise<number>) | null;
  readonly redis: (() => Promise<number>) | null;
  readonly metrics: Metrics;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}) {
  const { mongodb, redis, metrics, telemetry, now } = parts;
  const clocks = new Map<ClockName, () => Promise<number>>();
  if (mongodb !== null) clocks.set('mongodb', mongodb);
  if (redis !== null) clocks.set('redis', redis);
  if (clocks.size === 0) return null;
  const check = createClockCheck({ clocks, now, telemetry });
  addClockGauge(metrics, check.skews);
  return check;
}
