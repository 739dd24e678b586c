import { join } from 'node:path';
import type { AloneReport } from './alone.ts';
import { callBack, createsAndCallbacks, type Load } from './alone-scenarios.ts';
import { figuresOf, type Round } from './figures.ts';
import { closedLoop, openLoop, type Source } from './loops.ts';
import { REQUEST_PARTS_HEADER, readParts } from './request-parts.ts';
import { measure, WARM_ROUNDS } from './rounds.ts';
import * as scenarios from './scenarios.ts';
import { openStage, ROOT, type Stage } from './stage.ts';

const KIND = scenarios.kindOf(scenarios.ALIPAY);

/** What is shown of each request's time; the first is all of it, and the last but two are what `added` is made of. */
const PARTS = {
  all: 'create',
  late: '- the load generator, until it had sent it',
  channel: '- the channel',
  within: '- within the program, without the channel',
  core: '- of all: its thread had no core',
  sqlite: '- of all: its thread was in SQLite',
  added: '- added by the program',
} as const;
type Part = keyof typeof PARTS;
type Parts = Readonly<Record<Part, Round>>;

/**
 * Creations on a schedule, by the gateway and by the floor in turns at the same rate: how long each took from its planned start, and how
 * much of that was the load generator's lateness or its own call to the channel as the program saw it. The rest is what the program added,
 * with the way there and back. What is created is paid at once,
 * so that nothing is asked for meanwhile.
 */
export async function measureAdded(
  ratePerS: number,
  { connections, forMs, rounds }: { readonly connections: number; readonly forMs: number; readonly rounds: number },
): Promise<readonly AloneReport[]> {
  const load: Load = { connections, forMs, payments: 0 };
  const stage = await openStage({
    ...{ floor: true, holdCallbacks: true },
    nodeArgs: ['--import', join(ROOT, 'bench/request-clock.ts')],
  });
  try {
    for (let round = 0; round < WARM_ROUNDS; round += 1) {
      await createsAndCallbacks(load, KIND)(stage);
      await measure(stage, 'floor', createsOf(stage, 'floor', []), (pool, each) => closedLoop(pool, each, load));
    }
    const kept: Record<scenarios.Program, Parts[]> = { switchyard: [], floor: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const program of ['floor', 'switchyard'] as const) {
        kept[program].push(await oneRound(stage, load, program, ratePerS));
      }
    }
    return [...reportsOf('floor', kept.floor, ratePerS), ...reportsOf('gateway', kept.switchyard, ratePerS)];
  } finally {
    await stage.stop();
  }
}

function reportsOf(program: string, rounds: readonly Parts[], ratePerS: number): readonly AloneReport[] {
  return (Object.keys(PARTS) as Part[]).map((part) => ({
    ...{ setting: `${program}, ${ratePerS}/s planned`, scenario: PARTS[part] },
    switchyard: figuresOf(rounds.map((parts) => parts[part])),
  }));
}

function createsOf(stage: Stage, program: scenarios.Program, created: string[]): Source {
  return scenarios.creates(stage, program, scenarios.ALIPAY, created);
}

async function oneRound(stage: Stage, load: Load, program: scenarios.Program, ratePerS: number): Promise<Parts> {
  const created: string[] = [];
  const ms: Record<Part, number[]> = { all: [], late: [], channel: [], within: [], core: [], sqlite: [], added: [] };
  const source: Source = {
    ...createsOf(stage, program, created),
    heard(headers, latencyMs, lateMs) {
      const { withinMs, channelMs, coreMs, sqliteMs } = readParts(headers[REQUEST_PARTS_HEADER]);
      ms.all.push(latencyMs);
      ms.late.push(lateMs);
      ms.channel.push(channelMs);
      ms.within.push(withinMs - channelMs);
      ms.core.push(coreMs);
      ms.sqlite.push(sqliteMs);
      ms.added.push(latencyMs - lateMs - channelMs);
    },
  };
  const all = await measure(stage, program, source, (pool, each) =>
    openLoop(pool, each, { ratePerS, forMs: load.forMs }),
  );
  if (program === 'switchyard') await callBack(stage, load, KIND, created.map(scenarios.readPayment));
  const part = (name: Part): Round => ({ ...all, latenciesMs: ms[name] });
  return {
    ...{ all, late: part('late'), channel: part('channel'), within: part('within') },
    ...{ core: part('core'), sqlite: part('sqlite'), added: part('added') },
  };
}
