import type { Telemetry } from './gateway/index.ts';
import { repeat } from './repeat.ts';

/** A clock that all replicas can ask. */
export type ClockName = 'mongodb' | 'redis';

export interface ClockCheck {
  /** Ours less theirs, in ms, of each clock that answered when it was last asked. */
  skews(): ReadonlyMap<ClockName, number>;
  start(): void;
  stop(): Promise<void>;
}

const EVERY_MS = 15_000;
/** Replicas may differ by this much: who finds a payment changed further in the future takes the clock for set back. */
const SKEW_MS_MAX = 1_000;
/** An answer that took longer tells too little of the moment at which it was given. */
const ROUND_TRIP_MS_MAX = 500;

/**
 * Compares our clock with those of the servers that all replicas use: leases and due times are compared with the clock of whoever asks,
 * so replicas must agree. Each is compared with the same server, so two that agree with it agree with each other.
 */
export function createClockCheck(parts: {
  readonly clocks: ReadonlyMap<ClockName, () => Promise<number>>;
  readonly now: () => number;
  readonly telemetry: Pick<Telemetry, 'info' | 'warn'>;
  readonly everyMs?: number;
}): ClockCheck {
  const { clocks, now, telemetry, everyMs = EVERY_MS } = parts;
  const skews = new Map<ClockName, number>();
  const told = new Set<ClockName>();

  async function ask(name: ClockName, theirs: () => Promise<number>): Promise<void> {
    const begun = performance.now();
    const given = await theirs().catch(() => null); // Whoever uses that server tells that it is away.
    const tookMs = performance.now() - begun;
    if (given === null || tookMs > ROUND_TRIP_MS_MAX) {
      skews.delete(name);
      return;
    }
    const skewMs = Math.round(now() - tookMs / 2 - given);
    skews.set(name, skewMs);
    const far = Math.abs(skewMs) > SKEW_MS_MAX;
    if (far && !told.has(name)) {
      told.add(name);
      telemetry.warn({ against: name, skewMs }, 'the clock differs from that of a server which all replicas use');
    } else if (!far && told.delete(name)) {
      telemetry.info({ against: name, skewMs }, 'the clock agrees again');
    }
  }

  async function round(): Promise<void> {
    await Promise.all([...clocks].map(([name, theirs]) => ask(name, theirs)));
  }

  return { skews: () => skews, ...repeat(round, everyMs) };
}
