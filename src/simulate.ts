import { readFileSync } from 'node:fs';
import { PROVIDERS } from '../channels/index.ts';
import { describeFaults, type Environment, readEnvironment } from './config/index.ts';
import { openStoreReader } from './open-store.ts';
import { err, ok, type Result } from './payment/index.ts';
import { type Asked, loadBoth, periodOf, rehearse } from './rehearsal/index.ts';
import { table } from './table.ts';
import { describeReport, type WhatIfReport } from './what-if/index.ts';

export interface SimulateOptions {
  /** The proposed gateway.yaml. */
  readonly config: string;
  readonly from?: string;
  readonly to?: string;
  readonly scenario?: string;
  readonly json?: boolean;
  readonly seed?: string;
  readonly maxPayments?: string;
}

/** Above this recorded payments are sampled; a million keep about 500 MB in memory. */
const PAYMENTS_MAX = 200_000;
const PAYMENTS_LIMIT = 2_000_000;
const SEED_MAX = 2 ** 32 - 1;

/**
 * Recorded or made-up payments under a proposed configuration and under the one of `CONFIG`, as a text or as JSON; or why not. The
 * gateway may be running: nothing is written.
 * @param now epoch milliseconds
 */
export async function simulate(
  env: Readonly<Record<string, string | undefined>>,
  options: SimulateOptions,
  now: number,
): Promise<Result<string, string>> {
  const environment = readEnvironment(env);
  if (!environment.ok) return err(describeFaults(environment.error));
  const { configPath: path, production } = environment.value;
  const seed = wholeNumber(options.seed ?? '1', SEED_MAX);
  if (seed === null) return err(`--seed must be a whole number from 0 to ${SEED_MAX}`);
  const configurations = loadBoth(
    { path, env, providers: PROVIDERS, production },
    { kind: 'file', path: options.config },
  );
  if (!configurations.ok) return err(describeFaults(configurations.error.faults));
  const report = await withTraffic(environment.value, options, now, (traffic) =>
    rehearse({ configurations: configurations.value, seed, traffic }),
  );
  if (!report.ok) return report;
  if (!report.value.ok) return err(describeFaults(report.value.error));
  return ok(shown(report.value.value, options));
}

function shown(report: WhatIfReport, { json = false }: SimulateOptions): string {
  return json ? JSON.stringify(report, null, 2) : describeReport(report, table);
}

async function withTraffic<T>(
  environment: Environment,
  options: SimulateOptions,
  now: number,
  use: (traffic: Asked['traffic']) => Promise<T>,
): Promise<Result<T, string>> {
  const { scenario, from, to } = options;
  if (scenario !== undefined) {
    if (from !== undefined || to !== undefined) return err('give either --scenario, or --from and --to');
    const text = readText(scenario);
    return text.ok ? ok(await use({ kind: 'scenario', file: scenario, text: text.value })) : text;
  }
  const period = periodOf({ from, to }, now);
  if (!period.ok) return err(`--${period.error.path} ${period.error.message}`);
  const paymentsMax = wholeNumber(options.maxPayments ?? String(PAYMENTS_MAX), PAYMENTS_LIMIT);
  if (!paymentsMax) return err(`--max-payments must be a whole number from 1 to ${PAYMENTS_LIMIT}`);
  const store = await openStoreReader(environment);
  try {
    return ok(await use({ kind: 'recorded', store, period: period.value, now, paymentsMax }));
  } finally {
    await store.close();
  }
}

function readText(path: string): Result<string, string> {
  try {
    return ok(readFileSync(path, 'utf8'));
  } catch {
    return err(`${path}: it cannot be read`);
  }
}

function wholeNumber(text: string, max: number): number | null {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value <= max ? value : null;
}
