import type { Chance } from './chance.ts';
import type { Climate } from './climate.ts';
import type { WorldRecord } from './record.ts';
import { EPOCH_MS, type VirtualTime } from './time.ts';

/** What everybody in one simulated world shares. */
export interface World {
  readonly time: VirtualTime;
  readonly climate: Climate;
  readonly record: WorldRecord;
  /** Things fail only while this is true. */
  isStormy(): boolean;
  /** The true time of day, which every provider's clock shows, in milliseconds since 1970. */
  wallMs(): number;
  /** A stream of chance of one's own. */
  chance(name: string): Chance;
  /** Lets somebody do something that takes time; a rejection is a violation. */
  begin(doing: () => Promise<void>): void;
}

/** The world of one seed. */
export function createWorld(parts: {
  readonly time: VirtualTime;
  readonly climate: Climate;
  readonly record: WorldRecord;
  readonly chance: Chance;
}): World {
  const { time, climate, record, chance } = parts;
  return {
    ...{ time, climate, record },
    isStormy: () => time.now() < climate.stormUntil,
    wallMs: () => EPOCH_MS + time.now(),
    chance: (name) => chance.branch(name),
    begin: (doing) => {
      doing().catch((thrown: unknown) => record.violated('world', `somebody stumbled: ${describe(thrown)}`));
    },
  };
}

/** An outage that this world made up; whatever else is thrown is a bug. */
export class MadeUpFault extends Error {
  override readonly name = 'MadeUpFault';
}

/** An error with its place, for a report. */
export function describe(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
