import { bounded } from './bounded.ts';
import type { ChannelFailure, ChannelSeen, ChannelWatch } from './channel-watch.ts';
import type { Channel, RunningGateway, UsedUp } from './gateway/index.ts';
import type { ChannelStatus, FailureStatus, FullStatus } from './http/index.ts';
import { type BreakerState, type ChannelProfile, maintenanceAt, takesOrders } from './routing/index.ts';
import { typicalAmountOf } from './status.ts';
import type { PaymentStore } from './store/port.ts';
import type { Observed } from './telemetry/index.ts';

type Looked = Pick<
  Observed,
  'channels' | 'breakerState' | 'estimate' | 'score' | 'alertThresholds' | 'balances' | 'now'
>;

/** Reads the state of each channel, also while the store does not answer. */
export function openChannelStates(parts: {
  readonly observed: Looked;
  readonly watch: ChannelWatch;
  readonly store: Pick<PaymentStore, 'liveOrders'>;
  readonly gateway: Pick<RunningGateway, 'usedUp'>;
}): () => Promise<readonly ChannelStatus[]> {
  const { observed, watch, store, gateway } = parts;
  const liveOrders = bounded(() => store.liveOrders());
  const usedUp = bounded(() => gateway.usedUp((profile) => typicalAmountOf({ profile })));
  return async () => {
    const [live, full] = await Promise.all([liveOrders(), usedUp()]);
    return channelStates(observed, watch, live.ok ? live.value : null, full.ok ? full.value : null);
  };
}

/**
 * The state of each channel as an operator wants to read it.
 * @param live  orders that are open, by channel; null when the store cannot say
 * @param full  limits without room; null when nobody can say
 */
export function channelStates(
  observed: Looked,
  watch: ChannelWatch,
  live: ReadonlyMap<string, number> | null,
  full: readonly UsedUp[] | null,
): readonly ChannelStatus[] {
  return [...observed.channels().values()].map((channel) => {
    const { id, providerId, mode, profile } = channel;
    const seen = watch.seen(id);
    const openOrders = live && (live.get(id) ?? 0);
    const breaker = byOperation((operation) => observed.breakerState(id, operation));
    const estimate = observed.estimate(channel);
    return {
      channel: id,
      provider: providerId,
      mode,
      enabled: profile.enabled,
      weight: profile.weight,
      draining: profile.enabled && profile.weight === 0,
      state: stateOf(profile, mode, openOrders, observed.now()),
      open_orders: openOrders,
      full: full?.filter(({ channelId }) => channelId === id).map(fullStatus) ?? null,
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

/**
 * One line for a person. A channel that takes no new orders still has to serve those it has; with none left it may be removed from the
 * configuration, if nobody needs to refund payments of it.
 */
function stateOf(profile: ChannelProfile, mode: string, openOrders: number | null, now: number): string {
  if (!takesOrders(profile)) {
    const word = profile.enabled ? 'draining' : 'disabled';
    if (openOrders === null) return word;
    return openOrders > 0 ? `${word}, ${openOrders} open` : `${profile.enabled ? 'drained' : word}, may be removed`;
  }
  const window = maintenanceAt(profile.maintenance ?? [], now);
  return window ? `maintenance until ${endOf(window)}` : mode;
}

function fullStatus({ limit, currency, leftMinor, until }: UsedUp): FullStatus {
  const name = limit === 'daily_limit' ? 'daily' : 'per_minute';
  return { limit: name, currency, left_minor: leftMinor, until: iso(until) };
}

function endOf(window: NonNullable<ReturnType<typeof maintenanceAt>>): string {
  if (window.kind === 'once') return new Date(window.to).toISOString();
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(window.toMinute / 60))}:${two(window.toMinute % 60)} ${window.zone}`;
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

function balanceOf(channel: Channel, observed: Looked): ChannelStatus['balance'] {
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
