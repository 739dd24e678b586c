import { type ChannelError, channelError, feedsBreaker } from '../channel/index.ts';
import { err, type Result } from '../payment/index.ts';
import { withDeadline } from './deadline.ts';
import type { Parts } from './parts.ts';
import type { Channel, ChannelOperation } from './ports.ts';

type Operation = ChannelOperation;

export interface CallOptions {
  readonly operation: Operation;
  readonly timeoutMs: number;
  /** The method whose statistics learn from this call; null for calls that are not about one. */
  readonly method: string | null;
  /** Whose call it is, for the evidence log; null for a probe. */
  readonly paymentId: string | null;
  readonly signal?: AbortSignal;
}

/** A probe speaks for create; asking about a refund is as much worth as asking about an order. */
const GUARDED_AS: Readonly<Record<Exclude<Operation, 'balance'>, 'create' | 'query' | 'close' | 'refund'>> = {
  create: 'create',
  probe: 'create',
  query: 'query',
  refund_query: 'query',
  close: 'close',
  refund: 'refund',
};

const RATE_LIMIT_PAUSE_MS = 1_000;
const QUOTA_PAUSE_MS = 60_000;

/**
 * The one place where a channel is called: time-out, breaker, metrics and what routing learns wrap every call alike, so that
 * adapters can stay silent. A probe passes through the breaker of `create`, since that is what it speaks for.
 */
export function createChannelCalls(parts: Parts) {
  const { telemetry, clock, breakers, statistics } = parts;
  const pausedUntil = new Map<string, number>();
  const lastContactAt = new Map<string, number>();
  const lastFailureAt = new Map<string, number>();

  async function call<T>(
    channel: Channel,
    options: CallOptions,
    run: (signal: AbortSignal) => Promise<Result<T, ChannelError>>,
  ): Promise<Result<T, ChannelError>> {
    const { operation, paymentId } = options;
    const subject = { channelId: channel.id, operation, paymentId };
    // What our account holds says nothing of whether orders are served: no breaker asks, and none learns.
    if (operation === 'balance') return parts.evidence.during(subject, () => timed(channel, options, run));
    const passed = await breakers.run(
      channel.id,
      GUARDED_AS[operation],
      () => parts.evidence.during(subject, () => traced(channel, options, run)),
      (result) => !result.ok && feedsBreaker(result.error),
    );
    if (passed.outcome === 'open')
      return err(channelError('CHANNEL_UNAVAILABLE', 'no', { providerCode: 'breaker_open' }));
    return passed.value;
  }

  function traced<T>(
    channel: Channel,
    options: CallOptions,
    run: (signal: AbortSignal) => Promise<Result<T, ChannelError>>,
  ): Promise<Result<T, ChannelError>> {
    const { operation, paymentId } = options;
    const about = { channelId: channel.id, operation, ...(paymentId === null ? {} : { paymentId }) };
    return telemetry.trace.within('channel call', about, async (span) => {
      const result = await timed(channel, options, run);
      span.set({ outcome: result.ok ? 'ok' : result.error.kind });
      if (!result.ok) span.fail();
      return result;
    });
  }

  async function timed<T>(
    channel: Channel,
    options: CallOptions,
    run: (signal: AbortSignal) => Promise<Result<T, ChannelError>>,
  ): Promise<Result<T, ChannelError>> {
    const startedAt = clock.now();
    const result = await withDeadline(options, run, () =>
      err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'timeout' })),
    ).catch((thrown: unknown): Result<T, ChannelError> => {
      telemetry.error({ channelId: channel.id, operation: options.operation, err: thrown }, 'adapter threw: a bug');
      return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode: 'adapter_bug' }));
    });
    // A clock that is set meanwhile makes no call last for an hour, or for less than nothing.
    const durationMs = Math.min(Math.max(0, clock.now() - startedAt), options.timeoutMs);
    const outcome = result.ok ? 'ok' : result.error.kind;
    const code = result.ok ? null : result.error.providerCode;
    telemetry.channelRequest(channel.id, options.operation, outcome, durationMs, code);
    learn(channel, options, result, durationMs);
    return result;
  }

  function learn<T>(channel: Channel, options: CallOptions, result: Result<T, ChannelError>, durationMs: number): void {
    const now = clock.now();
    const failed = !result.ok && feedsBreaker(result.error);
    const apart = options.operation === 'balance';
    if (!apart) lastContactAt.set(channel.id, now);
    if (failed && !apart) lastFailureAt.set(channel.id, now);
    if (options.operation === 'create' || options.operation === 'probe') {
      const methods = options.method === null ? channel.profile.methods : [options.method];
      for (const method of methods) statistics.recordTechnical(channel.id, method, !failed, durationMs, now);
    }
    if (result.ok) return;
    const { kind, reason } = result.error;
    if (kind === 'RATE_LIMITED' && !apart) pausedUntil.set(channel.id, now + RATE_LIMIT_PAUSE_MS);
    if (reason === 'quota' && !apart) pausedUntil.set(channel.id, now + QUOTA_PAUSE_MS);
    // A right that is missing for refunds alone says nothing of taking money.
    const aboutRefunds = options.operation === 'refund' || options.operation === 'refund_query';
    if (kind === 'AUTH_MISCONFIGURED' && !aboutRefunds && !apart) breakers.trip(channel.id, 'create');
    if (reason === 'forged_response' || reason === 'unmapped_code') telemetry.anomaly(reason);
    if (kind === 'AUTH_MISCONFIGURED' || reason !== undefined) {
      const { providerCode } = result.error;
      telemetry.warn(
        { channelId: channel.id, operation: options.operation, kind, reason, providerCode },
        'channel trouble',
      );
    }
  }

  return {
    call,
    isPaused: (channelId: string): boolean => {
      const leftMs = (pausedUntil.get(channelId) ?? 0) - clock.now();
      // A longer pause than there is belongs to a clock that has been set back since.
      return leftMs > 0 && leftMs <= QUOTA_PAUSE_MS;
    },
    /** When the channel was last asked anything, and when it last failed technically. */
    contact: (channelId: string) => ({
      lastAt: lastContactAt.get(channelId) ?? 0,
      lastFailureAt: lastFailureAt.get(channelId) ?? 0,
    }),
  };
}

export type ChannelCalls = ReturnType<typeof createChannelCalls>;
