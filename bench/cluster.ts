import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Counted, countPerPayment, printCounted } from './cluster-counts.ts';
import { fillDatabase } from './cluster-fill.ts';
import { type ClusterServers, startClusterServers } from './cluster-servers.ts';
import type { Captured } from './collector.ts';
import { figuresOf, type Round, ratiosOf } from './figures.ts';
import { closedLoop, type Measured, type Source } from './loops.ts';
import { describeMachine } from './machine.ts';
import { save, table } from './report.ts';
import { until } from './rounds.ts';
import * as scenarios from './scenarios.ts';
import { openStage, type Stage } from './stage.ts';
import { cpuMsOf } from './usage.ts';
import { openWireCounter } from './wire-counter.ts';

/**
 * One replica beside two, in turns, each cluster with a database and a Redis of its own on the same servers; then what one payment asks of
 * both servers: see docs/scaling.md.
 *
 *   node bench/cluster.ts [--rounds 5 --connections 32 --window 1000 --payments 300 --stored 0]
 *
 * The server of TEST_MONGO_URL, or else the FerretDB that the tests build; the redis-server of the PATH.
 */
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '32' },
    window: { type: 'string', default: '1000' },
    /** Whole payments that are counted one by one on the wire. */
    payments: { type: 'string', default: '300' },
    /** Finished payments in both databases beforehand. FerretDB 1 reads them all for whatever is not asked by `_id`: for a MongoDB alone. */
    stored: { type: 'string', default: '0' },
  },
});
const rounds = Number(given.rounds);
const connections = Number(given.connections);
const forMs = Number(given.window);

/** A database that shares two cores with everything else takes its time. */
const EVENTS_MS_MAX = 60_000;

/** Replicas on one database; the first one's simulators and collector serve all. */
type Cluster = readonly [Stage, ...Stage[]];

function openReplica(env: Readonly<Record<string, string>>, beside?: Stage): Promise<Stage> {
  return openStage({ holdCallbacks: true, env, ...(beside === undefined ? {} : { beside }) });
}

async function stopAll(cluster: Cluster): Promise<void> {
  for (const stage of cluster.toReversed()) await stage.stop();
}

/** The load is spread over the replicas as a load balancer would. */
async function load(cluster: Cluster, source: Source, windowMs: number): Promise<Measured> {
  const share = Math.ceil(connections / cluster.length);
  const all = await Promise.all(
    cluster.map(({ gatewayPool }) => closedLoop(gatewayPool, source, { connections: share, forMs: windowMs })),
  );
  const failures = new Map<string, number>();
  for (const one of all) for (const [why, n] of one.failures) failures.set(why, (failures.get(why) ?? 0) + n);
  return {
    windowMs: Math.max(...all.map((one) => one.windowMs)),
    goodInWindow: all.reduce((sum, one) => sum + one.goodInWindow, 0),
    latenciesMs: all.flatMap((one) => one.latenciesMs),
    failures,
  };
}

async function measured(cluster: Cluster, act: () => Promise<Measured>): Promise<Round> {
  const cpu = (): number => cluster.reduce((sum, { gateway }) => sum + (cpuMsOf(gateway.pid) ?? Number.NaN), 0);
  const before = cpu();
  const round = await act();
  return { ...round, cpuMs: cpu() - before };
}

async function createAndCallBack(cluster: Cluster): Promise<{ readonly create: Round; readonly callback: Round }> {
  const [stage] = cluster;
  const { collector } = stage;
  const created: string[] = [];
  const source = scenarios.creates(stage, 'switchyard', scenarios.ALIPAY, created);
  const create = await measured(cluster, () => load(cluster, source, forMs));
  const captured = await paid(stage, created);
  const expected = collector.eventCount('switchyard') + captured.length;
  const callback = await measured(cluster, async () => {
    const round = await load(cluster, scenarios.callbacks('switchyard', captured), 60_000);
    await until('events', () => collector.eventCount('switchyard') >= expected, EVENTS_MS_MAX);
    return round;
  });
  return { create, callback };
}

async function paid(stage: Stage, created: readonly string[]): Promise<readonly Captured[]> {
  const unpaid = scenarios.payments(created.map(scenarios.readPayment));
  await closedLoop(stage.sandboxPool, unpaid, { connections, forMs: 60_000 });
  await until('callbacks', () => stage.collector.callbackCount() >= created.length);
  return stage.collector.takeCallbacks();
}

type Kept = Record<'create' | 'callback', Round[]>;

async function compare(one: Cluster, two: Cluster) {
  const kept: { readonly one: Kept; readonly two: Kept } = {
    one: { create: [], callback: [] },
    two: { create: [], callback: [] },
  };
  for (let round = 0; round <= rounds; round += 1) {
    const turns = [['one', one] as const, ['two', two] as const];
    for (const [name, cluster] of round % 2 === 0 ? turns : turns.toReversed()) {
      const { create, callback } = await createAndCallBack(cluster);
      if (round === 0) continue; // warm-up
      kept[name].create.push(create);
      kept[name].callback.push(callback);
    }
  }
  return (['create', 'callback'] as const).map((scenario) => ({
    scenario,
    one: figuresOf(kept.one[scenario]),
    two: figuresOf(kept.two[scenario]),
    ratios: ratiosOf(kept.two[scenario], kept.one[scenario]),
  }));
}

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

function print(reports: Awaited<ReturnType<typeof compare>>): void {
  const rows = reports.flatMap(({ scenario, one, two, ratios }) => [
    ...[one, two].map(({ perSecond, latencyMs, cpuMsPerRequest }, i) => [
      ...[scenario, `${i + 1} replica${i === 0 ? '' : 's'}`, perSecond.toFixed(0), latencyMs.p50.toFixed(1)],
      ...[latencyMs.p99.toFixed(1), cpuMsPerRequest?.toFixed(2) ?? '-'],
    ]),
    ['', 'ratio', `x${ratios.perSecond.toFixed(2)}`, `x${ratios.latencyP50.toFixed(2)}`, '', ''],
  ]);
  out(table([['scenario', '', 'req/s', 'p50 ms', 'p99 ms', 'gateways CPU ms/req'], ...rows], 2));
  out('All on this machine: simulators, servers and this program take cores too, so a ratio near 1 shows its limit.');
}

async function count(servers: ClusterServers): Promise<Counted> {
  const counter = await openWireCounter(new URL(servers.mongoUrl));
  const env = servers.envOf('counted', 2);
  const { MONGO_URL: database, REDIS_URL: redisUrl } = env;
  const stage = await openStage({ env: { ...env, MONGO_URL: database.replace(servers.mongoUrl, counter.url) } });
  try {
    await pause(3_000);
    return await countPerPayment({ stage, counter, database, redisUrl, payments: Number(given.payments) });
  } finally {
    await stage.stop();
    await counter.close();
  }
}

async function fill({ envOf }: ClusterServers): Promise<void> {
  const stored = Number(given.stored);
  if (stored === 0) return;
  const startedAt = performance.now();
  for (const name of ['one', 'two']) {
    await fillDatabase(envOf('counted', 2).MONGO_URL, envOf(name, 0).MONGO_URL, stored);
  }
  out(`\n${stored} payments stored in each database, in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
}

async function main(): Promise<void> {
  const servers = await startClusterServers();
  if ('missing' in servers) throw new Error(servers.missing);
  try {
    const counted = await count(servers);
    printCounted(counted);
    await fill(servers);
    const first = await openReplica(servers.envOf('one', 0));
    const one: Cluster = [first];
    const leader = await openReplica(servers.envOf('two', 1));
    const two: Cluster = [leader, await openReplica(servers.envOf('two', 1), leader)];
    const machine = await describeMachine(first.command);
    out(`${machine.cores} x ${machine.cpu}, Node ${machine.node}, load average before: ${machine.loadAverage}\n`);
    const reports = await compare(one, two);
    await stopAll(one);
    await stopAll(two);
    print(reports);
    out(`all figures in ${await save('cluster', { machine, reports, counted })}`);
    const failed = reports.some((each) => [each.one, each.two].some((f) => Object.keys(f.failures).length > 0));
    if (failed) out('some requests failed: these figures are worth nothing');
    process.exitCode = failed ? 1 : 0;
  } finally {
    await servers.stop();
  }
}

await main();
process.exit();
