import type { EpochMs } from '../payment/index.ts';
import type { Change } from './change.ts';
import type { Parts } from './parts.ts';

/** Clocks of replicas differ, and are corrected, by less than this. */
const TOLERANCE_MS = 1_000;
const AT_A_TIME = 200;
/** Far more than any installation has unfinished at once; a bound, so that this can never run for ever. */
const ROUNDS_MAX = 1_000;

/**
 * Notices that the clock has been set back, in this process or while it was down. Payments that were planned under the clock
 * ahead would otherwise wait for as long as it was wrong: their plans are moved back by as much. A clock set forward needs nothing:
 * what is due then is only asked about sooner, and the provider's answer decides.
 */
export function createClockWatch(parts: Parts, change: Change) {
  const { store, clock, telemetry } = parts;
  let lastAt: EpochMs = Number.POSITIVE_INFINITY;

  /** Cheap unless the clock has gone backwards since the last look. */
  async function look(): Promise<void> {
    const now = clock.now();
    const setBack = now < lastAt - TOLERANCE_MS;
    if (!setBack) {
      lastAt = now;
      return;
    }
    try {
      const moved = await moveBack();
      lastAt = now;
      if (moved > 0) telemetry.warn({ moved }, 'the clock was set back; what was planned is due sooner');
    } catch (thrown) {
      telemetry.error({ err: thrown }, 'plans could not be moved after the clock was set back; trying again');
    }
  }

  async function moveBack(): Promise<number> {
    let moved = 0;
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const ahead = await store.findAhead(clock.now() + TOLERANCE_MS, AT_A_TIME);
      for (const payment of ahead) {
        const changed = await change(payment.id, { type: 'clock_set_back' }, { known: payment });
        if (changed.outcome === 'applied') moved += 1;
      }
      if (ahead.length < AT_A_TIME) return moved;
    }
    return moved;
  }

  return { look };
}
