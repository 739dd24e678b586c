import type { Parts } from './parts.ts';

const HOUR_MS = 3_600_000;
/** A repeat that comes later is still caught by its order number or refund number, which are kept for ever. */
const KEYS_KEPT_MS = 7 * 24 * HOUR_MS;
const AT_A_TIME = 500;
/** Between two portions others get their turn. */
const BREATH_MS = 50;

/** Takes away what is of no use any more, once an hour and in small portions. */
export function createJanitor({ store, clock, telemetry }: Pick<Parts, 'store' | 'clock' | 'telemetry'>) {
  let timer: NodeJS.Timeout | undefined;

  async function cleanUp(): Promise<void> {
    try {
      const removed = await store.purgeKeys(clock.now() - KEYS_KEPT_MS, AT_A_TIME);
      schedule(removed < AT_A_TIME ? HOUR_MS : BREATH_MS);
    } catch (thrown) {
      telemetry.warn({ err: thrown }, 'old idempotency keys could not be removed; trying again in an hour');
      schedule(HOUR_MS);
    }
  }

  function schedule(afterMs: number): void {
    if (timer === undefined) return;
    timer = setTimeout(() => void cleanUp(), afterMs);
    timer.unref();
  }

  return {
    start: (): void => {
      timer = setTimeout(() => void cleanUp(), HOUR_MS);
      timer.unref();
    },
    stop: (): void => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
