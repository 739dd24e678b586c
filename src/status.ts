import type { Channel, Gateway, GatewaySettings } from './gateway/index.ts';
import { AMOUNT_MINOR_MAX, feeMinorCeil } from './payment/index.ts';
import {
  type Breakers,
  type ChannelProfile,
  factorsOf,
  maintenanceAt,
  type Statistics,
  scoreOf,
  takesOrders,
} from './routing/index.ts';
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
  readonly gateway: Pick<Gateway, 'webhooks'>;
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
    store,
    now,
  };
}

/** The state of each channel as an operator wants to read it. `open_orders` is null when the store cannot say. */
export async function channelStates(
  observed: Pick<Observed, 'channels' | 'breakerState' | 'estimate' | 'score' | 'now'> & {
    readonly store: Pick<PaymentStore, 'liveOrders'>;
  },
) {
  const live = await observed.store.liveOrders().catch(() => null);
  return [...observed.channels().values()].map((channel) => {
    const { id, providerId, mode, profile } = channel;
    const estimate = observed.estimate(id, profile.methods[0] ?? 'none');
    return {
      channel: id,
      provider: providerId,
      mode,
      enabled: profile.enabled,
      weight: profile.weight,
      state: stateOf(profile, mode, live && (live.get(id) ?? 0), observed.now()),
      open_orders: live && (live.get(id) ?? 0),
      methods: profile.methods,
      currencies: profile.currencies,
      breaker: {
        create: observed.breakerState(id, 'create'),
        query: observed.breakerState(id, 'query'),
        close: observed.breakerState(id, 'close'),
        refund: observed.breakerState(id, 'refund'),
      },
      technical_ratio: estimate.technicalRatio,
      payment_ratio: estimate.paymentRatio,
      score: observed.score(channel),
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

function endOf(window: NonNullable<ReturnType<typeof maintenanceAt>>): string {
  if (window.kind === 'once') return new Date(window.to).toISOString();
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(window.toMinute / 60))}:${two(window.toMinute % 60)} ${window.zone}`;
}
