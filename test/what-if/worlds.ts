import type { Scene } from '../../src/payment/index.ts';
import type { ChannelProfile } from '../../src/routing/index.ts';
import {
  ASSUMED,
  type Behaviour,
  type Order,
  type Scenario,
  type ScenarioBehaviour,
  type Setup,
  type SetupChannel,
  type Stream,
  scenarioTraffic,
  scenarioWorld,
  type WhatIfReport,
  type World,
  whatIf,
} from '../../src/what-if/index.ts';
import { aProfile, aSettings } from '../routing/builders.ts';

export const EVENING = Date.UTC(2026, 0, 1, 10);
export const MINUTE = 60_000;

export const aChannel = (id: string, set: Partial<ChannelProfile> = {}): SetupChannel => ({
  profile: aProfile({ id, limits: { minMinor: 1, maxMinor: null, dailyMinor: null, perMinute: null }, ...set }),
  providerId: 'alipay',
  breaker: { failureRate: 0.5, minRequests: 10, windowMs: 10_000, openForMs: 15_000 },
});

export const aSetup = (channels: readonly SetupChannel[], set: Partial<Setup> = {}): Setup => ({
  routing: aSettings(),
  failover: { maxAttempts: 3, budgetMs: 8_000 },
  channels,
  merchantOf: () => ({ channels: 'all', maxAmountMinor: null }),
  ...set,
});

export const aStream = (set: Partial<Stream> = {}): Stream => ({
  name: 'top-ups',
  rates: [{ fromMs: 0, perMinute: 30 }],
  methods: ['alipay'],
  currency: 'CNY',
  scene: 'qr',
  merchantId: null,
  expiresInMs: 15 * MINUTE,
  said: { country: null, subject: 'Top-up', metadata: {} },
  amount: { minMinor: 100, medianMinor: 5_000, maxMinor: 100_000, spread: 2 },
  ...set,
});

type Course = Partial<ScenarioBehaviour> & {
  readonly changes?: readonly (Partial<ScenarioBehaviour> & { fromMs: number })[];
};

export function aScenario(channels: Readonly<Record<string, Course>>, set: Partial<Scenario> = {}): Scenario {
  return {
    name: 'a quiet evening',
    startsAt: EVENING,
    durationMs: 60 * MINUTE,
    streams: [aStream()],
    channels: new Map(
      Object.entries(channels).map(([id, { changes = [], ...usual }]) => {
        const normal = { ...ASSUMED, ...usual };
        return [
          id,
          {
            normal,
            changes: changes.map(({ fromMs, ...change }) => ({ fromMs, behaviour: { ...normal, ...change } })),
          },
        ];
      }),
    ),
    ...set,
  };
}

export function compareIn(scenario: Scenario, live: Setup, proposed: Setup, seed = 1): WhatIfReport {
  return whatIf({
    ...{ live, proposed, seed, recorded: null },
    world: scenarioWorld(scenario),
    orders: scenarioTraffic(scenario, seed),
    ...{ countsFrom: scenario.startsAt, startsAt: scenario.startsAt, countsFor: 1, paidBefore: () => 0 },
    traffic: (payments) => ({ kind: 'scenario', name: scenario.name, duration_s: 0, payments }),
  });
}

/** A world that never changes. */
export const aWorld = (channels: Readonly<Record<string, Partial<Behaviour>>>): World => ({
  behaviour: (channelId) => ({ ...ASSUMED, refusal: 0, ...channels[channelId] }),
  evidence: () => ({ calls: 0, orders: 0, basis: 'scenario' }),
  needsBuyerIp: () => false,
});

let orders = 0;

export const anOrder = (set: Partial<Order> = {}): Order => {
  orders += 1;
  return {
    ...{ key: orders, at: EVENING, amount: { minor: 10_000, currency: 'CNY' }, methods: ['alipay'] },
    ...{ scene: 'qr' satisfies Scene, buyerIpKnown: true, pinnedChannelId: null, merchantId: 'm_demo' },
    ...{ expiresInMs: 15 * MINUTE, tries: [], said: { country: null, subject: 'Key', metadata: {} } },
    ...set,
  };
};

export function compareOrders(list: readonly Order[], world: World, live: Setup, proposed: Setup = live): WhatIfReport {
  return whatIf({
    ...{ live, proposed, world, seed: 1, orders: list, recorded: null },
    ...{ countsFrom: EVENING, startsAt: EVENING, countsFor: 1, paidBefore: () => 0 },
    traffic: (payments) => ({ kind: 'scenario', name: 'orders', duration_s: 0, payments }),
  });
}

export function channelOf(report: WhatIfReport, channelId: string): WhatIfReport['channels'][number] {
  const found = report.channels.find(({ channel }) => channel === channelId);
  if (!found) throw new Error(`${channelId} is not in the report`);
  return found;
}

/** Every number in what is called `difference`, wherever it stands. */
export function differencesOf(value: unknown, inside = false): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return inside ? [value] : [];
  return Object.entries(value).flatMap(([key, inner]) => differencesOf(inner, inside || key === 'difference'));
}
