import type { EpochMs } from '../payment/index.ts';
import {
  ended,
  type Gate,
  type GateSettings,
  type GateState,
  judge,
  newGate,
  open,
  probed,
  started,
  stateOf,
} from './breaker-rule.ts';
import type { CallSnapshot } from './snapshot-schema.ts';

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

interface Pair {
  failures: number;
  calls: number;
  at: EpochMs;
  /** Mean time between calls. */
  gapMs: number;
  /** Latency of good calls in log space. */
  logMean: number;
  logVariance: number;
  latencies: number;
  lostMs: number;
  lost: number;
  lastCallAt: EpochMs;
  readonly gate: Gate;
  underWay: CallTicket[];
  head: number;
  overdue: number;
}

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
const LATENCY_HALF_LIFE_MS_MIN = 10 * 60_000;
/** How many standard deviations above the usual a call is overdue, and never sooner than this. */
const OVERDUE_DEVIATIONS = 4;
const OVERDUE_MS_MIN = 1_000;
const PAIRS_MAX = 16_384;
/** A trip on one method is this much evidence against the channel's other ones. */
const SUSPICION = 4;

/** What routing learns from the calls that create orders: it works or it does not, and this is known at once. */
export function createTechnicalStage(
  settingsOf: (channelId: string) => GateSettings,
  /** How far apart payments of a method are, whatever the channel: what pauses are measured in. */
  paymentsMs: (method: string) => number,
  onChange: (channelId: string, state: 'open' | 'closed') => void = () => {},
) {
  const channels = new Map<string, Map<string, Pair>>();
  let pairs = 0;

  function pairOf(channelId: string, method: string): Pair {
    let methods = channels.get(channelId);
    if (!methods) {
      methods = new Map();
      channels.set(channelId, methods);
    }
    let pair = methods.get(method);
    if (!pair) {
      if (pairs >= PAIRS_MAX) forgetOldest();
      pair = newPair();
      methods.set(method, pair);
      pairs += 1;
    }
    return pair;
  }

  function callStarted(channelId: string, method: string, now: EpochMs): CallTicket {
    const pair = pairOf(channelId, method);
    if (pair.lastCallAt > 0) {
      const gapMs = Math.max(0, now - pair.lastCallAt);
      pair.gapMs += (gapMs - pair.gapMs) / GAP_CALLS;
    }
    pair.lastCallAt = now;
    started(pair.gate, now);
    const ticket = ticketOf(channelId, method, now);
    pair.underWay.push(ticket);
    return ticket;
  }

  /** @param outcome `refused`: it answered and would not (rate limit, quota, decline): no failure, and no proof of health */
  function callEnded(
    ticket: CallTicket,
    outcome: 'ok' | 'failed' | 'refused',
    now: EpochMs,
    /** How long it took, where the caller knows better than the clock. */
    latencyMs: number = Math.max(0, now - ticket.startedAt),
  ): void {
    if (ticket.ended) return;
    ticket.ended = true;
    const pair = pairOf(ticket.channelId, ticket.method);
    if (ticket.overdue) pair.overdue -= 1;
    dropEnded(pair);
    if (outcome === 'refused') {
      if (pair.gate.trialSince === ticket.startedAt) pair.gate.trialSince = null;
      return;
    }
    const failed = outcome === 'failed';
    fade(pair, now);
    pair.calls += 1;
    pair.failures += failed ? 1 : 0;
    learnLatency(pair, failed, latencyMs);
    const settings = settingsOf(ticket.channelId);
    const call = { failed, startedAt: ticket.startedAt, paymentsMs: paymentsMs(ticket.method) };
    if (ended(pair.gate, settings, call, now)) closed(ticket.channelId, pair);
    assess(ticket.channelId, ticket.method, pair, now);
  }

  /** A channel that has come back is judged by what it does now, not by its outage. */
  function closed(channelId: string, pair: Pair): void {
    Object.assign(pair, { failures: 0, calls: pair.gate.goodNeeded });
    onChange(channelId, 'closed');
  }

  function gate(channelId: string, method: string, now: EpochMs): GateState {
    const pair = channels.get(channelId)?.get(method);
    if (!pair) return 'closed';
    assess(channelId, method, pair, now);
    return stateOf(pair.gate, now);
  }

  function assess(channelId: string, method: string, pair: Pair, now: EpochMs): void {
    if (pair.gate.openedAt !== null) return;
    countOverdue(pair, now);
    if (pair.gate.evidence === 0 && pair.overdue === 0) return;
    judge(pair.gate, settingsOf(channelId), pair.overdue, paymentsMs(method), now);
    if (stateOf(pair.gate, now) === 'closed') return;
    onChange(channelId, 'open');
    for (const [other, sibling] of channels.get(channelId) ?? []) {
      if (other !== method) sibling.gate.evidence = Math.max(sibling.gate.evidence, SUSPICION);
    }
  }

  function estimate(channelId: string, method: string, now: EpochMs): TechnicalEstimate {
    const pair = channels.get(channelId)?.get(method);
    if (!pair) return UNKNOWN;
    fade(pair, now);
    const failures = pair.failures + pair.overdue;
    const calls = pair.calls + pair.overdue;
    return {
      share: 1 - (failures + PRIOR.failures) / (calls + PRIOR.calls),
      calls: pair.calls,
      latencyMs: meanLatencyMs(pair),
      lostMs: pair.lostMs,
    };
  }

  /** A side-effect-free probe speaks for all methods: it may bring a trial forward, and a failed one is evidence like a failed call. */
  function probe(channelId: string, methods: readonly string[], ok: boolean, now: EpochMs): void {
    for (const method of methods) {
      const pair = pairOf(channelId, method);
      const settings = settingsOf(channelId);
      if (pair.gate.openedAt !== null) {
        if (probed(pair.gate, settings, ok, now)) closed(channelId, pair);
      } else if (!ok) {
        fade(pair, now);
        pair.calls += 1;
        pair.failures += 1;
        const call = { failed: true, startedAt: now, paymentsMs: paymentsMs(method), probe: true };
        ended(pair.gate, settings, call, now);
        assess(channelId, method, pair, now);
      }
    }
  }

  function wantsProbe(channelId: string, now: EpochMs): boolean {
    for (const { gate: one } of channels.get(channelId)?.values() ?? []) {
      if (one.openedAt !== null && now >= one.probeAt) return true;
    }
    return false;
  }

  /** Opens at once, for failures that need no second sight. */
  function trip(channelId: string, methods: readonly string[], now: EpochMs): void {
    for (const method of methods) {
      const pair = pairOf(channelId, method);
      if (pair.gate.openedAt !== null) continue;
      open(pair.gate, settingsOf(channelId), paymentsMs(method), now);
      onChange(channelId, 'open');
    }
  }

  /** The worst of a channel's methods. */
  function state(channelId: string, now: EpochMs): GateState {
    let worst: GateState = 'closed';
    for (const method of channels.get(channelId)?.keys() ?? []) {
      const one = gate(channelId, method, now);
      if (one === 'open') return one;
      if (one === 'trial') worst = one;
    }
    return worst;
  }

  function snapshot(pairsMax: number): CallSnapshot[] {
    const all = [...channels].flatMap(([channelId, methods]) =>
      [...methods].map(([method, pair]): CallSnapshot => {
        const { failures, calls, at, gapMs, logMean, logVariance, latencies, lostMs, lost, lastCallAt } = pair;
        return {
          channelId,
          method,
          failures,
          calls,
          at,
          gapMs,
          logMean,
          logVariance,
          latencies,
          lostMs,
          lost,
          lastCallAt,
        };
      }),
    );
    return all.slice(-pairsMax);
  }

  function restore(saved: readonly CallSnapshot[]): void {
    for (const { channelId, method, ...known } of saved) Object.assign(pairOf(channelId, method), known);
  }

  function forgetOldest(): void {
    const oldest = channels.keys().next();
    if (!oldest.done) forget(oldest.value);
  }

  function forget(channelId: string): void {
    pairs -= channels.get(channelId)?.size ?? 0;
    channels.delete(channelId);
  }

  return {
    callStarted,
    callEnded,
    gate,
    estimate,
    forget,
    probe,
    wantsProbe,
    trip,
    state,
    snapshot,
    restore,
  };
}

export type TechnicalStage = ReturnType<typeof createTechnicalStage>;

function newPair(): Pair {
  return {
    ...{ failures: 0, calls: 0, at: 0, gapMs: GAP_MS_START, lastCallAt: 0 },
    ...{ logMean: PRIOR_LATENCY.logMean, logVariance: PRIOR_LATENCY.logVariance, latencies: PRIOR_LATENCY.calls },
    ...{ lostMs: PRIOR_LOST.ms, lost: PRIOR_LOST.calls, gate: newGate(), underWay: [], head: 0, overdue: 0 },
  };
}

const UNKNOWN: TechnicalEstimate = {
  share: 1 - PRIOR.failures / PRIOR.calls,
  calls: 0,
  latencyMs: Math.exp(PRIOR_LATENCY.logMean + PRIOR_LATENCY.logVariance / 2),
  lostMs: PRIOR_LOST.ms,
};

function ticketOf(channelId: string, method: string, startedAt: EpochMs): CallTicket {
  return { channelId, method, startedAt, ended: false, overdue: false };
}

/** The half-life is the time of some 200 calls. A clock that steps back fades nothing. */
function fade(pair: Pair, now: EpochMs): void {
  const sinceMs = now - pair.at;
  if (sinceMs >= 0 && sinceMs < FADE_AFTER_MS) return;
  pair.at = now;
  if (sinceMs <= 0 || pair.calls === 0) return;
  const halfLifeMs = Math.min(HALF_LIFE_MS_MAX, Math.max(HALF_LIFE_MS_MIN, REMEMBERED_CALLS * pair.gapMs));
  const kept = 0.5 ** (sinceMs / halfLifeMs);
  pair.failures *= kept;
  pair.calls *= kept;
  // A channel that was slow and gets no calls any more would stay slow for ever.
  const latencyKept = 0.5 ** (sinceMs / Math.max(LATENCY_HALF_LIFE_MS_MIN, halfLifeMs));
  pair.logMean = PRIOR_LATENCY.logMean + (pair.logMean - PRIOR_LATENCY.logMean) * latencyKept;
  pair.lostMs = PRIOR_LOST.ms + (pair.lostMs - PRIOR_LOST.ms) * latencyKept;
}

function learnLatency(pair: Pair, failed: boolean, latencyMs: number): void {
  if (failed) {
    pair.lost = Math.min(LATENCY_CALLS_MAX, pair.lost + 1);
    pair.lostMs += (latencyMs - pair.lostMs) / pair.lost;
    return;
  }
  pair.latencies = Math.min(LATENCY_CALLS_MAX, pair.latencies + 1);
  const difference = Math.log(Math.max(1, latencyMs)) - pair.logMean;
  pair.logMean += difference / pair.latencies;
  pair.logVariance += (difference * difference - pair.logVariance) / pair.latencies;
}

function meanLatencyMs({ logMean, logVariance }: Pair): number {
  return Math.exp(logMean + logVariance / 2);
}

/** Calls that have lasted longer than a good one ever does. They are taken in the order of their start, and so come due in it. */
function countOverdue(pair: Pair, now: EpochMs): void {
  const usualMs = Math.exp(pair.logMean + OVERDUE_DEVIATIONS * Math.sqrt(Math.max(0.04, pair.logVariance)));
  const until = now - Math.max(OVERDUE_MS_MIN, usualMs);
  for (let i = pair.head; i < pair.underWay.length; i += 1) {
    const ticket = pair.underWay[i];
    if (!ticket || ticket.startedAt > until) break;
    if (ticket.ended || ticket.overdue) continue;
    ticket.overdue = true;
    pair.overdue += 1;
  }
}

function dropEnded(pair: Pair): void {
  while (pair.head < pair.underWay.length && pair.underWay[pair.head]?.ended) pair.head += 1;
  if (pair.head > 64 && pair.head * 2 > pair.underWay.length) {
    pair.underWay = pair.underWay.slice(pair.head);
    pair.head = 0;
  }
}
