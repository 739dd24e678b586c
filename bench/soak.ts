import { parseArgs } from 'node:util';
import { compareBooks } from './books.ts';
import { median, quantile } from './figures.ts';
import { driveLives, type Lives } from './lifecycle.ts';
import { describeMachine } from './machine.ts';
import { scrape, sumOf } from './metrics.ts';
import { mebibytes, save, table } from './report.ts';
import { openStage, type Stage } from './stage.ts';
import { bytesIn, usageOf } from './usage.ts';

/**
 * Whole payments for long enough to see what grows: memory, files, sockets, metric series, log. At the end the gateway, the
 * providers' books and the shop must tell the same story of every payment.
 *
 *   node bench/soak.ts [--payments 10000] [--rate 150] [--unpaid-every 10] [--mix 0,1,2,3] [--embedded] [--node-args "--cpu-prof"]
 */
const { values: given } = parseArgs({
  options: {
    payments: { type: 'string', default: '10000' },
    rate: { type: 'string' },
    callers: { type: 'string', default: '32' },
    'unpaid-every': { type: 'string', default: '0' },
    mix: { type: 'string', default: '0,1,2,3' },
    embedded: { type: 'boolean', default: false },
    'idle-first': { type: 'string', default: '0' },
    'idle-after': { type: 'string', default: '0' },
    keep: { type: 'boolean', default: false },
    'node-args': { type: 'string', default: '' },
  },
});

const SAMPLE_EVERY_MS = 2_000;

/** The gateway at one moment, as the system and its own metrics see it. */
async function sample(stage: Stage, startedAt: number) {
  const series = await scrape(stage.adminUrl);
  const { pid, logPath } = stage.gateway;
  return {
    atS: Math.round((performance.now() - startedAt) / 1_000),
    ...usageOf(pid),
    heapUsedBytes: series.get('nodejs_heap_size_used_bytes') ?? 0,
    externalBytes: series.get('nodejs_external_memory_bytes') ?? 0,
    /** Since the last sample. */
    loopLagMaxMs: (series.get('nodejs_eventloop_lag_max_seconds') ?? 0) * 1_000,
    metricSeries: series.size,
    logBytes: bytesIn(logPath),
    queries: sumOf(series, 'switchyard_channel_requests_total', 'operation="query"'),
    callbacks: sumOf(series, 'switchyard_callbacks_total'),
    agendaDue: series.get('switchyard_agenda_due') ?? 0,
  };
}

type Sample = Awaited<ReturnType<typeof sample>>;

function printSamples(samples: readonly Sample[]): void {
  const head = ['s', 'RSS', 'anon', 'heap', 'extern', 'files', 'socks', 'lag ms', 'series', 'log', 'queries', 'due'];
  const every = Math.max(1, Math.ceil(samples.length / 30));
  const rows = samples
    .filter((_, i) => i % every === 0 || i === samples.length - 1)
    .map((s) => [
      String(s.atS),
      ...[s.rssBytes, s.rssAnonBytes, s.heapUsedBytes, s.externalBytes].map(mebibytes),
      ...[s.openFiles, s.sockets, Math.round(s.loopLagMaxMs), s.metricSeries].map(String),
      mebibytes(s.logBytes),
      ...[s.queries, s.agendaDue].map(String),
    ]);
  process.stdout.write(`${table([head, ...rows], 0)}\n`);
}

function summary(name: string, values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const [p50, p99, max] = [median(sorted), quantile(sorted, 0.99), sorted.at(-1) ?? Number.NaN];
  return `${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms\n`;
}

function printLives({ lives, problems, seconds }: Lives, differences: ReadonlyMap<string, number>): void {
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts].map(([what, n]) => `${n} x ${what}`).join('; ') || 'none';
  process.stdout.write(
    `\n${lives.length} payments in ${seconds.toFixed(1)} s (${(lives.length / seconds).toFixed(0)}/s)\n`,
  );
  process.stdout.write(
    summary(
      'create',
      lives.map((life) => life.createdMs),
    ),
  );
  process.stdout.write(
    summary(
      'paid to event',
      lives.flatMap((life) => life.paidToEventMs ?? []),
    ),
  );
  process.stdout.write(`problems: ${list(problems)}\ndifferences between the books: ${list(differences)}\n`);
}

const idle = (seconds: string): Promise<void> => new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1_000));

async function main(): Promise<void> {
  const nodeArgs = given['node-args'].split(' ').filter((arg) => arg !== '');
  const stage = await openStage({ embedded: given.embedded, keep: given.keep, nodeArgs });
  const machine = await describeMachine(stage.command);
  const startedAt = performance.now();
  await idle(given['idle-first']);
  const samples = [await sample(stage, startedAt)];
  const sampling = setInterval(async () => samples.push(await sample(stage, startedAt)), SAMPLE_EVERY_MS);
  const driven = await driveLives(stage, given.mix.split(',').map(Number), {
    payments: Number(given.payments),
    ratePerS: given.rate === undefined ? null : Number(given.rate),
    callers: Number(given.callers),
    unpaidEvery: Number(given['unpaid-every']),
  });
  await idle(given['idle-after']);
  clearInterval(sampling);
  samples.push(await sample(stage, startedAt));
  const cpuMs = (samples.at(-1)?.cpuMs ?? Number.NaN) - (samples[0]?.cpuMs ?? Number.NaN);
  const differences = await compareBooks(stage, driven.lives);
  await stage.stop();

  if (given.keep) process.stdout.write(`data and logs stay in ${stage.folder}\n`);
  printSamples(samples);
  printLives(driven, differences);
  process.stdout.write(`CPU of the gateway per payment: ${(cpuMs / driven.lives.length).toFixed(2)} ms\n`);
  const problems = { problems: Object.fromEntries(driven.problems), differences: Object.fromEntries(differences) };
  process.stdout.write(`all figures in ${await save('soak', { machine, samples, ...problems })}\n`);
}

await main();
process.exit(0);
