import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type ConfigFault, type LoadedConfig, type LoadOptions, loadConfig, parseDurationMs } from '../config/index.ts';
import { type EpochMs, err, ok, type Result } from '../payment/index.ts';
import type { PaymentStore } from '../store/port.ts';
import type { WhatIfReport } from '../what-if/index.ts';
import { strayReferences } from './references.ts';
import { rehearseRecorded, rehearseScenario } from './rehearse.ts';
import { readScenario } from './scenario-file.ts';

/** Where the proposed configuration comes from. Without merchants of its own it is tried with the live ones. */
export type Proposal =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'texts'; readonly gateway: string; readonly merchants: string | null };

export interface Configurations {
  readonly live: LoadedConfig;
  readonly proposed: LoadedConfig;
}

export type LoadBothOptions = Pick<LoadOptions, 'env' | 'providers' | 'production'> & {
  /** Of the live gateway.yaml. */
  readonly path: string;
};

const MERCHANTS = 'merchants.yaml';

export interface RefusedConfiguration {
  readonly which: 'live' | 'proposed';
  readonly faults: readonly ConfigFault[];
}

/** Loads both configurations, or names the faults: of the live one first, since nothing can be compared with a broken one. */
export function loadBoth(options: LoadBothOptions, proposal: Proposal): Result<Configurations, RefusedConfiguration> {
  const live = loadConfig(options);
  if (!live.ok) return err({ which: 'live', faults: live.error });
  const proposed = proposal.kind === 'file' ? loadFile(options, proposal.path) : loadTexts(options, proposal);
  if (!proposed.ok) return err({ which: 'proposed', faults: proposed.error });
  return ok({ live: live.value, proposed: proposed.value });
}

function loadFile(options: LoadBothOptions, path: string): ReturnType<typeof loadConfig> {
  const own = join(dirname(path), MERCHANTS);
  const merchants = existsSync(own) ? own : join(dirname(options.path), MERCHANTS);
  return loadConfig({ ...options, path, readFile: (file) => readFileSync(file === own ? merchants : file, 'utf8') });
}

/** References in the texts are resolved as if they lay where the live files lie; faults call them `gateway` and `merchants`. */
function loadTexts(
  options: LoadBothOptions,
  { gateway, merchants }: Extract<Proposal, { kind: 'texts' }>,
): ReturnType<typeof loadConfig> {
  const merchantsPath = join(dirname(options.path), MERCHANTS);
  const strays = [
    ...strayReferences('gateway', gateway, readFileSync(options.path, 'utf8')),
    ...(merchants === null ? [] : strayReferences('merchants', merchants, readFileSync(merchantsPath, 'utf8'))),
  ];
  if (strays.length > 0) return err(strays);
  const named = { gateway: { name: 'gateway', text: gateway } };
  return loadConfig({
    ...options,
    proposed: merchants === null ? named : { ...named, merchants: { name: 'merchants', text: merchants } },
  });
}

/** What is to be tried, beside the configurations. */
export interface Asked {
  readonly configurations: Configurations;
  readonly seed: number;
  readonly traffic:
    | {
        readonly kind: 'recorded';
        readonly store: Pick<PaymentStore, 'listCreated' | 'countCreated' | 'channelVolume'>;
        readonly period: AskedPeriod;
        readonly now: EpochMs;
        readonly paymentsMax: number;
      }
    | { readonly kind: 'scenario'; readonly file: string; readonly text: string };
}

/** Tries it; the faults are those of a scenario file. */
export async function rehearse({
  configurations,
  seed,
  traffic,
}: Asked): Promise<Result<WhatIfReport, readonly ConfigFault[]>> {
  if (traffic.kind === 'recorded') {
    const { store, period, now, paymentsMax } = traffic;
    return ok(await rehearseRecorded({ ...configurations, ...period, seed, store, now, paymentsMax }));
  }
  const { live, proposed } = configurations;
  const channelIds = new Set([...live.channels, ...proposed.channels].map(({ id }) => id));
  const scenario = readScenario(traffic.file, traffic.text, channelIds);
  return scenario.ok ? ok(rehearseScenario({ ...configurations, seed, scenario: scenario.value })) : scenario;
}

/** Payments created from the first time on and before the second. */
export interface AskedPeriod {
  readonly from: EpochMs;
  readonly to: EpochMs;
}

/** It also knows the calendar, unlike Date.parse, which takes 30 February for 2 March. */
const RFC_3339 = z.iso.datetime({ offset: true });
const DEFAULT_FROM = '24h';

/**
 * RFC 3339 times, or durations back from now (`24h`). Default: the last 24 hours. An error names the field.
 * @param now epoch milliseconds
 */
export function periodOf(
  { from = DEFAULT_FROM, to }: { readonly from?: string | undefined; readonly to?: string | undefined },
  now: EpochMs,
): Result<AskedPeriod, { readonly path: 'from' | 'to'; readonly message: string }> {
  const [start, end] = [momentOf(from, now), to === undefined ? now : momentOf(to, now)];
  if (start === null) return err({ path: 'from', message: WHEN });
  if (end === null) return err({ path: 'to', message: WHEN });
  return start < end ? ok({ from: start, to: end }) : err({ path: 'to', message: 'must be later than from' });
}

const WHEN = 'must be a time as 2026-01-31T18:00:00Z, or how long ago: 90m, 24h, 7d';

function momentOf(text: string, now: EpochMs): EpochMs | null {
  const backMs = parseDurationMs(text);
  if (backMs !== null) return now - backMs;
  const at = RFC_3339.safeParse(text).success ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}
