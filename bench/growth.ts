import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { request } from 'undici';
import { type Figures, figuresOf, type Ratios, type Round, ratiosOf } from './figures.ts';
import { closedLoop, type Source } from './loops.ts';
import { describeMachine } from './machine.ts';
import { mebibytes, save, table } from './report.ts';
import { measure, until } from './rounds.ts';
import * as scenarios from './scenarios.ts';
import { openStage, type Stage } from './stage.ts';
import { fillStore } from './stored.ts';
import { usageOf } from './usage.ts';

/**
 * Two gateways side by side in one run, in turns: one with few stored payments, one with many. What costs more with many, grows.
 *
 *   node bench/growth.ts --few 10000 --many 5000000 --folder /tmp/switchyard-growth
 *
 * The stores stay in the folder and are taken as they are the next time; remove it afterwards (5 KB for each payment).
 */
const { values: given } = parseArgs({
  options: {
    few: { type: 'string', default: '10000' },
    many: { type: 'string', default: '200000' },
    folder: { type: 'string', default: '/tmp/switchyard-growth' },
    connections: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '7' },
    /** Milliseconds of load per round. */
    window: { type: 'string', default: '1000' },
  },
});
const connections = Number(given.connections);
const rounds = Number(given.rounds);
const forMs = Number(given.window);
const SIZES = ['few', 'many'] as const;
type Size = (typeof SIZES)[number];
type PerSize<T> = Readonly<Record<Size, T>>;
const stored: PerSize<number> = { few: Number(given.few), many: Number(given.many) };

interface Setting {
  readonly stage: Stage;
  /** Of the stored payments, spread evenly. */
  readonly ids: readonly string[];
  readonly storeBytes: number;
}

async function openSetting(size: Size): Promise<Setting> {
  const dataDir = join(given.folder, String(stored[size]));
  const path = join(dataDir, 'switchyard.db');
  if (!existsSync(path)) {
    const startedAt = performance.now();
    await fillStore(dataDir, stored[size]);
    out(`${stored[size]} payments written in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  }
  const storeBytes = statSync(path).size;
  const stage = await openStage({ holdCallbacks: true, dataDir });
  return { stage, ids: await someIds(stage), storeBytes };
}

/** The newest payments of the shop, by way of its list. */
async function someIds(stage: Stage): Promise<readonly string[]> {
  const answer = await stage.gatewayPool.request(scenarios.lists().next() ?? { method: 'GET', path: '/' });
  return [...(await answer.body.text()).matchAll(/"id":"(pay_\w+)"/g)].map(([, id = '']) => id);
}

const load = (stage: Stage, source: Source, windowMs = forMs): Promise<Round> =>
  measure(stage, 'switchyard', source, (pool, each) => closedLoop(pool, each, { connections, forMs: windowMs }));

/** New payments; then their callbacks, which end when the shop has every event. */
async function createAndCallBack({ stage }: Setting): Promise<Readonly<Record<string, Round>>> {
  const created: string[] = [];
  const create = await load(stage, scenarios.creates(stage, 'switchyard', scenarios.ALIPAY, created));
  const { collector } = stage;
  const unpaid = scenarios.payments(created.map(scenarios.readPayment));
  await closedLoop(stage.sandboxPool, unpaid, { connections, forMs: 60_000 });
  await until('callbacks', () => collector.callbackCount() >= created.length);
  const captured = collector.takeCallbacks();
  const expected = collector.eventCount('switchyard') + captured.length;
  const callback = await measure(
    stage,
    'switchyard',
    scenarios.callbacks('switchyard', captured),
    (pool, source) => closedLoop(pool, source, { connections, forMs: 60_000 }),
    () => until('events', () => collector.eventCount('switchyard') >= expected),
  );
  return { 'create alipay': create, 'callback alipay + event': callback };
}

async function looks({ stage, ids }: Setting): Promise<Readonly<Record<string, Round>>> {
  return {
    'query by id': await load(stage, scenarios.queries('switchyard', ids), forMs / 2),
    'list of 20': await load(stage, scenarios.lists(), forMs / 2),
    'scrape of /metrics': await scrapes(stage),
  };
}

async function scrapes(stage: Stage): Promise<Round> {
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  for (let i = 0; i < 10; i += 1) {
    const at = performance.now();
    await (await request(`${stage.adminUrl}/metrics`)).body.dump();
    latenciesMs.push(performance.now() - at);
  }
  return {
    ...{ windowMs: performance.now() - startedAt, goodInWindow: latenciesMs.length, latenciesMs },
    ...{ failures: new Map(), cpuMs: null },
  };
}

interface Report {
  readonly scenario: string;
  readonly few: Figures;
  readonly many: Figures;
  /** Of many by few: 1 where nothing grows. */
  readonly ratios: Ratios;
}

async function inTurns(settings: PerSize<Setting>): Promise<readonly Report[]> {
  const kept = new Map<string, Record<Size, Round[]>>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const size of round % 2 === 0 ? SIZES : SIZES.toReversed()) {
      const measured = { ...(await createAndCallBack(settings[size])), ...(await looks(settings[size])) };
      if (round === 0) continue; // warm-up
      for (const [scenario, one] of Object.entries(measured)) {
        const list = kept.get(scenario) ?? { few: [], many: [] };
        kept.set(scenario, list);
        list[size].push(one);
      }
    }
  }
  return [...kept].map(([scenario, { few, many }]) => ({
    ...{ scenario, few: figuresOf(few), many: figuresOf(many), ratios: ratiosOf(many, few) },
  }));
}

function print(reports: readonly Report[]): void {
  const cells = ({ perSecond, latencyMs, cpuMsPerRequest }: Figures): string[] => [
    ...[perSecond.toFixed(0), latencyMs.p50.toFixed(1), latencyMs.p99.toFixed(1)],
    cpuMsPerRequest?.toFixed(2) ?? '-',
  ];
  const rows = reports.flatMap(({ scenario, few, many, ratios }) => [
    [scenario, String(stored.few), ...cells(few)],
    ['', String(stored.many), ...cells(many)],
    [
      ...['', 'ratio', `x${ratios.perSecond.toFixed(2)}`, `x${ratios.latencyP50.toFixed(2)}`],
      ...[`x${ratios.latencyP99.toFixed(2)}`, ratios.cpu === null ? '-' : `x${ratios.cpu.toFixed(2)}`],
    ],
  ]);
  out(table([['scenario', 'stored', 'req/s', 'p50 ms', 'p99 ms', 'CPU ms/req'], ...rows], 2));
}

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(): Promise<void> {
  const settings = { few: await openSetting('few'), many: await openSetting('many') };
  const machine = await describeMachine(settings.few.stage.command);
  out(`${machine.cores} x ${machine.cpu}, Node ${machine.node}, load average before: ${machine.loadAverage}\n`);
  const reports = await inTurns(settings);
  const processes = SIZES.map((size) => {
    const { stage, storeBytes } = settings[size];
    const { readyMs, pid } = stage.gateway;
    return { stored: stored[size], storeBytes, readyMs, rssBytes: usageOf(pid).rssBytes };
  });
  for (const size of SIZES) await settings[size].stage.stop();
  print(reports);
  for (const { stored: payments, storeBytes, readyMs, rssBytes } of processes) {
    const perPayment = (storeBytes / payments / 1_000).toFixed(2);
    out(
      `${payments} stored: ${perPayment} KB each, ready after ${Math.round(readyMs)} ms, RSS at the end ${mebibytes(rssBytes)}`,
    );
  }
  out(`all figures in ${await save('growth', { machine, stored, processes, reports })}`);
  const failed = reports.some(({ few, many }) => [few, many].some((f) => Object.keys(f.failures).length > 0));
  if (failed) out('some requests failed: these figures are worth nothing');
  process.exitCode = failed ? 1 : 0;
}

await main();
process.exit();
