import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'undici';
import type { Round } from './figures.ts';
import type { Measured, Source } from './loops.ts';
import type { Result } from './report.ts';
import type { Program } from './scenarios.ts';
import type { Stage } from './stage.ts';
import { cpuMsOf } from './usage.ts';

/** What does not arrive within this was lost, and the run is worth nothing. */
const ARRIVAL_MS_MAX = 10_000;

/**
 * Rounds before those that count. V8 compiles what runs often again and better for some thousand requests, longer for a larger program:
 * with one round the same program beside itself was up to a fifth faster on the side that had its turn second.
 */
export const WARM_ROUNDS = 5;

/** How one program is loaded. */
export type Loop = (pool: Pool, source: Source) => Promise<Measured>;

/** Rounds while they are being collected. */
export interface Rounds {
  readonly ours: Round[];
  readonly floor: Round[];
}

/** One round of one program: the load, what has to arrive after it, and the CPU time of it all. */
export async function measure(
  stage: Stage,
  program: Program,
  source: Source,
  loop: Loop,
  arrived: () => Promise<void> = async () => {},
): Promise<Round> {
  const [process, pool] =
    program === 'switchyard' ? [stage.gateway, stage.gatewayPool] : [stage.floor, stage.floorPool];
  if (process === null) throw new Error('this stage has no floor');
  const before = cpuMsOf(process.pid);
  const measured = await loop(pool, source);
  await arrived();
  const after = cpuMsOf(process.pid);
  return { ...measured, cpuMs: before === null || after === null ? null : after - before };
}

/** Runs both programs one after the other, in the other order every second time, so that drift hurts both alike. */
export async function alternate<T>(
  round: number,
  run: (program: Program) => Promise<T>,
): Promise<{ readonly ours: T; readonly floor: T }> {
  if (round % 2 === 0) {
    const ours = await run('switchyard');
    return { ours, floor: await run('floor') };
  }
  const floor = await run('floor');
  return { ours: await run('switchyard'), floor };
}

/** One scenario, `times` rounds after those to warm up. */
export async function repeated(
  stage: Stage,
  scenario: { readonly scenario: string; readonly load: string; readonly sourceOf: (program: Program) => Source },
  times: number,
  loop: Loop,
  warmRounds = WARM_ROUNDS,
): Promise<Result> {
  const kept: Rounds = { ours: [], floor: [] };
  const { sourceOf, ...name } = scenario;
  for (let round = 0; round < warmRounds + times; round += 1) {
    const { ours, floor } = await alternate(round, (program) => measure(stage, program, sourceOf(program), loop));
    if (round < warmRounds) continue;
    kept.ours.push(ours);
    kept.floor.push(floor);
  }
  return { ...name, ...kept };
}

/** Waits for what was set off and comes by itself. */
export async function until(what: string, holds: () => boolean, withinMs = ARRIVAL_MS_MAX): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what} did not arrive within ${withinMs} ms`);
    await pause(2);
  }
}
