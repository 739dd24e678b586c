import type { EpochMs } from '../payment/index.ts';

/** `trial`: the channel may have one small real payment now, to show that it is back. */
export type GateState = 'closed' | 'open' | 'trial';

export interface GateSettings {
  /** The failure share of a channel that is down, at least. 0 to 1. */
  readonly failureRate: number;
  /** From opening to the first trial at most. */
  readonly openForMs: number;
}

/** What the rule remembers of one channel and method. */
export interface Gate {
  /** Evidence that the channel is down: sum of log-likelihood ratios, never below 0. */
  evidence: number;
  /** Normal times: failures and calls, slowly forgotten. */
  normalFailures: number;
  normalCalls: number;
  /** Null when closed. */
  openedAt: EpochMs | null;
  pauseMs: number;
  trialAt: EpochMs;
  /** When it opened or a payment of its own failed last: from then on a trial is put off for so long at most. */
  triedAt: EpochMs;
  trialSince: EpochMs | null;
  goodInARow: number;
  goodNeeded: number;
  callsSinceClosed: number;
  /** When to ask without side effects whether it is back, and how long to wait after the next probe that fails. */
  probeAt: EpochMs;
  probePauseMs: number;
  /** A probe said that it was back, and the payment after it failed: from then on probes do not hasten trials. */
  misled: boolean;
  /** The latest time that it was told, to notice a clock that is set back. */
  seenAt: EpochMs;
  /** Payments are part of the evidence that it is down; without them probes alone can close it again. */
  paymentsFailed: boolean;
  /** Since when probes have been good while it waited for a trial payment and none came, and how many; null when it does not wait. */
  idleSince: EpochMs | null;
  idleProbes: number;
}

const NORMAL_CALLS_MAX = 1_000;
const NORMAL_PRIOR = { failures: 1, calls: 50 } as const;
const NORMAL_MIN = 0.03;
const NORMAL_MAX = 0.3;
const DOWN_ABOVE_NORMAL = 0.4;
const THRESHOLD = 6;
/** Payments a minute above which the threshold does not grow any more. */
const TRAFFIC_MAX = 300;
const GOOD_NEEDED = 3;
const GOOD_NEEDED_MAX = 24;
/** A breaker that opens again within so many calls was closed too early. */
const RELAPSE_CALLS = 30;
const PAUSE_MS_MIN = 1_000;
const PROBE_PAUSE_MS_MIN = 1_000;
/** The first and the longest pause between trials, in payments' worth of time, and never longer than an hour. */
const FIRST_PAUSE_PAYMENTS = 15;
const PAUSE_PAYMENTS = 60;
const PAUSE_MS_MAX = 3_600_000;
/**
 * Where no trial payment comes, so many good probes close it, over a minute at least, and over the time of so many payments where they
 * are few, so that one of them had the chance.
 */
const IDLE_PROBES = 4;
const IDLE_MS_MIN = 60_000;
const IDLE_MS_MAX = 10 * 60_000;
const IDLE_PAYMENTS = 5;
/**
 * A trial is put off by those of the channel's other methods until so many pauses after the last one: a method with few payments
 * would else never have one while one with many stays dead.
 */
const PUT_OFF_PAUSES = 4;
/** A trial of which nothing is heard for so long is given up. */
const TRIAL_LOST_MS = 60_000;

export function newGate(): Gate {
  return {
    ...{ evidence: 0, normalFailures: NORMAL_PRIOR.failures, normalCalls: NORMAL_PRIOR.calls },
    ...{ openedAt: null, pauseMs: 0, trialAt: 0, triedAt: 0, trialSince: null },
    ...{ goodInARow: 0, goodNeeded: GOOD_NEEDED, callsSinceClosed: RELAPSE_CALLS },
    ...{ probeAt: 0, probePauseMs: PROBE_PAUSE_MS_MIN, misled: false, seenAt: 0, paymentsFailed: false },
    ...{ idleSince: null, idleProbes: 0 },
  };
}

/**
 * The rule that opens and closes `create` (CUSUM): every call adds the log-likelihood ratio between "down" and "as usual". The
 * threshold grows with the logarithm of the traffic, so about four failures in a row open at any rate and single ones never do.
 * @param hanging calls that are overdue; they count as failures until they answer
 * @param paymentsMs how far apart payments of this method are, whatever the channel
 */
export function judge(gate: Gate, settings: GateSettings, hanging: number, paymentsMs: number, now: EpochMs): void {
  if (gate.openedAt !== null) return;
  const weight = failureWeight(gate, settings);
  const perMinute = 60_000 / Math.max(1, paymentsMs);
  const traffic = Math.min(TRAFFIC_MAX, Math.max(1, perMinute));
  if (gate.evidence + hanging * weight <= THRESHOLD + Math.log(traffic)) return;
  open(gate, settings, paymentsMs, now);
}

/** Opens whatever the evidence. */
export function open(gate: Gate, settings: GateSettings, paymentsMs: number, now: EpochMs): void {
  if (gate.openedAt !== null) return;
  const relapsed = gate.callsSinceClosed < RELAPSE_CALLS;
  gate.goodNeeded = relapsed ? Math.min(GOOD_NEEDED_MAX, gate.goodNeeded * 2) : GOOD_NEEDED;
  gate.openedAt = now;
  gate.seenAt = now;
  gate.triedAt = now;
  gate.pauseMs = pauseOf(FIRST_PAUSE_PAYMENTS, paymentsMs);
  gate.trialAt = now + gate.pauseMs;
  gate.trialSince = null;
  gate.goodInARow = 0;
  gate.probePauseMs = PROBE_PAUSE_MS_MIN;
  gate.probeAt = now + Math.min(PROBE_PAUSE_MS_MIN, settings.openForMs);
  gate.misled = false;
  gate.idleSince = null;
}

/**
 * A side-effect-free probe of an open gate was answered. While probes fail no payment is risked; a good one brings the next trial
 * forward, and what only probes have opened they close. They close the other ones too when no payment comes for a trial: else a
 * channel that is not used would look half-open for ever.
 * @returns true when this closed the gate
 */
export function probed(gate: Gate, settings: GateSettings, ok: boolean, paymentsMs: number, now: EpochMs): boolean {
  followClock(gate, now);
  if (ok && !gate.paymentsFailed) {
    gate.probeAt = now;
    return good(gate);
  }
  if (ok) {
    gate.probeAt = now + settings.openForMs;
    if (!gate.misled) gate.trialAt = Math.min(gate.trialAt, now);
    return idle(gate, paymentsMs, now);
  }
  gate.goodInARow = 0;
  gate.idleSince = null;
  gate.probePauseMs = Math.min(settings.openForMs, gate.probePauseMs * 2);
  gate.probeAt = now + gate.probePauseMs;
  gate.trialAt = Math.max(gate.trialAt, gate.probeAt + 1);
  return false;
}

/** @returns true when it has waited long enough for a trial payment, and so is closed */
function idle(gate: Gate, paymentsMs: number, now: EpochMs): boolean {
  if (stateOf(gate, now) !== 'trial') return false;
  if (gate.idleSince === null || gate.idleSince > now) {
    gate.idleSince = now;
    gate.idleProbes = 0;
  }
  gate.idleProbes += 1;
  const waitMs = Math.max(IDLE_MS_MIN, Math.min(IDLE_PAYMENTS * paymentsMs, IDLE_MS_MAX));
  if (gate.idleProbes < IDLE_PROBES || now - gate.idleSince < waitMs) return false;
  close(gate);
  return true;
}

export function stateOf(gate: Gate, now: EpochMs): GateState {
  if (gate.openedAt === null) return 'closed';
  followClock(gate, now);
  const free = gate.trialSince === null || Math.abs(now - gate.trialSince) > TRIAL_LOST_MS;
  return free && now >= gate.trialAt ? 'trial' : 'open';
}

/** A call was started; in an open gate it is the trial. */
export function started(gate: Gate, now: EpochMs): void {
  if (stateOf(gate, now) !== 'trial') return;
  gate.trialSince = now;
  gate.idleSince = null;
}

/**
 * A call ended.
 * @returns true when this closed the gate
 */
export function ended(
  gate: Gate,
  settings: GateSettings,
  call: {
    readonly failed: boolean;
    readonly startedAt: EpochMs;
    readonly paymentsMs: number;
    readonly probe?: boolean;
  },
  now: EpochMs,
): boolean {
  if (gate.openedAt === null) {
    learn(gate, settings, call.failed);
    if (gate.evidence === 0) gate.paymentsFailed = false;
    if (call.failed && !call.probe) gate.paymentsFailed = true;
    return false;
  }
  // What was begun before the opening is old news.
  if (call.startedAt < gate.openedAt) return false;
  if (gate.trialSince === call.startedAt) gate.trialSince = null;
  if (call.failed) {
    gate.goodInARow = 0;
    gate.paymentsFailed = true;
    gate.misled = true;
    gate.triedAt = now;
    gate.pauseMs = Math.min(pauseOf(PAUSE_PAYMENTS, call.paymentsMs), gate.pauseMs * 2);
    gate.trialAt = now + gate.pauseMs;
    return false;
  }
  return good(gate);
}

/**
 * The same channel had a trial for another method: most likely it is dead for this one too, or back. So a channel that is dead costs one
 * payment at a time, and not one for each of its methods.
 */
export function siblingTried(gate: Gate, failed: boolean, now: EpochMs): void {
  if (stateOf(gate, now) === 'closed' || gate.trialSince !== null) return;
  if (!failed) gate.trialAt = Math.min(gate.trialAt, now);
  // One that is coming back is not held up by another that is not.
  else if (gate.goodInARow === 0) {
    const latestAt = gate.triedAt + PUT_OFF_PAUSES * gate.pauseMs;
    gate.trialAt = Math.max(gate.trialAt, Math.min(now + gate.pauseMs, latestAt));
  }
}

/** What lies ahead was planned by a clock that has been set back since: it comes as soon as it would have come. */
function followClock(gate: Gate, now: EpochMs): void {
  const backMs = gate.seenAt - now;
  gate.seenAt = now;
  if (backMs <= 0) return;
  if (gate.openedAt !== null) gate.openedAt -= backMs;
  if (gate.trialSince !== null) gate.trialSince -= backMs;
  gate.trialAt -= backMs;
  gate.triedAt -= backMs;
  gate.probeAt -= backMs;
}

function good(gate: Gate): boolean {
  gate.goodInARow += 1;
  if (gate.goodInARow < gate.goodNeeded) return false;
  close(gate);
  return true;
}

/** Closes whatever the evidence. */
export function close(gate: Gate): void {
  Object.assign(gate, { openedAt: null, evidence: 0, callsSinceClosed: 0, paymentsFailed: false });
}

function pauseOf(payments: number, paymentsMs: number): number {
  return Math.max(PAUSE_MS_MIN, Math.min(payments * paymentsMs, PAUSE_MS_MAX));
}

function learn(gate: Gate, settings: GateSettings, failed: boolean): void {
  gate.callsSinceClosed += 1;
  gate.evidence = failed
    ? gate.evidence + failureWeight(gate, settings)
    : Math.max(0, gate.evidence + successWeight(gate, settings));
  gate.normalFailures += failed ? 1 : 0;
  gate.normalCalls += 1;
  if (gate.normalCalls <= NORMAL_CALLS_MAX) return;
  gate.normalFailures *= 1 - 1 / NORMAL_CALLS_MAX;
  gate.normalCalls = NORMAL_CALLS_MAX;
}

function failureWeight(gate: Gate, settings: GateSettings): number {
  return Math.log(downShare(gate, settings) / normalShare(gate));
}

function successWeight(gate: Gate, settings: GateSettings): number {
  return Math.log((1 - downShare(gate, settings)) / (1 - normalShare(gate)));
}

function normalShare(gate: Gate): number {
  return Math.min(NORMAL_MAX, Math.max(NORMAL_MIN, gate.normalFailures / gate.normalCalls));
}

function downShare(gate: Gate, settings: GateSettings): number {
  return Math.min(0.95, Math.max(settings.failureRate, normalShare(gate) + DOWN_ABOVE_NORMAL));
}
