import type { Channel, GatewaySettings, RunningGateway } from './gateway/index.ts';
import { AMOUNT_MINOR_MAX, feeMinorCeil } from './payment/index.ts';
import {
  type Breakers,
  bandOf,
  type Estimate,
  preferenceMultiplier,
  pullOf,
  type Statistics,
  valueFor,
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
  readonly gateway: Pick<RunningGateway, 'webhooks' | 'balances' | 'dailyUse'>;
}): Observed {
  const { channels, breakers, statistics, store, settings, now, alertThresholds, gateway } = parts;
  const { technical } = statistics;
  const estimateOf = ({ id, profile }: Channel, amountMinor: number): Estimate => {
    const band = bandOf(amountMinor, settings().routing.bandEdgesMinor);
    const segment = { method: profile.methods[0] ?? 'none', currency: profile.currencies[0] ?? 'none', band };
    return statistics.estimate(id, segment, now());
  };
  return {
    channels,
    breakerState: (channelId, operation) => {
      if (operation !== 'create') return breakers.state(channelId, operation);
      const state = technical.state(channelId, now());
      return state === 'trial' ? 'half_open' : state;
    },
    estimate: (channel) => estimateOf(channel, typicalAmountOf(channel)),
    score: (channel) => {
      const { profile } = channel;
      if (profile.weight === 0) return 0;
      const amountMinor = typicalAmountOf(channel);
      const estimate = estimateOf(channel, amountMinor);
      const pull = pullOf(settings().routing);
      const feeMinor = feeMinorCeil(profile.fee, amountMinor);
      const value = valueFor(
        { ...estimate, feeMinor, amountMinor, settlementDelayMs: profile.settlementDelayMs },
        pull,
      );
      return value.score * preferenceMultiplier(profile.weight);
    },
    alertThresholds,
    pausedEndpoints: () => gateway.webhooks.endpoints().filter(({ pausedAt }) => pausedAt !== null).length,
    balances: () => gateway.balances(),
    dailyUse: () => gateway.dailyUse(),
    store,
    now,
  };
}

/** An ordinary order of a channel, in minor units. */
export function typicalAmountOf({ profile }: Pick<Channel, 'profile'>): number {
  const { minMinor, maxMinor } = profile.limits;
  return Math.min(Math.max(TYPICAL_AMOUNT_MINOR, minMinor), maxMinor ?? AMOUNT_MINOR_MAX);
}
