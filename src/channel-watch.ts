import { CHANNEL_ERROR_KINDS } from './channel/index.ts';
import type { CallbackResult, Telemetry } from './gateway/index.ts';
import type { BreakerChange, BreakerState } from './routing/index.ts';

/** The last error of a channel that a person may have to know of; those of buyers and shops are none. */
export interface ChannelFailure {
  readonly operation: string;
  readonly kind: string;
  /** The provider's own word. */
  readonly code: string | null;
  readonly at: number;
}

/** What has been seen of one channel since this process started. Times in epoch milliseconds. */
export interface ChannelSeen {
  /** By guarded operation. `since`: when the breaker left or returned to `closed`. A breaker that never moved has no entry. */
  readonly breakers: ReadonlyMap<
    string,
    { readonly state: BreakerState; readonly since: number; readonly cause: ChannelFailure | null }
  >;
  readonly lastFailure: ChannelFailure | null;
  /** The last callback that was really the provider's. */
  readonly lastCallbackAt: number | null;
  /** Successes of the day (UTC+8, as the daily limits count it), by currency. */
  readonly today: ReadonlyMap<string, { readonly count: number; readonly sumMinor: number }>;
}

export interface ChannelWatch {
  /** The same telemetry, listened to. */
  telemetry(inner: Telemetry): Telemetry;
  breakerChanged(change: BreakerChange): void;
  seen(channelId: string): ChannelSeen;
  readonly startedAt: number;
  /** Since when successes are counted: the beginning of the day, or the start of this process. */
  readonly countedSince: () => number;
}

const DAY_MS = 24 * 3_600_000;
const DAY_OFFSET_MS = 8 * 3_600_000;
const GENUINE: ReadonlySet<CallbackResult> = new Set(['applied', 'duplicate', 'ignored', 'amount_mismatch']);
/** Whose breaker an operation feeds; see the gateway's channel calls. */
const GUARDED_AS: ReadonlyMap<string, string> = new Map([
  ['probe', 'create'],
  ['refund_query', 'query'],
  ['capture', 'query'],
]);

interface Notes {
  readonly breakers: Map<string, { state: BreakerState; since: number; cause: ChannelFailure | null }>;
  readonly failures: Map<string, ChannelFailure>;
  readonly today: Map<string, { count: number; sumMinor: number }>;
  day: number;
  lastFailure: ChannelFailure | null;
  lastCallbackAt: number | null;
}

/** Remembers what the gauges forget: since when, why, and when last. In memory, for the status page. */
export function createChannelWatch(now: () => number): ChannelWatch {
  const startedAt = now();
  const channels = new Map<string, Notes>();
  const today = (): number => Math.floor((now() + DAY_OFFSET_MS) / DAY_MS);

  function notesOf(channelId: string): Notes {
    const notes = channels.get(channelId) ?? {
      ...{ breakers: new Map(), failures: new Map(), today: new Map() },
      ...{ day: today(), lastFailure: null, lastCallbackAt: null },
    };
    channels.set(channelId, notes);
    if (notes.day !== today()) {
      notes.day = today();
      notes.today.clear();
    }
    return notes;
  }

  function answered(channelId: string, operation: string, outcome: string, code: string | null): void {
    if (!concernsOperator(outcome)) return;
    const notes = notesOf(channelId);
    const failure = { operation, kind: outcome, code, at: now() };
    notes.lastFailure = failure;
    notes.failures.set(GUARDED_AS.get(operation) ?? operation, failure);
  }

  return {
    telemetry: (inner) => ({
      ...inner,
      channelRequest: (channelId, operation, outcome, durationMs, code) => {
        inner.channelRequest(channelId, operation, outcome, durationMs, code);
        answered(channelId, operation, outcome, code ?? null);
      },
      callback: (channelId, outcome) => {
        inner.callback(channelId, outcome);
        if (GENUINE.has(outcome)) notesOf(channelId).lastCallbackAt = now();
      },
      captured: (channelId, amount) => {
        inner.captured(channelId, amount);
        const { count, sumMinor } = notesOf(channelId).today.get(amount.currency) ?? { count: 0, sumMinor: 0 };
        notesOf(channelId).today.set(amount.currency, { count: count + 1, sumMinor: sumMinor + amount.minor });
      },
    }),
    breakerChanged: ({ channelId, operation, state }) => {
      const { breakers, failures } = notesOf(channelId);
      const before = breakers.get(operation);
      const wasShut = before === undefined || before.state === 'closed';
      const moved = wasShut !== (state === 'closed');
      // Open and half-open take turns while a channel is down: it has been down since the first of them.
      const since = moved || before === undefined ? now() : before.since;
      breakers.set(operation, { state, since, cause: failures.get(operation) ?? null });
    },
    seen: notesOf,
    startedAt,
    countedSince: () => Math.max(startedAt, today() * DAY_MS - DAY_OFFSET_MS),
  };
}

function concernsOperator(outcome: string): boolean {
  const kinds: Readonly<Record<string, { readonly blames: string }>> = CHANNEL_ERROR_KINDS;
  const blames = kinds[outcome]?.blames;
  return blames === 'channel' || blames === 'operator' || blames === 'gateway';
}
