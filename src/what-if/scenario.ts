import { AMOUNT_MINOR_MAX, type EpochMs, type Scene } from '../payment/index.ts';
import { createChance, hashText, skewed } from './chance.ts';
import type { Behaviour, Order, World } from './types.ts';

/** A made-up world: who pays what, and how channels behave meanwhile. Checked by whoever reads it. */
export interface Scenario {
  readonly name: string;
  readonly startsAt: EpochMs;
  readonly durationMs: number;
  readonly streams: readonly Stream[];
  readonly channels: ReadonlyMap<string, ScenarioChannel>;
}

export interface Stream {
  readonly name: string;
  /** Payments a minute from a time on, counted from the beginning; the first entry is at 0, and they are in order. */
  readonly rates: readonly { readonly fromMs: number; readonly perMinute: number }[];
  readonly methods: readonly string[];
  readonly currency: string;
  readonly scene: Scene;
  readonly merchantId: string | null;
  readonly expiresInMs: number;
  readonly said: Order['said'];
  /** Log-normal around the median: about two thirds lie between median / spread and median x spread. Cut at min and max. */
  readonly amount: {
    readonly minMinor: number;
    readonly medianMinor: number;
    readonly maxMinor: number;
    readonly spread: number;
  };
}

export type ScenarioBehaviour = Omit<Behaviour, 'refusal'>;

export interface ScenarioChannel {
  readonly normal: ScenarioBehaviour;
  /** In order. Each holds until the next one, whole. */
  readonly changes: readonly { readonly fromMs: number; readonly behaviour: ScenarioBehaviour }[];
}

/** A channel that a scenario says nothing of. The report says so. */
export const ASSUMED: ScenarioBehaviour = {
  failure: 0.01,
  paid: 0.9,
  latencyMs: 300,
  failureLatencyMs: 1_000,
  paidAfterMs: 30_000,
};

export function scenarioWorld(scenario: Scenario): World {
  return {
    behaviour(channelId, _method, at) {
      const channel = scenario.channels.get(channelId);
      const since = at - scenario.startsAt;
      const change = channel?.changes.findLast(({ fromMs }) => fromMs <= since);
      return { ...(change?.behaviour ?? channel?.normal ?? ASSUMED), refusal: 0 };
    },
    evidence: (channelId) => ({
      ...{ calls: 0, orders: 0 },
      basis: scenario.channels.has(channelId) ? 'scenario' : 'assumed',
    }),
    needsBuyerIp: () => false,
  };
}

/** The payments of a scenario in the order of time; the same for the same seed. Streams are independent of each other. */
export function* scenarioTraffic(scenario: Scenario, seed: number): Generator<Order> {
  const sources = scenario.streams.map((stream) => {
    const source = streamTraffic(scenario, stream, seed);
    return { source, next: source.next() };
  });
  for (;;) {
    let first: (typeof sources)[number] | undefined;
    for (const candidate of sources) {
      if (candidate.next.done) continue;
      if (!first || first.next.done || candidate.next.value.at < first.next.value.at) first = candidate;
    }
    if (!first || first.next.done) return;
    yield first.next.value;
    first.next = first.source.next();
  }
}

/** Payments come independently of each other (Poisson), at the rate of the moment. */
function* streamTraffic(scenario: Scenario, stream: Stream, seed: number): Generator<Order, undefined> {
  const chance = createChance(seed);
  const name = hashText(stream.name);
  const { methods, currency, scene, merchantId, expiresInMs, said, rates, amount } = stream;
  let sinceMs = 0;
  for (let count = 0; ; count += 1) {
    const key = hashText(`${stream.name}/${count}`);
    // A gap is so many expected payments; where the rate changes within it, the rest of it passes at the new rate.
    let gap = -Math.log(1 - chance(key, name, 'gap'));
    for (const [index, { fromMs, perMinute }] of rates.entries()) {
      const untilMs = Math.min(rates[index + 1]?.fromMs ?? scenario.durationMs, scenario.durationMs);
      if (untilMs <= sinceMs || gap <= 0) continue;
      const startMs = Math.max(sinceMs, fromMs);
      const perMs = perMinute / 60_000;
      const passes = Math.min(gap, (untilMs - startMs) * perMs);
      sinceMs = passes < gap || perMs === 0 ? untilMs : startMs + passes / perMs;
      gap -= passes;
    }
    if (gap > 0 || sinceMs >= scenario.durationMs) return;
    const size = amount.medianMinor * spreadOf(chance(key, 1, 'amount'), chance(key, 2, 'amount'), amount.spread);
    const minor = Math.min(amount.maxMinor, AMOUNT_MINOR_MAX, Math.max(amount.minMinor, 1, Math.round(size)));
    yield {
      ...{ key, methods, scene, merchantId, expiresInMs, said },
      at: scenario.startsAt + Math.floor(sinceMs),
      amount: { minor, currency },
      ...{ buyerIpKnown: true, pinnedChannelId: null, tries: [] },
    };
  }
}

/** Median 1. */
function spreadOf(first: number, second: number, spread: number): number {
  const sigma = Math.log(spread);
  return sigma === 0 ? 1 : skewed(first, second, sigma) * Math.exp((sigma * sigma) / 2);
}
