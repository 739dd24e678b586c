import type { EpochMs } from '../payment/index.ts';
import { type Gate, newGate } from './breaker-rule.ts';

/** A call under way. */
export interface CallTicket {
  readonly channelId: string;
  readonly method: string;
  readonly startedAt: EpochMs;
  ended: boolean;
  overdue: boolean;
}

export interface TechnicalEstimate {
  /** Share of calls that technically work, 0 to 1. */
  readonly share: number;
  /** How many calls that rests on. */
  readonly calls: number;
  readonly latencyMs: number;
  /** What a failed call costs the buyer in time. */
  readonly lostMs: number;
}

/** What is remembered of the calls of one channel and method. */
export interface CallRecord {
  failures: number;
  calls: number;
  at: EpochMs;
  /** Mean time between calls. */
  gapMs: number;
  /** Latency of good calls in log space. */
  logMean: number;
  logVariance: number;
  latencies: number;
  /** The mean of the last few good calls in log space, and what was usual before they became slow; null while they are not. */
  logRecent: number;
  logUsual: number | null;
  lostMs: number;
  lost: number;
  lastCallAt: EpochMs;
  readonly gate: Gate;
  underWay: CallTicket[];
  head: number;
  overdue: number;
  /** Side-effect-free probes that failed since the last one or a call went well; like calls that are overdue they are taken back. */
  failedProbes: number;
  /** When the latest of the calls that went well was begun. */
  goodSince: EpochMs;
  /** The last estimate and how long a good call takes at most; null once something has changed them. */
  known: TechnicalEstimate | null;
  usualMsMax: number | null;
}

type KeptCalls = Omit<
  CallRecord,
  | 'gate'
  | 'underWay'
  | 'logRecent'
  | 'logUsual'
  | 'head'
  | 'overdue'
  | 'failedProbes'
  | 'goodSince'
  | 'known'
  | 'usualMsMax'
>;

const PRIOR = { failures: 0.2, calls: 10 } as const;
const PRIOR_LATENCY = { logMean: Math.log(400), logVariance: 0.36, calls: 3 } as const;
const PRIOR_LOST = { ms: 1_500, calls: 3 } as const;
const LATENCY_CALLS_MAX = 200;
const REMEMBERED_CALLS = 200;
const HALF_LIFE_MS_MIN = 30_000;
const HALF_LIFE_MS_MAX = 3_600_000;
/** Before the second call comes, calls are thought to be this far apart. */
const GAP_MS_START = 10_000;
const GAP_CALLS = 20;
/** Fading is put off until it amounts to something. */
const FADE_AFTER_MS = 500;
const FADE_AFTER_SHARE = 0.01;
const LATENCY_HALF_LIFE_MS_MIN = 10 * 60_000;
/** So many calls make `logRecent`; it is believed once the usual rests on enough calls of its own. */
const RECENT_CALLS = 6;
const USUAL_CALLS = 30;
/** A channel is slow at about three times the usual, and is as usual again below about one and a half times. */
const SLOW_ABOVE = 1;
const USUAL_BELOW = 0.45;
/** How many standard deviations above the usual a call is overdue, and never sooner than this. */
const OVERDUE_DEVIATIONS = 4;
const OVERDUE_MS_MIN = 1_000;

/** What is believed of a channel that was never called. */
export const UNKNOWN_CALLS: TechnicalEstimate = {
  share: 1 - PRIOR.failures / PRIOR.calls,
  calls: 0,
  latencyMs: Math.exp(PRIOR_LATENCY.logMean + PRIOR_LATENCY.logVariance / 2),
  lostMs: PRIOR_LOST.ms,
};

export function newCallRecord(): CallRecord {
  return {
    ...{ failures: 0, calls: 0, at: 0, gapMs: GAP_MS_START, lastCallAt: 0 },
    ...{ logMean: PRIOR_LATENCY.logMean, logVariance: PRIOR_LATENCY.logVariance, latencies: PRIOR_LATENCY.calls },
    ...{ logRecent: PRIOR_LATENCY.logMean, logUsual: null },
    ...{
      lostMs: PRIOR_LOST.ms,
      lost: PRIOR_LOST.calls,
      gate: newGate(),
      underWay: [],
      head: 0,
      overdue: 0,
      failedProbes: 0,
    },
    ...{ goodSince: Number.NEGATIVE_INFINITY },
    ...{ known: null, usualMsMax: null },
  };
}

export function begin(record: CallRecord, ticket: CallTicket): void {
  if (record.lastCallAt > 0) {
    const gapMs = Math.max(0, ticket.startedAt - record.lastCallAt);
    record.gapMs += (gapMs - record.gapMs) / GAP_CALLS;
  }
  record.lastCallAt = ticket.startedAt;
  record.underWay.push(ticket);
}

/** A call is over, however it ended. */
export function end(record: CallRecord, ticket: CallTicket): void {
  ticket.ended = true;
  if (ticket.overdue) {
    record.overdue -= 1;
    record.known = null;
  }
  while (record.head < record.underWay.length && record.underWay[record.head]?.ended) record.head += 1;
  if (record.head > 64 && record.head * 2 > record.underWay.length) {
    record.underWay = record.underWay.slice(record.head);
    record.head = 0;
  }
}

/** @returns `slow` or `usual` when its answers have become so
 */
export function learnCall(
  record: CallRecord,
  failed: boolean,
  latencyMs: number,
  now: EpochMs,
): 'slow' | 'usual' | null {
  fade(record, now);
  record.known = null;
  record.calls += 1;
  record.failures += failed ? 1 : 0;
  if (!failed) record.failedProbes = 0;
  learnLatency(record, failed, latencyMs);
  return failed ? null : paceOf(record, latencyMs);
}

function paceOf(record: CallRecord, latencyMs: number): 'slow' | 'usual' | null {
  record.logRecent += (Math.log(Math.max(1, latencyMs)) - record.logRecent) / RECENT_CALLS;
  if (record.logUsual !== null) {
    if (record.logRecent - record.logUsual > USUAL_BELOW) return null;
    record.logMean = record.logUsual;
    record.logUsual = null;
    return 'usual';
  }
  const above = Math.max(SLOW_ABOVE, 2 * Math.sqrt(record.logVariance));
  if (record.latencies < USUAL_CALLS || record.logRecent - record.logMean < above) return null;
  record.logUsual = record.logMean;
  record.logMean = record.logRecent;
  record.latencies = USUAL_CALLS;
  return 'slow';
}

/** A side-effect-free probe of a channel whose breaker is closed was answered. */
export function learnProbe(record: CallRecord, ok: boolean): void {
  record.failedProbes = ok ? 0 : record.failedProbes + 1;
  record.known = null;
}

/** A channel that has come back is judged by what it does now, not by its outage. */
export function beginAnew(record: CallRecord): void {
  Object.assign(record, { failures: 0, calls: record.gate.goodNeeded, failedProbes: 0, known: null });
}

export function estimateOf(record: CallRecord, now: EpochMs): TechnicalEstimate {
  fade(record, now);
  if (record.known !== null) return record.known;
  const doubtful = record.overdue + record.failedProbes;
  const failures = record.failures + doubtful;
  const calls = record.calls + doubtful;
  record.known = {
    share: 1 - (failures + PRIOR.failures) / (calls + PRIOR.calls),
    calls: record.calls,
    latencyMs: Math.exp(record.logMean + record.logVariance / 2),
    lostMs: record.lostMs,
  };
  return record.known;
}

/**
 * Calls that have lasted longer than a good one ever does. They are taken in the order of their start, and so come due in it.
 * @returns how many were begun since the last good one was: the channel hangs. Those before it are single ones, of which there are
 * always some where calls are many
 */
export function countOverdue(record: CallRecord, now: EpochMs): number {
  if (record.head >= record.underWay.length) return 0;
  record.usualMsMax ??= Math.exp(record.logMean + OVERDUE_DEVIATIONS * Math.sqrt(Math.max(0.04, record.logVariance)));
  const until = now - Math.max(OVERDUE_MS_MIN, record.usualMsMax);
  // A clock may have been set back since.
  record.goodSince = Math.min(record.goodSince, now);
  for (let i = record.head; i < record.underWay.length; i += 1) {
    const ticket = record.underWay[i];
    if (!ticket || ticket.startedAt > until) break;
    if (ticket.ended || ticket.overdue) continue;
    ticket.overdue = true;
    record.overdue += 1;
    record.known = null;
  }
  return record.overdue === 0 || record.goodSince > until ? 0 : hangingSince(record, until);
}

function hangingSince({ underWay, head, goodSince }: CallRecord, until: EpochMs): number {
  let hanging = 0;
  for (let i = underWay.length - 1; i >= head; i -= 1) {
    const ticket = underWay[i];
    if (!ticket || ticket.startedAt <= goodSince) break;
    if (ticket.overdue && !ticket.ended && ticket.startedAt <= until) hanging += 1;
  }
  return hanging;
}

/** What a restart must not forget of it. */
export function keptOf(record: CallRecord): KeptCalls {
  const { failures, calls, at, gapMs, logMean, logVariance, latencies, lostMs, lost, lastCallAt } = record;
  return { failures, calls, at, gapMs, logMean, logVariance, latencies, lostMs, lost, lastCallAt };
}

export function takeUp(record: CallRecord, kept: KeptCalls): void {
  Object.assign(record, kept, { logRecent: kept.logMean, logUsual: null, known: null, usualMsMax: null });
}

/** The half-life is the time of some 200 calls. A clock that steps back fades nothing. */
function fade(record: CallRecord, now: EpochMs): void {
  const sinceMs = now - record.at;
  if (sinceMs >= 0 && sinceMs < FADE_AFTER_MS) return;
  const halfLifeMs = Math.min(HALF_LIFE_MS_MAX, Math.max(HALF_LIFE_MS_MIN, REMEMBERED_CALLS * record.gapMs));
  if (sinceMs >= 0 && sinceMs < FADE_AFTER_SHARE * halfLifeMs && record.calls > 0) return;
  record.at = now;
  if (sinceMs <= 0 || record.calls === 0) return;
  record.known = null;
  record.usualMsMax = null;
  const kept = 0.5 ** (sinceMs / halfLifeMs);
  record.failures *= kept;
  record.calls *= kept;
  // A channel that was slow and gets no calls any more would stay slow for ever.
  const latencyKept = 0.5 ** (sinceMs / Math.max(LATENCY_HALF_LIFE_MS_MIN, halfLifeMs));
  record.logMean = PRIOR_LATENCY.logMean + (record.logMean - PRIOR_LATENCY.logMean) * latencyKept;
  record.lostMs = PRIOR_LOST.ms + (record.lostMs - PRIOR_LOST.ms) * latencyKept;
}

function learnLatency(record: CallRecord, failed: boolean, latencyMs: number): void {
  if (failed) {
    record.lost = Math.min(LATENCY_CALLS_MAX, record.lost + 1);
    record.lostMs += (latencyMs - record.lostMs) / record.lost;
    return;
  }
  record.usualMsMax = null;
  record.latencies = Math.min(LATENCY_CALLS_MAX, record.latencies + 1);
  const difference = Math.log(Math.max(1, latencyMs)) - record.logMean;
  record.logMean += difference / record.latencies;
  record.logVariance += (difference * difference - record.logVariance) / record.latencies;
}
