import type { LoadedConfig } from '../config/index.ts';
import type { EpochMs } from '../payment/index.ts';
import type { PaymentStore } from '../store/port.ts';
import {
  type Scenario,
  type Setup,
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
  readonly store: Pick<PaymentStore, 'listCreated' | 'countCreated'>;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly now: EpochMs;
  readonly paymentsMax: number;
}

/** Routers learn from so much traffic before the first payment that counts; what they believe has faded to a half by then. */
const WARM_UP_MS = 2 * 3_600_000;
const DAY_MS = 24 * 3_600_000;
/** Daily limits count China's days, as in the gateway. */
const DAY_OFFSET_MS = 8 * 3_600_000;

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
    ...{ countsFrom: scenario.startsAt, startsAt: scenario.startsAt, countsFor: 1, recorded: null },
    traffic: (payments) => ({
      ...{ kind: 'scenario', name: scenario.name, duration_s: scenario.durationMs / 1_000, payments },
    }),
  });
}

/** What a daily limit has counted since midnight has to be counted here too. */
function warmFrom(from: EpochMs, setups: readonly Setup[]): EpochMs {
  const isDaily = setups.some(({ channels }) => channels.some(({ profile }) => profile.limits.dailyMinor !== null));
  const midnight = Math.floor((from + DAY_OFFSET_MS) / DAY_MS) * DAY_MS - DAY_OFFSET_MS;
  return isDaily ? Math.min(from - WARM_UP_MS, midnight) : from - WARM_UP_MS;
}
