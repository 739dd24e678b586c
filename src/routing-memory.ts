import type { Telemetry } from './gateway/index.ts';
import type { Statistics } from './routing/index.ts';
import type { RoutingMemoryStore } from './store/port.ts';

/** A crash forgets at most what was learnt in this time. */
const SAVE_EVERY_MS = 60_000;

export interface RoutingMemory {
  start(): void;
  /** Saves once more. */
  stop(): Promise<void>;
}

/**
 * Keeps what routing has learnt across restarts. Never throws: a snapshot that cannot be read or written costs knowledge, and no
 * payment.
 */
export async function openRoutingMemory(parts: {
  readonly store: RoutingMemoryStore;
  readonly statistics: Statistics;
  readonly now: () => number;
  readonly telemetry: Pick<Telemetry, 'warn'>;
}): Promise<RoutingMemory> {
  const { store, statistics, now, telemetry } = parts;
  let timer: NodeJS.Timeout | undefined;
  let saving: Promise<void> = Promise.resolve();

  async function restore(): Promise<void> {
    const text = await store.loadRoutingMemory();
    const refused = text === null ? null : statistics.restore(text, now());
    if (refused) telemetry.warn({ reason: refused }, 'what routing had learnt cannot be used; it begins anew');
  }

  function save(): Promise<void> {
    saving = saving
      .then(() => store.saveRoutingMemory(statistics.snapshot(now())))
      .catch((error: unknown) => telemetry.warn({ err: error }, 'what routing has learnt could not be saved'));
    return saving;
  }

  await restore().catch((error: unknown) => telemetry.warn({ err: error }, 'what routing had learnt cannot be read'));
  return {
    start: () => {
      timer = setInterval(() => void save(), SAVE_EVERY_MS);
      timer.unref();
    },
    stop: () => {
      clearInterval(timer);
      return save();
    },
  };
}
