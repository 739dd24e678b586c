import { parseArgs } from 'node:util';
import { type Outcome, simulate } from './simulate.ts';

const HELP = `Lives through simulated worlds in which everything fails, and judges the books afterwards.

  --seeds N      so many seeds (default 100)
  --first S      the first of them (default 1)
  --seed S       this one alone
  --payments P   payments in each world (default 300)
  --story ID     prints what happened to a payment (or to an order number, 'fleet', ...)
  --freeze       no document can be changed by whoever holds it; slower
  --until-failure  stops at the first seed that fails
  --counts       prints what happened how often
`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    first: { type: 'string', default: '1' },
    seed: { type: 'string' },
    payments: { type: 'string', default: '300' },
    story: { type: 'string', multiple: true, default: [] },
    freeze: { type: 'boolean', default: false },
    'until-failure': { type: 'boolean', default: false },
    counts: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function tell(outcome: Outcome, cpuMs: number): void {
  const { seed, climate, counts, hash, simulatedMs, steps, violations } = outcome;
  const n = (kind: string): number => counts.get(kind) ?? 0;
  print(
    `seed ${seed} ${climate.temper} ${climate.processes.replicas}p: ${n('payments')} payments, ${n('crashes')} crashes, ` +
      `${n('provider calls')} calls, ${steps} events, ${(simulatedMs / 3_600_000).toFixed(0)} h in ${(cpuMs / 1_000).toFixed(2)} s, ` +
      `${hash} ${violations.length === 0 ? 'ok' : 'FAILED'}`,
  );
}

function tellFailure({ seed, violations, story }: Outcome, payments: string): void {
  for (const violation of violations) print(`  ${violation}`);
  const abouts = new Set(violations.map((violation) => violation.slice(0, violation.indexOf(':'))));
  for (const about of [...abouts].slice(0, 2)) for (const line of story([about, 'fleet'])) print(line);
  print(`replay: npm run simulate-faults -- --seed ${seed} --payments ${payments}`);
}

async function main(): Promise<number> {
  if (values.help) {
    print(HELP);
    return 0;
  }
  const first = Number(values.seed ?? values.first);
  const seeds = values.seed === undefined ? Number(values.seeds) : 1;
  const totals = new Map<string, number>();
  const failed: number[] = [];
  const begunAt = process.cpuUsage();
  for (let seed = first; seed < first + seeds; seed += 1) {
    const before = process.cpuUsage();
    const outcome = await simulate({ seed, payments: Number(values.payments), freeze: values.freeze });
    const { user, system } = process.cpuUsage(before);
    tell(outcome, (user + system) / 1_000);
    for (const [kind, by] of outcome.counts) totals.set(kind, (totals.get(kind) ?? 0) + by);
    if (values.story.length > 0) for (const line of outcome.story(values.story)) print(line);
    if (outcome.violations.length === 0) continue;
    failed.push(seed);
    tellFailure(outcome, values.payments);
    if (values['until-failure']) break;
  }
  const { user, system } = process.cpuUsage(begunAt);
  if (values.counts || seeds > 1) {
    for (const [kind, times] of [...totals].sort(([a], [b]) => (a < b ? -1 : 1)))
      print(`${String(times).padStart(9)}  ${kind}`);
  }
  print(
    `${seeds} seeds, ${failed.length} failed${failed.length > 0 ? `: ${failed.join(', ')}` : ''}, ${((user + system) / 1e6).toFixed(1)} s of CPU`,
  );
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
