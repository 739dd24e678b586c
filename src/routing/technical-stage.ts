import type { EpochMs } from '../payment/index.ts';
import {
  close,
  ended,
  type GateSettings,
  type GateState,
  judge,
  open,
  probed,
  siblingTried,
  started,
  stateOf,
} from './breaker-rule.ts';
import {
  begin,
  beginAnew,
  type CallRecord,
  type CallTicket,
  countOverdue,
  end,
  estimateOf,
  keptOf,
  learnCall,
  learnProbe,
  newCallRecord,
  type TechnicalEstimate,
  takeUp,
  UNKNOWN_CALLS,
} from './call-record.ts';
import type { CallSnapshot } from './snapshot-schema.ts';

const RECORDS_MAX = 16_384;
/** A trip on one method is this much evidence against the channel's other ones. */
const SUSPICION = 4;

/** What routing learns from the calls that create orders: it works or it does not, and this is known at once. */
export function createTechnicalStage(
  settingsOf: (channelId: string) => GateSettings,
  /** How far apart payments of a method are, whatever the channel: what pauses are measured in. */
  paymentsMs: (method: string) => number,
  onChange: (channelId: string, state: 'open' | 'closed', method: string) => void = () => {},
  /** Hears when the channel's answers have suddenly become slow, and when they are as usual again. */
  onPace: (channelId: string, method: string, pace: 'slow' | 'usual', now: EpochMs) => void = () => {},
) {
  const channels = new Map<string, Map<string, CallRecord>>();
  /** An operator has to mend them; until a probe says that one works nobody is sent there, whatever happens elsewhere. */
  const outOfService = new Set<string>();
  let records = 0;

  function recordOf(channelId: string, method: string): CallRecord {
    let methods = channels.get(channelId);
    if (!methods) {
      methods = new Map();
      channels.set(channelId, methods);
    }
    let record = methods.get(method);
    if (!record) {
      if (records >= RECORDS_MAX) forgetOldest();
      record = newCallRecord();
      methods.set(method, record);
      records += 1;
    }
    return record;
  }

  function callStarted(channelId: string, method: string, now: EpochMs): CallTicket {
    const record = recordOf(channelId, method);
    const ticket: CallTicket = { channelId, method, startedAt: now, ended: false, overdue: false };
    started(record.gate, now);
    begin(record, ticket);
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
    const { channelId, method, startedAt } = ticket;
    const record = recordOf(channelId, method);
    end(record, ticket);
    if (outcome === 'refused') {
      if (record.gate.trialSince === startedAt) record.gate.trialSince = null;
      return;
    }
    const failed = outcome === 'failed';
    if (!failed) record.goodSince = Math.max(record.goodSince, startedAt);
    const pace = learnCall(record, failed, latencyMs, now);
    if (pace !== null) onPace(channelId, method, pace, now);
    const call = { failed, startedAt, paymentsMs: paymentsMs(method) };
    const { openedAt } = record.gate;
    if (ended(record.gate, settingsOf(channelId), call, now)) closed(channelId, method, record);
    if (openedAt !== null && startedAt >= openedAt) tried(channelId, method, failed, now);
    assess(channelId, method, record, now);
  }

  /** A trial has ended. */
  function tried(channelId: string, method: string, failed: boolean, now: EpochMs): void {
    for (const [other, { gate: sibling }] of channels.get(channelId) ?? []) {
      if (other !== method) siblingTried(sibling, failed, now);
    }
  }

  function closed(channelId: string, method: string, record: CallRecord): void {
    beginAnew(record);
    onChange(channelId, 'closed', method);
  }

  function gate(channelId: string, method: string, now: EpochMs): GateState {
    const record = channels.get(channelId)?.get(method);
    if (!record) return 'closed';
    assess(channelId, method, record, now);
    return stateOf(record.gate, now);
  }

  function assess(channelId: string, method: string, record: CallRecord, now: EpochMs): void {
    if (record.gate.openedAt !== null) return;
    const hanging = countOverdue(record, now);
    if (record.gate.evidence === 0 && hanging === 0) return;
    judge(record.gate, settingsOf(channelId), hanging, paymentsMs(method), now);
    if (stateOf(record.gate, now) === 'closed') return;
    opened(channelId, method);
  }

  function opened(channelId: string, method: string): void {
    onChange(channelId, 'open', method);
    for (const [other, sibling] of channels.get(channelId) ?? []) {
      if (other !== method) sibling.gate.evidence = Math.max(sibling.gate.evidence, SUSPICION);
    }
  }

  function estimate(channelId: string, method: string, now: EpochMs): TechnicalEstimate {
    const record = channels.get(channelId)?.get(method);
    return record ? estimateOf(record, now) : UNKNOWN_CALLS;
  }

  /** A side-effect-free probe speaks for all methods: it may bring a trial forward, and a failed one is evidence like a failed call, until one is good. */
  function probe(channelId: string, methods: readonly string[], ok: boolean, now: EpochMs): void {
    if (ok) outOfService.delete(channelId);
    for (const method of methods) {
      const record = recordOf(channelId, method);
      const settings = settingsOf(channelId);
      if (record.gate.openedAt !== null) {
        if (probed(record.gate, settings, ok, paymentsMs(method), now)) closed(channelId, method, record);
        continue;
      }
      learnProbe(record, ok);
      if (!ok) {
        const call = { failed: true, startedAt: now, paymentsMs: paymentsMs(method), probe: true };
        ended(record.gate, settings, call, now);
        assess(channelId, method, record, now);
      }
    }
  }

  function wantsProbe(channelId: string, now: EpochMs): boolean {
    for (const { gate: one } of channels.get(channelId)?.values() ?? []) {
      if (one.openedAt !== null && now >= one.probeAt) return true;
    }
    return false;
  }

  /** Opens at once, for failures that need no second sight, and takes the channel out of service. */
  function trip(channelId: string, methods: readonly string[], now: EpochMs): void {
    outOfService.add(channelId);
    for (const method of methods) {
      const record = recordOf(channelId, method);
      if (record.gate.openedAt !== null) continue;
      open(record.gate, settingsOf(channelId), paymentsMs(method), now);
      onChange(channelId, 'open', method);
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

  function snapshot(recordsMax: number): CallSnapshot[] {
    const all = [...channels].flatMap(([channelId, methods]) =>
      [...methods].map(([method, record]): CallSnapshot => ({ channelId, method, ...keptOf(record) })),
    );
    return all.slice(-recordsMax);
  }

  function restore(saved: readonly CallSnapshot[]): void {
    for (const { channelId, method, ...kept } of saved) takeUp(recordOf(channelId, method), kept);
  }

  function forgetOldest(): void {
    const oldest = channels.keys().next();
    if (!oldest.done) forget(oldest.value);
  }

  function forget(channelId: string): void {
    outOfService.delete(channelId);
    records -= channels.get(channelId)?.size ?? 0;
    channels.delete(channelId);
  }

  /** What another replica says of its calls and breakers. */
  const elsewhere = {
    call: ({ channelId, method, outcome, latencyMs, trial }: CallElsewhere, now: EpochMs): void => {
      const record = recordOf(channelId, method);
      const { gate: one } = record;
      if (one.openedAt !== null) {
        // What it had under way when the breaker opened is old news.
        if (!trial) return;
        const startedAt = Math.max(one.openedAt, one.trialSince ?? now);
        one.trialSince = null;
        if (outcome === 'refused') return;
        const call = { failed: outcome === 'failed', startedAt, paymentsMs: paymentsMs(method) };
        if (ended(one, settingsOf(channelId), call, now)) closed(channelId, method, record);
        tried(channelId, method, call.failed, now);
        return;
      }
      if (outcome === 'refused') return;
      const failed = outcome === 'failed';
      const pace = learnCall(record, failed, latencyMs, now);
      if (pace !== null) onPace(channelId, method, pace, now);
      ended(one, settingsOf(channelId), { failed, startedAt: now, paymentsMs: paymentsMs(method) }, now);
      assess(channelId, method, record, now);
    },
    /** It has a trial under way: one is enough for all. */
    trial: (channelId: string, method: string, now: EpochMs): void => {
      const { gate: one } = recordOf(channelId, method);
      if (one.openedAt !== null) one.trialSince = now;
    },
    gate: (channelId: string, method: string, state: 'open' | 'closed', now: EpochMs): void => {
      const record = recordOf(channelId, method);
      if ((record.gate.openedAt === null) === (state === 'closed')) return;
      if (state === 'closed') {
        close(record.gate);
        closed(channelId, method, record);
        return;
      }
      open(record.gate, settingsOf(channelId), paymentsMs(method), now);
      record.gate.paymentsFailed = true;
      opened(channelId, method);
    },
    mended: (channelId: string): void => void outOfService.delete(channelId),
  };

  /** Breakers that are not closed, for somebody who has just come. */
  function openGates(): { readonly channelId: string; readonly method: string }[] {
    return [...channels].flatMap(([channelId, methods]) =>
      [...methods].filter(([, record]) => record.gate.openedAt !== null).map(([method]) => ({ channelId, method })),
    );
  }

  return {
    ...{ elsewhere, openGates },
    outOfService: (): readonly string[] => [...outOfService],
    isOutOfService: (channelId: string): boolean => outOfService.has(channelId),
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

/** `trial`: its breaker was open. */
export interface CallElsewhere {
  readonly channelId: string;
  readonly method: string;
  readonly outcome: 'ok' | 'failed' | 'refused';
  readonly latencyMs: number;
  readonly trial: boolean;
}

export type TechnicalStage = ReturnType<typeof createTechnicalStage>;
