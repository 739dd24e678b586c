import type { Measured } from './loops.ts';

/** One measurement of one program with what it cost. */
export interface Round extends Measured {
  /** CPU time of the measured process for all of this round's requests; null where the system does not tell. */
  readonly cpuMs: number | null;
}

/** The figures of one program in one scenario. */
export interface Figures {
  readonly requests: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Median of the rounds. */
  readonly perSecond: number;
  /** Throughput of each round, so that a reader sees how steady the machine was. */
  readonly perSecondByRound: readonly number[];
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };
  /** Every latency, in steps of a twentieth: `[up to so many ms, how many]`, so that any other quantile can be read from it. */
  readonly histogram: readonly (readonly [upToMs: number, requests: number])[];
  /** CPU of the measured process alone; null where the system does not tell. */
  readonly cpuMsPerRequest: number | null;
}

/** Ours measured by the floor: 1 is as good as the floor, 2 is twice its time or CPU, half its throughput is 0.5. */
export interface Ratios {
  /** Median of the rounds' own ratios; both programs' rounds of one number ran one after the other. */
  readonly perSecond: number;
  readonly latencyP50: number;
  readonly latencyP99: number;
  readonly cpu: number | null;
}

export function figuresOf(rounds: readonly Round[]): Figures {
  const latencies = rounds.flatMap((round) => round.latenciesMs).toSorted((a, b) => a - b);
  const perSecondByRound = rounds.map(throughput);
  const cpuMs = rounds.reduce<number | null>(
    (sum, round) => (sum === null || round.cpuMs === null ? null : sum + round.cpuMs),
    0,
  );
  return {
    requests: latencies.length,
    failures: failuresOf(rounds),
    perSecond: perSecond(rounds),
    perSecondByRound,
    latencyMs: {
      p50: quantile(latencies, 0.5),
      p95: quantile(latencies, 0.95),
      p99: quantile(latencies, 0.99),
      max: latencies.at(-1) ?? Number.NaN,
    },
    histogram: histogramOf(latencies),
    cpuMsPerRequest: cpuMs === null || latencies.length === 0 ? null : cpuMs / latencies.length,
  };
}

const HISTOGRAM_STEP = 1.05;

function histogramOf(latenciesMs: readonly number[]): Figures['histogram'] {
  const requests = new Map<number, number>();
  for (const ms of latenciesMs) {
    const step = Math.ceil(Math.log(Math.max(ms, 0.01)) / Math.log(HISTOGRAM_STEP));
    requests.set(step, (requests.get(step) ?? 0) + 1);
  }
  return [...requests].sort(([a], [b]) => a - b).map(([step, n]) => [Number((HISTOGRAM_STEP ** step).toFixed(3)), n]);
}

export function ratiosOf(ours: readonly Round[], floor: readonly Round[]): Ratios {
  const [a, b] = [figuresOf(ours), figuresOf(floor)];
  const paired = ours.flatMap((round, i) => (floor[i] ? [throughput(round) / throughput(floor[i])] : []));
  return {
    perSecond: median(paired),
    latencyP50: a.latencyMs.p50 / b.latencyMs.p50,
    latencyP99: a.latencyMs.p99 / b.latencyMs.p99,
    cpu: a.cpuMsPerRequest === null || b.cpuMsPerRequest === null ? null : a.cpuMsPerRequest / b.cpuMsPerRequest,
  };
}

/** The value that a share `q` of the sorted values does not exceed (nearest rank). */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** Throughput of a program: the median of its rounds. */
export function perSecond(rounds: readonly Round[]): number {
  return median(rounds.map(throughput));
}

function throughput({ goodInWindow, windowMs }: Measured): number {
  return (goodInWindow * 1_000) / windowMs;
}

function failuresOf(rounds: readonly Round[]): Readonly<Record<string, number>> {
  const sum = new Map<string, number>();
  for (const { failures } of rounds) for (const [why, n] of failures) sum.set(why, (sum.get(why) ?? 0) + n);
  return Object.fromEntries(sum);
}
