import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Captured } from './collector.ts';
import { median, type Round } from './figures.ts';
import { closedLoop, type Measured, openLoop, type Source } from './loops.ts';
import { describeMachine } from './machine.ts';
import { scrape, sumOf } from './metrics.ts';
import { mebibytes, printScenarios, type Result, save, scenarioReport } from './report.ts';
import * as scenarios from './scenarios.ts';
import { openStage, type Stage } from './stage.ts';
import { usageOf } from './usage.ts';

/** Callbacks and events that do not arrive within this were lost, and the run is worth nothing. */
const ARRIVAL_MS_MAX = 10_000;

const { values: given } = parseArgs({
  options: {
    connections: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    window: { type: 'string', default: '1000' },
  },
});
const callers = Number(given.connections);
const rounds = Number(given.rounds);
const closed = { connections: callers, forMs: Number(given.window) };
/** Callbacks are a given number; this only has to be longer than they take. */
const untilGone = { connections: callers, forMs: 60_000 };

/** One round of one program: the load, what has to arrive after it, and the CPU of it all. */
async function measure(
  stage: Stage,
  program: scenarios.Program,
  source: Source,
  run: (pool: Stage['gatewayPool'], source: Source) => Promise<Measured>,
  arrived: () => Promise<void> = async () => {},
): Promise<Round> {
  const [pid, pool] =
    program === 'switchyard' ? [stage.gateway.pid, stage.gatewayPool] : [stage.floor?.pid ?? 0, stage.floorPool];
  const before = usageOf(pid).cpuMs;
  const measured = await run(pool, source);
  await arrived();
  const after = usageOf(pid).cpuMs;
  return { ...measured, cpuMs: before === null || after === null ? null : after - before };
}

/** Runs both programs one after the other, the other one first in every second round, so that drift hurts both alike. */
async function alternate<T>(round: number, run: (program: scenarios.Program) => Promise<T>) {
  if (round % 2 === 0) {
    const ours = await run('switchyard');
    return { ours, floor: await run('floor') };
  }
  const floor = await run('floor');
  return { ours: await run('switchyard'), floor };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + ARRIVAL_MS_MAX;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what} did not arrive within ${ARRIVAL_MS_MAX} ms`);
    await pause(2);
  }
}

interface Kept {
  readonly results: readonly Result[];
  /** Ids of paid payments, to ask for. */
  readonly ids: Readonly<Record<scenarios.Program, readonly string[]>>;
}

/**
 * Creates and callbacks of one method. Per round: both programs create, the buyers pay, the simulator's signed callbacks are
 * caught, and both programs get them. So no payment stays open for the five seconds after which the gateway would ask for it,
 * which would mix queries into the figures.
 */
async function createsAndCallbacks(stage: Stage, method: scenarios.Method): Promise<Kept> {
  const creates: Mutable = { ours: [], floor: [] };
  const callbacks: Mutable = { ours: [], floor: [] };
  const ids: Record<scenarios.Program, readonly string[]> = { switchyard: [], floor: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const created: Record<scenarios.Program, string[]> = { switchyard: [], floor: [] };
    const made = await alternate(round, (program) =>
      measure(stage, program, scenarios.creates(stage, program, method, created[program]), (pool, source) =>
        closedLoop(pool, source, closed),
      ),
    );
    const captured = await payAndCapture(stage, created.switchyard);
    const called = await alternate(round, (program) => replay(stage, program, captured));
    for (const program of ['switchyard', 'floor'] as const) ids[program] = idsIn(created[program]);
    if (round === 0) continue; // warm-up
    for (const who of ['ours', 'floor'] as const) {
      creates[who].push(made[who]);
      callbacks[who].push(called[who]);
    }
  }
  const load = `${callers} callers`;
  const results = [
    { scenario: `create ${method.method} qr`, load, ...creates },
    { scenario: `callback ${method.method} + event`, load, ...callbacks },
  ];
  return { results, ids };
}

type Mutable = { ours: Round[]; floor: Round[] };

async function payAndCapture(stage: Stage, created: readonly string[]): Promise<readonly Captured[]> {
  const paid = await closedLoop(stage.sandboxPool, scenarios.payments(created.map(scenarios.readPayment)), untilGone);
  if (paid.failures.size > 0) throw new Error(`payments failed: ${[...paid.failures.keys()].join(', ')}`);
  await until('callbacks', () => stage.collector.callbackCount() >= created.length);
  return stage.collector.takeCallbacks();
}

async function replay(stage: Stage, program: scenarios.Program, captured: readonly Captured[]): Promise<Round> {
  const expected = stage.collector.eventCount(program) + captured.length;
  return measure(
    stage,
    program,
    scenarios.callbacks(program, captured),
    (pool, source) => closedLoop(pool, source, untilGone),
    () => until('events', () => stage.collector.eventCount(program) >= expected),
  );
}

function idsIn(created: readonly string[]): readonly string[] {
  return created.flatMap((text) => /"id":"([^"]+)"/.exec(text)?.[1] ?? []);
}

async function repeated(
  stage: Stage,
  scenario: string,
  load: string,
  times: number,
  sourceOf: (program: scenarios.Program) => Source,
  loop: (pool: Stage['gatewayPool'], source: Source) => Promise<Measured>,
): Promise<Result> {
  const kept: Mutable = { ours: [], floor: [] };
  for (let round = 0; round <= times; round += 1) {
    const { ours, floor } = await alternate(round, (program) => measure(stage, program, sourceOf(program), loop));
    if (round === 0) continue; // warm-up
    kept.ours.push(ours);
    kept.floor.push(floor);
  }
  return { scenario, load, ...kept };
}

/** Half of what the closed loop reached: busy, but not saturated. */
function halfOf(result: Result | undefined): number {
  return Math.max(1, Math.floor(median((result?.ours ?? []).map((r) => (r.goodInWindow * 1_000) / r.windowMs)) / 2));
}

async function main(): Promise<void> {
  const stage = await openStage({ floor: true, holdCallbacks: true });
  const machine = await describeMachine(stage.command);
  const startedAt = performance.now();
  const results: Result[] = [];
  let ids: Kept['ids'] = { switchyard: [], floor: [] };
  for (const method of scenarios.METHODS) {
    const kept = await createsAndCallbacks(stage, method);
    results.push(...kept.results);
    ids = kept.ids;
  }
  const inClosedLoop = (pool: Stage['gatewayPool'], source: Source) => closedLoop(pool, source, closed);
  const load = `${callers} callers`;
  const half = Math.ceil(rounds / 2);
  const ask = (program: scenarios.Program) => scenarios.queries(program, ids[program]);
  results.push(await repeated(stage, 'query by id', load, half, ask, inClosedLoop));
  results.push(await repeated(stage, 'quote', load, half, scenarios.quotes, inClosedLoop));
  const askedDuring = sumOf(await scrape(stage.adminUrl), 'switchyard_channel_requests_total', 'operation="query"');

  // Last, since the payments that nobody pays any more would be asked for while something else is measured.
  for (const name of ['quote', 'create alipay qr']) {
    const ratePerS = halfOf(results.find(({ scenario }) => scenario === name));
    const [alipay = { method: 'alipay', floorChannel: 'alipay-main' }] = scenarios.METHODS;
    const sourceOf = (program: scenarios.Program) =>
      name === 'quote' ? scenarios.quotes(program) : scenarios.creates(stage, program, alipay, []);
    const inOpenLoop = (pool: Stage['gatewayPool'], source: Source) =>
      openLoop(pool, source, { ratePerS, forMs: closed.forMs });
    results.push(await repeated(stage, name, `${ratePerS}/s planned`, 2, sourceOf, inOpenLoop));
  }
  const usage = usageOf(stage.gateway.pid);
  await stage.stop();

  const reports = results.map(scenarioReport);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  process.stdout.write(`${machine.cores} x ${machine.cpu}, ${machine.node}, load average ${machine.loadAverage}\n\n`);
  printScenarios(reports);
  process.stdout.write(`\ngateway after the run: RSS ${mebibytes(usage.rssBytes)}, ${usage.openFiles} open files\n`);
  process.stdout.write(`queries that the gateway made on its own while measured: ${askedDuring}\n`);
  const file = await save('bench', { machine, seconds, usage, askedDuring, scenarios: reports });
  process.stdout.write(`${seconds} s; all figures in ${file}\n`);
}

await main();
process.exit(0);
