import type { Alert } from './message.ts';

/** The last thing that one receiver was told about one alert. Times in milliseconds since 1970. */
export interface Told {
  readonly receiver: string;
  readonly fingerprint: string;
  readonly status: Alert['status'];
  readonly startsAt: number;
  readonly at: number;
}

/**
 * Whether a receiver knows this already: the same state of the same outbreak, told less than `repeatAfterMs` ago. That it is over
 * is news only to whom it was told that it began, and once.
 */
export function isKnown(
  last: Told | undefined,
  alert: Pick<Alert, 'status' | 'startsAt'>,
  { now, repeatAfterMs }: { readonly now: number; readonly repeatAfterMs: number },
): boolean {
  if (alert.status === 'resolved') return last?.status !== 'firing';
  if (last?.status !== 'firing' || alert.startsAt > last.startsAt) return false;
  // Of a clock that was set back nothing can be said but that it was told.
  return Math.abs(now - last.at) < repeatAfterMs;
}
