import type { EpochMs } from '../payment/index.ts';
import type { Estimate } from './types.ts';

/** A belief held before any evidence: `value`, as firmly as `weight` outcomes would make it. */
export interface Prior {
  readonly value: number;
  readonly weight: number;
}

export interface StatisticsOptions {
  /** After this long a technical outcome counts half. */
  readonly technicalHalfLifeMs: number;
  /** After this long a latency counts half. */
  readonly latencyHalfLifeMs: number;
  /** After this long a payment outcome counts half. */
  readonly paymentHalfLifeMs: number;
  readonly priors: { readonly technical: Prior; readonly payment: Prior; readonly latencyMs: Prior };
  /** At most this many channel x method pairs are remembered; the one that was touched longest ago goes first. */
  readonly entriesMax: number;
}

/**
 * Ten technical failures in a row pull a channel to 49% at once; two minutes after they ended it is back at 92%. A payment
 * outcome stays for hours, since buyers' habits change slowly and a small shop sees few of them. The priors are those of an
 * ordinary channel, so a new one is neither feared nor favoured and its first twenty payments decide. The technical one is
 * high and a latency is remembered for long, so that a channel without traffic is not held to be worse than one that proves
 * itself with every call: otherwise whoever has the traffic would keep it, and none would come back after an outage.
 */
const DEFAULTS: StatisticsOptions = {
  technicalHalfLifeMs: 30_000,
  latencyHalfLifeMs: 10 * 60_000,
  paymentHalfLifeMs: 2 * 3_600_000,
  priors: {
    technical: { value: 0.999, weight: 10 },
    payment: { value: 0.9, weight: 20 },
    latencyMs: { value: 300, weight: 0.1 },
  },
  entriesMax: 4_096,
};

/** A mean whose observations fade: their decayed sum and weight as of `at`. */
export interface FadingMean {
  readonly sum: number;
  readonly weight: number;
  readonly at: EpochMs;
}

/** What is known of one channel and method, as plain data. */
export interface StatisticsEntry {
  readonly channelId: string;
  readonly method: string;
  /** 1 for a call that worked, 0 for a technical failure. */
  readonly technical: FadingMean;
  /** 1 for an order that was paid, 0 for one that was not. */
  readonly payment: FadingMean;
  readonly latencyMs: FadingMean;
}

const MEANS = ['technical', 'payment', 'latencyMs'] as const;
const NOTHING: FadingMean = { sum: 0, weight: 0, at: 0 };

/** What routing learns from. It holds no clock: every call says when it happens. */
export interface Statistics {
  /** A call that a channel answered, or failed to. Only calls that worked teach the latency. */
  recordTechnical(channelId: string, method: string, ok: boolean, latencyMs: number, now: EpochMs): void;
  /** How an order that the buyer had in hand ended. */
  recordOutcome(channelId: string, method: string, outcome: 'paid' | 'unpaid', now: EpochMs): void;
  estimate(channelId: string, method: string, now: EpochMs): Estimate;
  /** Forgets the failures of a channel that has come back, so that its traffic comes back too. */
  resetTechnical(channelId: string): void;
  snapshot(): readonly StatisticsEntry[];
  /** Replaces everything by an earlier snapshot. */
  restore(entries: readonly StatisticsEntry[]): void;
}

export function createStatistics(options: Partial<StatisticsOptions> = {}): Statistics {
  const { technicalHalfLifeMs, latencyHalfLifeMs, paymentHalfLifeMs, priors, entriesMax } = { ...DEFAULTS, ...options };
  const entries = new Map<string, StatisticsEntry>();

  function update(channelId: string, method: string, change: (entry: StatisticsEntry) => StatisticsEntry): void {
    const key = keyOf(channelId, method);
    const entry = entries.get(key) ?? { channelId, method, technical: NOTHING, payment: NOTHING, latencyMs: NOTHING };
    entries.delete(key); // set again below, so that the map stays in the order of the last touch
    if (entries.size >= entriesMax) dropOldest(entries);
    entries.set(key, change(entry));
  }

  /** What was learnt by a clock that has been set back since fades from now on, and not only when that time has come again. */
  function entryAt(channelId: string, method: string, now: EpochMs): StatisticsEntry | undefined {
    const key = keyOf(channelId, method);
    const entry = entries.get(key);
    if (!entry || !MEANS.some((mean) => entry[mean].at > now)) return entry;
    const moved = { ...entry };
    for (const mean of MEANS) moved[mean] = { ...entry[mean], at: Math.min(entry[mean].at, now) };
    entries.set(key, moved);
    return moved;
  }

  return {
    recordTechnical: (channelId, method, ok, latencyMs, now) =>
      update(channelId, method, (entry) => ({
        ...entry,
        technical: observe(entry.technical, ok ? 1 : 0, now, technicalHalfLifeMs),
        // A refused connection fails in a millisecond: counting it would make a dead channel look fast.
        latencyMs: ok ? observe(entry.latencyMs, latencyMs, now, latencyHalfLifeMs) : entry.latencyMs,
      })),

    recordOutcome: (channelId, method, outcome, now) =>
      update(channelId, method, (entry) => ({
        ...entry,
        payment: observe(entry.payment, outcome === 'paid' ? 1 : 0, now, paymentHalfLifeMs),
      })),

    estimate: (channelId, method, now) => {
      const entry = entryAt(channelId, method, now);
      const technical = faded(entry?.technical ?? NOTHING, now, technicalHalfLifeMs);
      const payment = faded(entry?.payment ?? NOTHING, now, paymentHalfLifeMs);
      const latency = faded(entry?.latencyMs ?? NOTHING, now, latencyHalfLifeMs);
      return {
        technicalRatio: blend(technical, priors.technical),
        paymentRatio: blend(payment, priors.payment),
        // Not their sum: one payment is a call and later an outcome.
        sampleSize: Math.max(technical.weight, payment.weight),
        latencyMs: blend(latency, priors.latencyMs),
      };
    },

    resetTechnical: (channelId) => {
      for (const [key, entry] of entries) {
        if (entry.channelId === channelId) entries.set(key, { ...entry, technical: NOTHING });
      }
    },

    snapshot: () => [...entries.values()],

    restore: (snapshot) => {
      entries.clear();
      for (const entry of snapshot.slice(-entriesMax)) entries.set(keyOf(entry.channelId, entry.method), entry);
    },
  };
}

function keyOf(channelId: string, method: string): string {
  return `${channelId}/${method}`;
}

function observe(mean: FadingMean, value: number, now: EpochMs, halfLifeMs: number): FadingMean {
  const { sum, weight, at } = faded(mean, now, halfLifeMs);
  return { sum: sum + value, weight: weight + 1, at };
}

/** A clock that steps back fades nothing; what was learnt before moves with it. */
function faded(mean: FadingMean, now: EpochMs, halfLifeMs: number): FadingMean {
  if (mean.weight === 0) return { sum: 0, weight: 0, at: now };
  if (now <= mean.at) return { ...mean, at: now };
  const kept = 0.5 ** ((now - mean.at) / halfLifeMs);
  return { sum: mean.sum * kept, weight: mean.weight * kept, at: now };
}

function blend(mean: FadingMean, prior: Prior): number {
  if (mean.weight === 0) return prior.value; // exactly, without a rounding error
  return (mean.sum + prior.value * prior.weight) / (mean.weight + prior.weight);
}

function dropOldest(entries: Map<string, unknown>): void {
  const oldest = entries.keys().next();
  if (!oldest.done) entries.delete(oldest.value);
}
