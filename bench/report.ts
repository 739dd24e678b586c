import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Figures, figuresOf, type Ratios, type Round, ratiosOf } from './figures.ts';
import type { Machine } from './machine.ts';
import { ROOT } from './stage.ts';

/** Both programs' rounds of one scenario, in the order in which they ran. */
export interface Result {
  readonly scenario: string;
  /** How requests arrived: `32 callers` or `300/s planned`. */
  readonly load: string;
  readonly ours: readonly Round[];
  readonly floor: readonly Round[];
}

export interface ScenarioReport {
  readonly scenario: string;
  readonly load: string;
  readonly switchyard: Figures;
  readonly floor: Figures;
  readonly ratios: Ratios;
}

export function scenarioReport({ scenario, load, ours, floor }: Result): ScenarioReport {
  return {
    ...{ scenario, load, switchyard: figuresOf(ours), floor: figuresOf(floor) },
    ratios: ratiosOf(ours, floor),
  };
}

export function printScenarios(reports: readonly ScenarioReport[]): void {
  const head = [
    'scenario',
    'load',
    'program',
    'req/s',
    'p50 ms',
    'p95 ms',
    'p99 ms',
    'CPU ms/req',
    'requests',
    'failed',
  ];
  const rows = reports.flatMap(({ scenario, load, switchyard, floor, ratios }) => [
    [scenario, load, 'switchyard', ...cells(switchyard)],
    ['', '', 'floor', ...cells(floor)],
    [
      ...['', '', 'ratio', times(ratios.perSecond), times(ratios.latencyP50), '', times(ratios.latencyP99)],
      ...[ratios.cpu === null ? '-' : times(ratios.cpu), '', ''],
    ],
  ]);
  process.stdout.write(`${table([head, ...rows])}\n`);
}

/** Keeps everything that was measured; answers the file's path from the project's root. */
export async function save<T extends { readonly machine: Machine }>(name: string, content: T): Promise<string> {
  const file = `bench/results/${name}-${content.machine.at.replaceAll(/[:.]/g, '-')}.json`;
  await mkdir(join(ROOT, 'bench/results'), { recursive: true });
  await writeFile(join(ROOT, file), `${JSON.stringify(content, null, 2)}\n`);
  return file;
}

/** Columns as wide as their widest cell; the first three to the left, figures to the right. */
export function table(rows: readonly (readonly string[])[], leftColumns = 3): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i < leftColumns ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

export function mebibytes(bytes: number | null | undefined): string {
  return bytes === null || bytes === undefined ? '-' : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function cells({ perSecond, latencyMs, cpuMsPerRequest, requests, failures }: Figures): string[] {
  const failed = Object.values(failures).reduce((sum, n) => sum + n, 0);
  return [
    perSecond.toFixed(0),
    ...[latencyMs.p50, latencyMs.p95, latencyMs.p99].map((ms) => ms.toFixed(1)),
    cpuMsPerRequest === null ? '-' : cpuMsPerRequest.toFixed(2),
    String(requests),
    String(failed),
  ];
}

function times(ratio: number): string {
  return `x${ratio.toFixed(2)}`;
}
