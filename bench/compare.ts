import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createsAndCallbacks, type Known, type Load, looks } from './alone-scenarios.ts';
import { type Figures, figuresOf, type Round, ratiosOf } from './figures.ts';
import { describeMachine } from './machine.ts';
import { mebibytes, save, table } from './report.ts';
import { WARM_ROUNDS } from './rounds.ts';
import * as scenarios from './scenarios.ts';
import { openStage, ROOT, type Stage } from './stage.ts';
import { usageOf } from './usage.ts';

/**
 * Two versions of this program in turns, in one run on one machine: a checkout of the one before, with its packages, beside this one.
 *
 *   git worktree add ../before <commit> && npm ci --prefix ../before
 *   node bench/compare.ts --before ../before [--after . --rounds 7 --window 700]
 */
const { values: given } = parseArgs({
  options: {
    before: { type: 'string' },
    after: { type: 'string', default: ROOT },
    connections: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '7' },
    /** Milliseconds of load per round. */
    window: { type: 'string', default: '700' },
  },
});
const SIDES = ['before', 'after'] as const;
type Side = (typeof SIDES)[number];
const load: Load = { connections: Number(given.connections), forMs: Number(given.window), payments: 0 };
const rounds = Number(given.rounds);

interface Report {
  readonly scenario: string;
  readonly before: Figures;
  readonly after: Figures;
  /** Of after by before: 1 where nothing changed. */
  readonly ratios: ReturnType<typeof ratiosOf>;
}

async function inTurns(stages: Readonly<Record<Side, Stage>>): Promise<readonly Report[]> {
  const known: Readonly<Record<Side, Known>> = { before: { ids: [] }, after: { ids: [] } };
  const kept = new Map<string, Record<Side, Round[]>>();
  for (let round = 0; round < WARM_ROUNDS + rounds; round += 1) {
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      const list = [
        createsAndCallbacks(load, scenarios.kindOf(scenarios.ALIPAY), known[side]),
        ...looks(load, known[side]),
      ];
      for (const scenario of list) {
        const measured = await scenario(stages[side]);
        if (round < WARM_ROUNDS) continue;
        for (const [name, one] of Object.entries(measured)) {
          const sides = kept.get(name) ?? { before: [], after: [] };
          kept.set(name, sides);
          sides[side].push(one);
        }
      }
    }
  }
  return [...kept].map(([scenario, { before, after }]) => ({
    ...{ scenario, before: figuresOf(before), after: figuresOf(after), ratios: ratiosOf(after, before) },
  }));
}

function print(reports: readonly Report[]): void {
  const cells = ({ perSecond, latencyMs, cpuMsPerRequest, failures }: Figures): string[] => [
    ...[perSecond.toFixed(0), latencyMs.p50.toFixed(1), latencyMs.p99.toFixed(1), cpuMsPerRequest?.toFixed(2) ?? '-'],
    String(Object.values(failures).reduce((sum, n) => sum + n, 0)),
  ];
  const rows = reports.flatMap(({ scenario, before, after, ratios }) => [
    [scenario, 'before', ...cells(before)],
    ['', 'after', ...cells(after)],
    [
      ...['', 'ratio', `x${ratios.perSecond.toFixed(2)}`, `x${ratios.latencyP50.toFixed(2)}`],
      ...[`x${ratios.latencyP99.toFixed(2)}`, ratios.cpu === null ? '-' : `x${ratios.cpu.toFixed(2)}`, ''],
    ],
  ]);
  out(table([['scenario', '', 'req/s', 'p50 ms', 'p99 ms', 'CPU ms/req', 'failed'], ...rows], 2));
}

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(): Promise<void> {
  if (given.before === undefined) throw new Error('--before names a checkout of the version to compare with');
  const open = (root: string) => openStage({ root: resolve(root), holdCallbacks: true });
  const stages = { before: await open(given.before), after: await open(given.after) };
  const machine = await describeMachine(stages.after.command);
  out(`${machine.cores} x ${machine.cpu}, Node ${machine.node}, load average before: ${machine.loadAverage}\n`);
  const reports = await inTurns(stages);
  const processes = SIDES.map((side) => {
    const { gateway, command } = stages[side];
    return { side, command, readyMs: gateway.readyMs, rssPeakBytes: usageOf(gateway.pid).rssPeakBytes };
  });
  for (const side of SIDES) await stages[side].stop();
  print(reports);
  for (const { side, command, readyMs, rssPeakBytes } of processes) {
    out(`${side}: ready after ${Math.round(readyMs)} ms, RSS at its peak ${mebibytes(rssPeakBytes)}, ${command}`);
  }
  out(`all figures in ${await save('compare', { machine, processes, reports })}`);
  const failed = reports.some(({ before, after }) => [before, after].some((f) => Object.keys(f.failures).length > 0));
  if (failed) out('some requests failed: these figures are worth nothing');
  process.exitCode = failed ? 1 : 0;
}

await main();
process.exit();
