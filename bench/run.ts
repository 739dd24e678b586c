import { parseArgs } from 'node:util';
import { measureAdded } from './added.ts';
import { measureAlone, measureCluster, printAlone } from './alone.ts';
import type { Captured } from './collector.ts';
import { perSecond, type Round } from './figures.ts';
import { closedLoop, openLoop } from './loops.ts';
import { describeMachine } from './machine.ts';
import { scrape, sumOf } from './metrics.ts';
import { mebibytes, printScenarios, type Result, save, scenarioReport } from './report.ts';
import { alternate, type Loop, measure, type Rounds, repeated, until, WARM_ROUNDS } from './rounds.ts';
import * as scenarios from './scenarios.ts';
import { openStage, type Stage } from './stage.ts';
import { printTargets, targetsOf } from './targets.ts';
import { usageOf } from './usage.ts';

/**
 * The gateway beside the floor program, scenario by scenario: see docs/performance.md.
 *
 *   npm run bench [-- --connections 32 --rounds 5 --window 1000 --stored 200000]
 */
const { values: given } = parseArgs({
  options: {
    connections: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    /** Milliseconds of load per round. */
    window: { type: 'string', default: '1000' },
    /** A setting with so many finished payments in the store; writing them takes about a second per 5,000. */
    stored: { type: 'string', default: '0' },
    /** `--no-cluster` leaves out the gateway on MongoDB and Redis. */
    cluster: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const connections = Number(given.connections);
const rounds = Number(given.rounds);
const forMs = Number(given.window);
const load = `${connections} callers`;
const inWindow: Loop = (pool, source) => closedLoop(pool, source, { connections, forMs });
/** Callbacks are a given number; the window only has to be longer than they take. */
const untilGone: Loop = (pool, source) => closedLoop(pool, source, { connections, forMs: 60_000 });

type Ids = Readonly<Record<scenarios.Program, readonly string[]>>;

/**
 * Creates and callbacks of one method. Per round both programs create, the buyers pay, the simulator's signed callbacks are
 * caught, and both programs get them. So no payment stays open for the five seconds after which the gateway would ask for it,
 * which would mix queries into the figures.
 */
async function createsAndCallbacks(
  stage: Stage,
  method: scenarios.Method,
): Promise<{ readonly results: readonly Result[]; readonly ids: Ids }> {
  const creates: Rounds = { ours: [], floor: [] };
  const callbacks: Rounds = { ours: [], floor: [] };
  let ids: Ids = { switchyard: [], floor: [] };
  for (let round = 0; round < WARM_ROUNDS + rounds; round += 1) {
    const created: Record<scenarios.Program, string[]> = { switchyard: [], floor: [] };
    const made = await alternate(round, (program) =>
      measure(stage, program, scenarios.creates(stage, program, method, created[program]), inWindow),
    );
    const captured = await payAndCapture(stage, created.switchyard);
    const called = await alternate(round, (program) => replay(stage, program, captured));
    ids = { switchyard: idsIn(created.switchyard), floor: idsIn(created.floor) };
    if (round < WARM_ROUNDS) continue;
    for (const who of ['ours', 'floor'] as const) {
      creates[who].push(made[who]);
      callbacks[who].push(called[who]);
    }
  }
  const results = [
    { scenario: `create ${method.method} qr`, load, ...creates },
    { scenario: `callback ${method.method} + event`, load, ...callbacks },
  ];
  return { results, ids };
}

async function payAndCapture(stage: Stage, created: readonly string[]): Promise<readonly Captured[]> {
  const paid = await untilGone(stage.sandboxPool, scenarios.payments(created.map(scenarios.readPayment)));
  if (paid.failures.size > 0) throw new Error(`payments failed: ${[...paid.failures.keys()].join(', ')}`);
  await until('callbacks', () => stage.collector.callbackCount() >= created.length);
  return stage.collector.takeCallbacks();
}

/** The same callbacks to either program; the round ends when every event has come to the shop. */
function replay(stage: Stage, program: scenarios.Program, captured: readonly Captured[]): Promise<Round> {
  const expected = stage.collector.eventCount(program) + captured.length;
  return measure(stage, program, scenarios.callbacks(program, captured), untilGone, () =>
    until('events', () => stage.collector.eventCount(program) >= expected),
  );
}

function idsIn(created: readonly string[]): readonly string[] {
  return created.flatMap((text) => /"id":"([^"]+)"/.exec(text)?.[1] ?? []);
}

/** Reads and quotes, which leave nothing behind. */
async function looks(stage: Stage, ids: Ids): Promise<readonly Result[]> {
  const query = (program: scenarios.Program) => scenarios.queries(program, ids[program]);
  const times = Math.ceil(rounds / 2);
  return [
    await repeated(stage, { scenario: 'query by id', load, sourceOf: query }, times, inWindow),
    await repeated(stage, { scenario: 'quote', load, sourceOf: scenarios.quotes }, times, inWindow),
  ];
}

/** The same requests at half the rate that our closed loop reached, on a schedule: busy, but not saturated. */
async function onSchedule(
  stage: Stage,
  closed: Result | undefined,
  sourceOf: Parameters<typeof repeated>[1]['sourceOf'],
  times: number,
): Promise<Result> {
  if (closed === undefined) throw new Error('the closed loop comes first');
  const ratePerS = Math.max(1, Math.floor(perSecond(closed.ours) / 2));
  const scenario = { scenario: closed.scenario, load: `${ratePerS}/s planned`, sourceOf };
  // The closed loop has warmed up already.
  return repeated(stage, scenario, times, (pool, source) => openLoop(pool, source, { ratePerS, forMs }), 1);
}

async function main(): Promise<void> {
  const startedAt = performance.now();
  const stage = await openStage({ floor: true, holdCallbacks: true });
  const machine = await describeMachine(stage.command);
  const idle = usageOf(stage.gateway.pid);
  const alipay = await createsAndCallbacks(stage, scenarios.ALIPAY);
  const wechatpay = await createsAndCallbacks(stage, scenarios.WECHATPAY);
  const closed = [...alipay.results, ...wechatpay.results, ...(await looks(stage, wechatpay.ids))];
  const queries = sumOf(await scrape(stage.adminUrl), 'switchyard_channel_requests_total', 'operation="query"');
  const open = [
    await onSchedule(stage, closed.at(-1), scenarios.quotes, 2),
    // Last, and once: nobody pays these, so the gateway begins to ask for them after five seconds.
    await onSchedule(stage, closed[0], (program) => scenarios.creates(stage, program, scenarios.ALIPAY, []), 1),
  ];
  const busy = usageOf(stage.gateway.pid);
  const { readyMs } = stage.gateway;
  await stage.stop();

  const reports = { closed: closed.map(scenarioReport), open: open.map(scenarioReport) };
  // Half of the window, since there are many settings.
  const options = { connections, rounds: Math.ceil(rounds / 3), forMs: forMs / 2, stored: Number(given.stored) };
  const halfOfPeak = Math.max(1, Math.floor((reports.closed[0]?.switchyard.perSecond ?? 0) / 2));
  const added = await measureAdded(halfOfPeak, { connections, rounds, forMs });
  const alone = await measureAlone(options);
  const cluster = given.cluster
    ? await measureCluster({ ...options, forMs: 2 * forMs })
    : { missing: '--no-cluster was given' };
  const targets = targetsOf({ closed: reports.closed, added, readyMs, busy });

  const beside = [...reports.closed, ...reports.open];
  const others = [...added, ...alone, ...('missing' in cluster ? [] : cluster)];
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  out(`${machine.cores} x ${machine.cpu}, Node ${machine.node}, load average before: ${machine.loadAverage}\n`);
  printScenarios(beside);
  printAlone(others);
  if ('missing' in cluster) out(`\nskipped: a gateway on MongoDB and Redis: ${cluster.missing}`);
  out(`\ngateway: RSS ${mebibytes(idle.rssBytes)} at the start, ${mebibytes(busy.rssBytes)} at the end`);
  out(`questions to channels that the gateway asked by itself during the closed loops: ${queries}`);
  printTargets(targets);
  const figures = { machine, seconds, readyMs, idle, busy, queries, scenarios: beside, added, alone, cluster, targets };
  out(`${seconds} s; all figures in ${await save('bench', figures)}`);
  const all = [
    ...beside.flatMap((report) => [report.switchyard, report.floor]),
    ...others.map((each) => each.switchyard),
  ];
  const failed = all.some(({ failures }) => Object.keys(failures).length > 0);
  if (failed) out('some requests failed: these figures are worth nothing');
  process.exitCode = failed ? 1 : 0;
}

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main();
process.exit();
