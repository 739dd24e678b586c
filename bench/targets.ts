import type { AloneReport } from './alone.ts';
import { mebibytes, type ScenarioReport, table } from './report.ts';
import type { Usage } from './usage.ts';

/** A figure that is wanted, and what this run measured. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  /** Null: not measured. */
  readonly met: boolean | null;
}

const MIB = 2 ** 20;

/** As many requests a second as are wanted, and which part of the floor's. */
const RATES = [
  { scenario: 'create', perSecond: 1_500, ofFloor: 0.6 },
  { scenario: 'callback', perSecond: 3_000, ofFloor: 0.6 },
  { scenario: 'quote', perSecond: 8_000, ofFloor: null },
];

export function targetsOf(run: {
  readonly closed: readonly ScenarioReport[];
  readonly added: readonly AloneReport[];
  readonly readyMs: number;
  readonly busy: Usage;
}): readonly Target[] {
  const addedMs = run.added.at(-1)?.switchyard.latencyMs.p99 ?? Number.NaN;
  const peakBytes = run.busy.rssPeakBytes;
  return [
    ...RATES.flatMap((rate) => ratesOf(run.closed, rate)),
    target('create: p99 added by the gateway at half of the peak', '< 10 ms', `${addedMs.toFixed(1)} ms`, addedMs < 10),
    target(
      ...(['RSS at its peak', '< 250 MiB', mebibytes(peakBytes)] as const),
      peakBytes === null ? null : peakBytes < 250 * MIB,
    ),
    target('start until /readyz', '< 1 s', `${Math.round(run.readyMs)} ms`, run.readyMs < 1_000),
    target('install', '< 60 s', 'not measured here: time npm ci', null),
  ];
}

/** The slowest provider counts. */
function ratesOf(closed: readonly ScenarioReport[], rate: (typeof RATES)[number]): readonly Target[] {
  const reports = closed.filter(({ scenario }) => scenario.startsWith(rate.scenario));
  const perSecond = Math.min(...reports.map(({ switchyard }) => switchyard.perSecond));
  const ofFloor = Math.min(...reports.map(({ ratios }) => ratios.perSecond));
  const { scenario, perSecond: wanted, ofFloor: wantedOfFloor } = rate;
  const own = target(`${scenario}: requests a second`, `>= ${wanted}`, perSecond.toFixed(0), perSecond >= wanted);
  if (wantedOfFloor === null) return [own];
  const beside = target(
    ...([`${scenario}: part of the floor's throughput`, `>= ${wantedOfFloor}`, ofFloor.toFixed(2)] as const),
    ofFloor >= wantedOfFloor,
  );
  return [own, beside];
}

function target(what: string, wanted: string, measured: string, met: boolean | null): Target {
  return { what, wanted, measured, met };
}

export function printTargets(targets: readonly Target[]): void {
  const word = (met: boolean | null): string => (met === null ? '-' : met ? 'met' : 'MISSED');
  const rows = targets.map(({ what, wanted, measured, met }) => [what, wanted, measured, word(met)]);
  process.stdout.write(`\n${table([['target', 'wanted', 'measured', ''], ...rows], 4)}\n`);
}
