import type { ChannelFailure, ChannelSeen, ChannelWatch } from './channel-watch.ts';
import type { Channel, GatewaySettings, RunningGateway } from './gateway/index.ts';
import type { ChannelStatus, FailureStatus } from './http/index.ts';
import { AMOUNT_MINOR_MAX, feeMinorCeil } from './payment/index.ts';
import { type BreakerState, type Breakers, factorsOf, type Statistics, scoreOf } from './routing/index.ts';
import type { PaymentStore } from './store/port.ts';
import type { Observed } from './telemetry/index.ts';

/** The amount whose score stands for a channel in the metrics, in minor units: an ordinary order of such shops. */
const TYPICAL_AMOUNT_MINOR = 5_000;

/** What the gauges and the status answer look at. */
export function observedBy(parts: {
  readonly channels: () => ReadonlyMap<string, Channel>;
  readonly breakers: Breakers;
  readonly statistics: Statistics;
  readonly store: PaymentStore;
  readonly settings: () => GatewaySettings;
  readonly now: () => number;
  readonly alertThresholds: () => ReadonlyMap<string, number>;
  readonly gateway: Pick<RunningGateway, 'webhooks' | 'balances'>;
}): Observed {
  const { channels, breakers, statistics, store, settings, now, alertThresholds, gateway } = parts;
  return {
    channels,
    breakerState: (channelId, operation) => breakers.state(channelId, operation),
    estimate: (channelId, method) => statistics.estimate(channelId, method, now()),
    score: ({ id, profile }) => {
      const { minMinor, maxMinor } = profile.limits;
      const amountMinor = Math.min(Math.max(TYPICAL_AMOUNT_MINOR, minMinor), maxMinor ?? AMOUNT_MINOR_MAX);
      const estimate = statistics.estimate(id, profile.methods[0] ?? 'none', now());
      const factors = factorsOf({
        successRatio: estimate.technicalRatio * estimate.paymentRatio,
        feeMinor: feeMinorCeil(profile.fee, amountMinor),
        amountMinor,
        latencyMs: estimate.latencyMs,
        settlementDelayMs: profile.settlementDelayMs,
      });
      return profile.weight === 0 ? 0 : scoreOf(factors, settings().routing.weights, profile.weight);
    },
    alertThresholds,
    pausedEndpoints: () => gateway.webhooks.endpoints().filter(({ pausedAt }) => pausedAt !== null).length,
    balances: () => gateway.balances(),
    store,
    now,
  };
}

/** The state of each channel as an operator wants to read it. */
export function channelStates(observed: Observed, watch: ChannelWatch): readonly ChannelStatus[] {
  return [...observed.channels().values()].map((channel) => {
    const { id, providerId, mode, profile } = channel;
    const seen = watch.seen(id);
    const breaker = byOperation((operation) => observed.breakerState(id, operation));
    const estimate = observed.estimate(id, profile.methods[0] ?? 'none');
    return {
      channel: id,
      provider: providerId,
      mode,
      enabled: profile.enabled,
      weight: profile.weight,
      draining: profile.weight === 0,
      methods: profile.methods,
      currencies: profile.currencies,
      breaker,
      breakers: byOperation((operation) => breakerStatus(breaker[operation], seen.breakers.get(operation), watch)),
      technical_ratio: estimate.technicalRatio,
      payment_ratio: estimate.paymentRatio,
      sample_size: estimate.sampleSize,
      latency_ms: estimate.latencyMs,
      score: observed.score(channel),
      last_failure: seen.lastFailure === null ? null : failureStatus(seen.lastFailure),
      last_callback_at: seen.lastCallbackAt === null ? null : iso(seen.lastCallbackAt),
      balance: balanceOf(channel, observed),
      today: {
        since: iso(watch.countedSince()),
        successes: [...seen.today].map(([currency, { count, sumMinor }]) => ({ currency, count, sum_minor: sumMinor })),
      },
    };
  });
}

function byOperation<T>(read: (operation: keyof ChannelStatus['breaker']) => T) {
  return { create: read('create'), query: read('query'), close: read('close'), refund: read('refund') };
}

/** What was noted belongs to the state of now only when both say the same of it; else it has been so since we can tell. */
function breakerStatus(state: BreakerState, noted: NotedBreaker | undefined, watch: ChannelWatch) {
  const fits = noted !== undefined && (noted.state === 'closed') === (state === 'closed');
  const cause = fits && state !== 'closed' && noted.cause !== null ? failureStatus(noted.cause) : null;
  return { state, since: iso(fits ? noted.since : watch.startedAt), cause };
}

type NotedBreaker = NonNullable<ReturnType<ChannelSeen['breakers']['get']>>;

function failureStatus({ at, ...failure }: ChannelFailure): FailureStatus {
  return { ...failure, at: iso(at) };
}

function balanceOf(channel: Channel, observed: Observed): ChannelStatus['balance'] {
  const known = observed.balances().get(channel.id);
  if (known === undefined) return channel.capabilities.includes('balance') ? [] : null;
  if (known === 'no_right') return null;
  const threshold = observed.alertThresholds().get(`balance_below:${channel.id}`) ?? null;
  return known.amounts.map(({ currency, availableMinor }) => ({
    ...{ currency, available_minor: availableMinor },
    ...{ at: iso(known.at), threshold_minor: threshold },
  }));
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
