import { type ChannelError, channelError, feedsBreaker } from '../channel/index.ts';
import { err, type Result } from '../payment/index.ts';
import type { CallOutcome } from '../routing/index.ts';
import { withDeadline } from './deadline.ts';
import type { Parts } from './parts.ts';
import type { Channel } from './ports.ts';
import type { ChannelOperation } from './telemetry-port.ts';

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

/** Asking about a refund is as much worth as asking about an order; a capture is how the question about an approved one ends. */
const GUARDED_AS: Readonly<Record<Exclude<Operation, 'create' | 'probe' | 'balance'>, 'query' | 'close' | 'refund'>> = {
  query: 'query',
  refund_query: 'query',
  capture: 'query',
  close: 'close',
  refund: 'refund',
};

/**
 * The one place where a channel is called: time-out, breaker, metrics and what routing learns wrap every call alike, so that
 * adapters can stay silent. Whether a channel should be asked for a new order is routing's to say, which knows more than a
 * breaker; so `create` and the probe, which speaks for it, are never refused here.
 */
export function createChannelCalls(parts: Parts) {
  const { telemetry, clock, breakers, statistics } = parts;
  const lastContactAt = new Map<string, number>();
  const lastFailureAt = new Map<string, number>();

  async function call<T>(
    channel: Channel,
    options: CallOptions,
    run: (signal: AbortSignal) => Promise<Result<T, ChannelError>>,
  ): Promise<Result<T, ChannelError>> {
    const { operation, paymentId } = options;
    const subject = { channelId: channel.id, operation, paymentId };
    const make = () => parts.evidence.during(subject, () => traced(channel, options, run));
    if (operation === 'create' || operation === 'probe') return make();
    // What our account holds says nothing of whether orders are served: no breaker asks, and none learns.
    if (operation === 'balance') return make();
    const passed = await breakers.run(
      channel.id,
      GUARDED_AS[operation],
      make,
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
    const { operation, method } = options;
    const ticket =
      operation === 'create' && method !== null ? statistics.callStarted(channel.id, method, startedAt) : null;
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
    if (ticket) statistics.callEnded(ticket, outcomeOf(result), clock.now(), durationMs);
    learn(channel, options, result);
    return result;
  }

  function learn<T>(channel: Channel, options: CallOptions, result: Result<T, ChannelError>): void {
    const now = clock.now();
    const failed = !result.ok && feedsBreaker(result.error);
    // A question about our balance says nothing of whether orders are served.
    const apart = options.operation === 'balance';
    if (!apart) lastContactAt.set(channel.id, now);
    if (failed && !apart) lastFailureAt.set(channel.id, now);
    const { methods } = channel.profile;
    if (options.operation === 'probe') {
      const works = result.ok || !(failed || result.error.kind === 'AUTH_MISCONFIGURED');
      statistics.technical.probe(channel.id, methods, works, now);
    }
    if (result.ok) return;
    const { kind, reason } = result.error;
    if (options.operation !== 'create' && !apart) {
      if (kind === 'RATE_LIMITED') statistics.throttle.refused(channel.id, 'rate_limit', now);
      if (reason === 'quota') statistics.throttle.refused(channel.id, 'quota', now);
    }
    // A right that is missing for refunds alone says nothing of taking money.
    const aboutRefunds = options.operation === 'refund' || options.operation === 'refund_query';
    if (kind === 'AUTH_MISCONFIGURED' && !aboutRefunds && !apart) {
      statistics.technical.trip(channel.id, methods, now);
    }
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
    /** An operator has to mend it; until a probe says that it works nobody is sent there, whatever happens elsewhere. */
    isOutOfService: (channelId: string): boolean => statistics.technical.isOutOfService(channelId),
    /** When the channel was last asked anything, and when it last failed technically. */
    contact: (channelId: string) => ({
      lastAt: lastContactAt.get(channelId) ?? 0,
      lastFailureAt: lastFailureAt.get(channelId) ?? 0,
    }),
  };
}

export type ChannelCalls = ReturnType<typeof createChannelCalls>;

/** What a create's end says of the channel. What is the buyer's or the shop's fault says nothing. */
function outcomeOf<T>(result: Result<T, ChannelError>): CallOutcome {
  if (result.ok) return 'ok';
  const { error } = result;
  if (error.reason === 'quota') return 'quota';
  if (error.kind === 'RATE_LIMITED') return 'rate_limit';
  // A frozen account answers probes and takes no orders: only an order shows that it is back, so to be refused one counts as a failed trial.
  return feedsBreaker(error) || error.kind === 'AUTH_MISCONFIGURED' ? 'failed' : 'refused';
}
