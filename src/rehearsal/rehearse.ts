import type { LoadedConfig } from '../config/index.ts';
import type { EpochMs } from '../payment/index.ts';
import { DEFAULT_ZONE, periodAt } from '../routing/index.ts';
import type { PaymentStore } from '../store/port.ts';
import {
  type Scenario,
  type Setup,
  type SetupChannel,
  scenarioTraffic,
  scenarioWorld,
  type WhatIfReport,
  whatIf,
} from '../what-if/index.ts';
import { readTraffic } from './recorded-traffic.ts';
import { setupOf } from './setup.ts';

export interface Rehearsal {
  readonly live: LoadedConfig;
  readonly proposed: LoadedConfig;
  readonly seed: number;
}

export interface RecordedRehearsal extends Rehearsal {
  readonly store: Pick<PaymentStore, 'listCreated' | 'countCreated' | 'channelVolume'>;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly now: EpochMs;
  readonly paymentsMax: number;
}

/** Routers learn from so much traffic before the first payment that counts; what they believe has faded to a half by then. */
const WARM_UP_MS = 2 * 3_600_000;
/** The store keeps volumes by quarters of an hour. */
const SLOT_MS = 15 * 60_000;

/** Recorded payments under both configurations. */
export async function rehearseRecorded(rehearsal: RecordedRehearsal): Promise<WhatIfReport> {
  const { store, from, to, now, paymentsMax, seed } = rehearsal;
  const [live, proposed] = [setupOf(rehearsal.live), setupOf(rehearsal.proposed)];
  const channels = [...proposed.channels, ...live.channels];
  const providerOf = (channelId: string): string | null =>
    channels.find(({ profile }) => profile.id === channelId)?.providerId ?? null;
  const period = { warmFrom: warmFrom(from, [live, proposed]), from, to, now, paymentsMax, providerOf };
  const { orders, world, figures, warmUp, recorded, every } = await readTraffic(store, period);
  return whatIf({
    ...{ live, proposed, world, seed, orders },
    ...{ countsFrom: from, startsAt: period.warmFrom, countsFor: every, recorded: figures },
    paidBefore: await volumesBefore(store, channels, period.warmFrom),
    traffic: (payments) => ({
      ...{ kind: 'recorded', recorded, payments, every, warm_up: warmUp },
      ...{ from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    }),
  });
}

/** A made-up world under both configurations. */
export function rehearseScenario(rehearsal: Rehearsal & { readonly scenario: Scenario }): WhatIfReport {
  const { scenario, seed } = rehearsal;
  return whatIf({
    ...{ live: setupOf(rehearsal.live), proposed: setupOf(rehearsal.proposed), seed },
    ...{ world: scenarioWorld(scenario), orders: scenarioTraffic(scenario, seed) },
    ...{
      countsFrom: scenario.startsAt,
      startsAt: scenario.startsAt,
      countsFor: 1,
      paidBefore: () => 0,
      recorded: null,
    },
    traffic: (payments) => ({
      ...{ kind: 'scenario', name: scenario.name, duration_s: scenario.durationMs / 1_000, payments },
    }),
  });
}

/** What a daily limit has counted since midnight has to be counted here too. */
function warmFrom(from: EpochMs, setups: readonly Setup[]): EpochMs {
  const midnights = setups
    .flatMap(({ channels }) => channels)
    .filter(({ profile }) => profile.limits.dailyMinor !== null)
    .map(({ profile }) => periodAt('day', profile.timezone ?? DEFAULT_ZONE, from).start);
  return Math.min(from - WARM_UP_MS, ...midnights);
}

/** Fee tiers go by what was really paid since their period began; where the replay begins within a quarter of an hour, up to its start. */
async function volumesBefore(
  store: RecordedRehearsal['store'],
  channels: readonly SetupChannel[],
  startsAt: EpochMs,
): Promise<(channelId: string, currency: string, periodStart: EpochMs) => number> {
  const volumes = new Map<string, number>();
  const until = Math.floor(startsAt / SLOT_MS) * SLOT_MS;
  for (const { profile } of channels) {
    if (!profile.fee.tiers) continue;
    const { start } = periodAt(profile.fee.tierPeriod ?? 'month', profile.timezone ?? DEFAULT_ZONE, startsAt);
    if (start >= until) continue;
    for (const currency of profile.currencies) {
      const { paidMinor } = await store.channelVolume({ channelId: profile.id, currency, from: start, until });
      volumes.set(`${profile.id}/${currency}/${start}`, paidMinor);
    }
  }
  return (channelId, currency, periodStart) => volumes.get(`${channelId}/${currency}/${periodStart}`) ?? 0;
}
