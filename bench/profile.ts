import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { closedLoop } from './loops.ts';
import { table } from './report.ts';
import { until } from './rounds.ts';
import * as scenarios from './scenarios.ts';
import { openStage, ROOT, type Stage } from './stage.ts';
import { cpuMsOf } from './usage.ts';

/**
 * Where the gateway's time, or its memory, goes for one kind of request: by place (package, folder) and by function.
 *
 *   node bench/profile.ts [--of create|callback|query|quote] [--kind cpu|heap] [--requests 3000]
 */
const { values: given } = parseArgs({
  options: {
    of: { type: 'string', default: 'create' },
    kind: { type: 'string', default: 'cpu' },
    requests: { type: 'string', default: '3000' },
    /** Rows of each table. */
    rows: { type: 'string', default: '40' },
  },
});
const requests = Number(given.requests);
const CALLERS = 32;
/** Payments are made and paid so many at a time. */
const BATCH = 500;

interface Site {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Site; readonly children?: readonly number[] }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}
interface HeapNode {
  readonly callFrame: Site;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** One function with what was spent in itself (microseconds, or bytes) and under whom. */
interface Spent {
  readonly path: readonly Site[];
  readonly self: number;
}

function spentCpu({ nodes, samples, timeDeltas }: CpuProfile): readonly Spent[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const self = new Map<number, number>();
  samples.forEach((id, i) => void self.set(id, (self.get(id) ?? 0) + (timeDeltas[i] ?? 0)));
  const spent: Spent[] = [];
  const visit = (id: number, above: readonly Site[]): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const path = [...above, node.callFrame];
    spent.push({ path, self: self.get(id) ?? 0 });
    for (const child of node.children ?? []) visit(child, path);
  };
  visit(nodes[0]?.id ?? 0, []);
  return spent;
}

function spentHeap({ head }: { readonly head: HeapNode }): readonly Spent[] {
  const spent: Spent[] = [];
  const visit = (node: HeapNode, above: readonly Site[]): void => {
    const path = [...above, node.callFrame];
    spent.push({ path, self: node.selfSize });
    for (const child of node.children) visit(child, path);
  };
  visit(head, []);
  return spent;
}

/** The package, our folder, or Node's module that a function belongs to. */
function placeOf({ url, functionName }: Site): string {
  if (url === '') return functionName.startsWith('(') ? functionName : `native ${functionName}`;
  const inPackage = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url);
  if (inPackage) return `npm ${inPackage[1]}`;
  const ours = url.split(`${ROOT}/`)[1];
  return ours === undefined ? url.split('/').slice(0, 2).join('/') : ours.split('/').slice(0, -1).join('/');
}

const nameOf = ({ functionName, url, lineNumber }: Site): string =>
  `${functionName || '(anonymous)'} ${url
    .replace(/.*node_modules\//, '')
    .replace(/^file:\/\//, '')
    .replace(`${ROOT}/`, '')}:${lineNumber + 1}`;

/** Sums by key, the largest first; with `whole`, what was spent under a site counts for it too, once. */
function sums(spent: readonly Spent[], key: (site: Site) => string, whole: boolean): [string, number][] {
  const sum = new Map<string, number>();
  for (const { path, self } of spent) {
    const keys = whole ? new Set(path.map(key)) : new Set([ownKey(path, key)]);
    for (const each of keys) sum.set(each, (sum.get(each) ?? 0) + self);
  }
  return [...sum].sort(([, a], [, b]) => b - a);
}

/** What is done inside of V8 or Node's C++ counts for the JavaScript that called it, under its own name. */
function ownKey(path: readonly Site[], key: (site: Site) => string): string {
  const last = path.at(-1);
  const caller = path.findLast(({ url }) => url !== '');
  if (last === undefined) return '';
  return last.url !== '' || caller === undefined ? key(last) : `${last.functionName || '(native)'} < ${key(caller)}`;
}

function print(title: string, list: readonly [string, number][], total: number, done: number): void {
  const unit = given.kind === 'cpu' ? 'us/req' : 'B/req';
  const rows = list
    .slice(0, Number(given.rows))
    .map(([name, value]) => [name, (value / done).toFixed(1), `${((100 * value) / total).toFixed(1)} %`]);
  process.stdout.write(`\n${table([[title, unit, 'share'], ...rows], 1)}\n`);
}

/** Creates, payments, callbacks or looks until `requests` are done, between the two signals that start and end the profile. */
async function load(stage: Stage, profiled: <T>(run: () => Promise<T>) => Promise<T>): Promise<void> {
  const created: string[] = [];
  const shots = (source: ReturnType<typeof scenarios.creates>, count = requests) => {
    let left = count;
    return closedLoop(
      stage.gatewayPool,
      { ...source, next: () => (left-- > 0 ? source.next() : null) },
      {
        ...{ connections: CALLERS, forMs: 600_000 },
      },
    );
  };
  const create = () => shots(scenarios.creates(stage, 'switchyard', scenarios.ALIPAY, created), BATCH);
  const callback = async (run: (send: () => Promise<unknown>) => Promise<unknown>): Promise<void> => {
    const unpaid = scenarios.payments(created.splice(0).map(scenarios.readPayment));
    // Before anybody pays: the gateway may ask by itself, and then the event comes without its callback.
    const expected = stage.collector.eventCount('switchyard') + BATCH;
    await closedLoop(stage.sandboxPool, unpaid, { connections: CALLERS, forMs: 60_000 });
    await until('callbacks', () => stage.collector.callbackCount() >= BATCH);
    const captured = stage.collector.takeCallbacks();
    await run(async () => {
      await shots(scenarios.callbacks('switchyard', captured));
      await until('events', () => stage.collector.eventCount('switchyard') >= expected);
    });
  };
  const plain = <T>(run: () => Promise<T>) => run();
  // Paid at once: what stays open is asked for after five seconds, which would mix questions into the profile.
  let known: readonly string[] = [];
  for (let warm = 0; warm < 4; warm += 1) {
    await create();
    known = created.map((text) => scenarios.readPayment(text).id);
    await callback(plain);
  }
  if (given.of === 'query') await profiled(() => shots(scenarios.queries('switchyard', known)));
  if (given.of === 'quote') await profiled(() => shots(scenarios.quotes('switchyard')));
  for (let i = 0; given.of.startsWith('c') && i < requests; i += BATCH) {
    await (given.of === 'create' ? profiled(create) : create());
    await callback(given.of === 'callback' ? profiled : plain);
  }
}

async function main(): Promise<void> {
  const folder = join(ROOT, 'bench/results/profile');
  await mkdir(folder, { recursive: true });
  const nodeArgs = ['--import', join(ROOT, 'bench/profiling-process.ts')];
  const stage = await openStage({
    holdCallbacks: true,
    nodeArgs,
    env: { PROFILE_DIR: folder, PROFILE_KIND: given.kind },
  });
  let cpuMs = 0;
  let profiles = 0;
  await load(stage, async (run) => {
    process.kill(stage.gateway.pid, 'SIGUSR2');
    await pause(100);
    const before = cpuMsOf(stage.gateway.pid) ?? 0;
    const value = await run();
    cpuMs += (cpuMsOf(stage.gateway.pid) ?? 0) - before;
    process.kill(stage.gateway.pid, 'SIGUSR2');
    await pause(1_000);
    profiles += 1;
    return value;
  });
  await stage.stop();
  const spent: Spent[] = [];
  for (let i = 1; i <= profiles; i += 1) {
    const profile = JSON.parse(await readFile(join(folder, `${i}.${given.kind}profile`), 'utf8'));
    spent.push(...(given.kind === 'cpu' ? spentCpu(profile) : spentHeap(profile)));
  }
  const busy = spent.filter(
    ({ path }) => !path.some(({ functionName, url }) => functionName === '(idle)' || url === 'node:inspector'),
  );
  const total = busy.reduce((sum, { self }) => sum + self, 0);
  print(`by place, ${given.of}`, sums(busy, placeOf, false), total, requests);
  print('by function, itself', sums(busy, nameOf, false), total, requests);
  print('by function, with what it calls', sums(busy, nameOf, true), total, requests);
  process.stdout.write(`\nCPU ${(cpuMs / requests).toFixed(2)} ms a request while profiled; profiles in ${folder}\n`);
}

await main();
process.exit(0);
