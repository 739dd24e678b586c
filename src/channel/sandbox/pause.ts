import { setTimeout as sleep } from 'node:timers/promises';

/** Waits `ms`, or less when the signal aborts first; says which. Never throws. */
export async function pause(ms: number, signal: AbortSignal): Promise<'elapsed' | 'aborted'> {
  try {
    await sleep(ms, undefined, { signal });
    return 'elapsed';
  } catch {
    return 'aborted';
  }
}
