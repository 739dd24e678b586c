import type { Channel, GatewaySettings, RunningGateway } from './gateway/index.ts';
import { AMOUNT_MINOR_MAX, feeMinorCeil } from './payment/index.ts';
import { type Breakers, factorsOf, type Statistics, scoreOf } from './routing/index.ts';
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
