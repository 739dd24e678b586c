import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WhatIfReport } from '../../src/what-if/index.ts';
import { aSettings } from '../routing/builders.ts';
import {
  aChannel,
  anOrder,
  aScenario,
  aSetup,
  aStream,
  aWorld,
  channelOf,
  compareIn,
  compareOrders,
  differencesOf,
  EVENING,
  MINUTE,
} from './worlds.ts';

const CHEAP = { ratePpm: 3_000, fixedMinor: 0, minMinor: 1, maxMinor: null };
const two = (set: Parameters<typeof aSetup>[1] = {}) => aSetup([aChannel('one'), aChannel('two', { fee: CHEAP })], set);

const anyBehaviour = fc.record({
  failure: fc.integer({ min: 0, max: 100 }).map((n) => n / 100),
  paid: fc.integer({ min: 0, max: 100 }).map((n) => n / 100),
  latencyMs: fc.integer({ min: 10, max: 3_000 }),
});

describe('the same configuration on both sides', () => {
  test('makes no difference at all, whatever the world and the draws', () => {
    fc.assert(
      fc.property(anyBehaviour, anyBehaviour, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (one, other, seed) => {
        const scenario = aScenario(
          { one: { ...one, changes: [{ fromMs: 5 * MINUTE, failure: 1 }, { fromMs: 10 * MINUTE }] }, two: other },
          { durationMs: 15 * MINUTE },
        );
        const report = compareIn(scenario, two(), two(), seed);
        const differences = differencesOf(report);
        expect(differences.length).toBeGreaterThan(20);
        for (const difference of differences) expect([0, null]).toContain(difference);
        expect(report.headline).toBe('Nothing would move.');
      }),
      { numRuns: 25 },
    );
  });

  test('gives the same report again, and another one for another seed', () => {
    const scenario = aScenario({ one: { failure: 0.2 }, two: { paid: 0.8 } });
    const [a, b, c] = [1, 1, 2].map((seed) => JSON.stringify(compareIn(scenario, two(), two(), seed)));
    expect(a).toBe(b);
    expect(c).not.toBe(a);
  });
});

describe('a channel that is drained in the proposal', () => {
  test('gets nothing, and the others get all of it', () => {
    const scenario = aScenario({ one: { failure: 0.1 }, two: { failure: 0.1 } });
    const proposed = aSetup([aChannel('one'), aChannel('two', { fee: CHEAP, weight: 0 })]);
    const report = compareIn(scenario, two(), proposed);
    expect(channelOf(report, 'two').live.share).toBeGreaterThan(0.03);
    expect(channelOf(report, 'two').proposed).toMatchObject({ first_choices: 0, share: 0, failovers: 0, succeeded: 0 });
    expect(channelOf(report, 'two').money[0]?.proposed).toEqual({ captured: 0, fees: 0, after_fees: 0 });
    expect(channelOf(report, 'one').proposed.share).toBe(1);
    expect(report.exclusions).toContainEqual({
      ...{ channel: 'two', reason: 'draining', live: 0 },
      ...{ proposed: report.totals.proposed.payments, difference: report.totals.proposed.payments },
    });
    expect(report.headline).toMatch(/^one gets 100% of payments instead of \d/);
  });
});

describe('an outage in a scenario', () => {
  test('moves traffic away, and back when it is over', () => {
    const course = {
      one: { changes: [{ fromMs: 20 * MINUTE, failure: 1 }, { fromMs: 40 * MINUTE }] },
      two: {},
    };
    const setup = aSetup([aChannel('one', { fee: CHEAP, weight: 10_000 }), aChannel('two')]);
    // The same seed brings the same payments, so a longer evening goes on where the shorter one ended.
    const upTo = (minutes: number): { readonly one: number; readonly all: number } => {
      const report = compareIn(aScenario(course, { durationMs: minutes * MINUTE }), setup, setup);
      return { one: channelOf(report, 'one').live.first_choices, all: report.totals.live.payments };
    };
    const [before, during, after] = [upTo(20), upTo(40), upTo(60)];
    const shareIn = (from: typeof before, to: typeof before): number => (to.one - from.one) / (to.all - from.all);
    expect(before.one / before.all).toBeGreaterThan(0.95);
    expect(shareIn(before, during)).toBeLessThan(0.05);
    expect(shareIn(during, after)).toBeGreaterThan(0.9);
  });
});

describe('a higher weight of fees', () => {
  test('never raises the fees that are to be expected', () => {
    const anyFee = fc.record({
      ratePpm: fc.integer({ min: 0, max: 30_000 }),
      fixedMinor: fc.integer({ min: 0, max: 50 }),
      ...{ minMinor: fc.constant(0), maxMinor: fc.constant(null) },
    });
    const anyDays = fc.integer({ min: 0, max: 30 });
    fc.assert(
      fc.property(
        fc.tuple(anyFee, anyFee),
        fc.tuple(anyDays, anyDays),
        fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 50 })),
        fc.integer({ min: 0, max: 100 }).map((n) => n / 100),
        (fees, days, [fee, more], paid) => {
          const channels = fees.map((one, i) =>
            aChannel(`channel-${i}`, { fee: one, settlementDelayMs: (days[i] ?? 0) * 24 * 60 * MINUTE }),
          );
          const weighing = (weight: number) =>
            aSetup(channels, {
              routing: aSettings({
                weights: { success: 0, fee: weight, latency: 0, settlement: 20 },
                explorationShare: 0,
              }),
            });
          const scenario = aScenario(
            { 'channel-0': { paid, failure: 0 }, 'channel-1': { paid, failure: 0 } },
            { durationMs: 5 * MINUTE },
          );
          const report = compareIn(scenario, weighing(fee), weighing(fee + more));
          for (const { difference } of report.money) expect(difference.fees).toBeLessThanOrEqual(0);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('what is expected of one payment', () => {
  const world = aWorld({
    one: { failure: 0.25, paid: 0.8, latencyMs: 100, failureLatencyMs: 2_000 },
    two: { failure: 0.5, paid: 0.6, latencyMs: 300, failureLatencyMs: 1_000 },
  });
  const setup = aSetup([aChannel('one', { fee: CHEAP }), aChannel('two')], {
    routing: aSettings({ explorationShare: 0 }),
  });

  test('is its chance on the first channel, and on the next with the chance that the first one fails', () => {
    const { totals, money, channels } = compareOrders([anOrder()], world, setup);
    const opened = 0.75 + 0.25 * 0.5;
    expect(totals.live).toMatchObject({
      ...{ payments: 1, refused: 0, failovers: 0.25, rejected: 0, opened: 0.88, exhausted: 0.13 },
      succeeded: 0.68,
      wait_ms: Math.round((0.75 * 100 + 0.125 * 2_300) / opened),
    });
    // 10,000 x 0.6 and x 0.075; fees of 30 and 60.
    expect(channels.map(({ channel, money: [sum] }) => [channel, sum?.live.captured, sum?.live.fees])).toEqual([
      ['one', 6_000, 18],
      ['two', 750, 5],
    ]);
    expect(money).toMatchObject([{ currency: 'CNY', live: { captured: 6_750, fees: 23, after_fees: 6_727 } }]);
  });

  test('ends after as many channels as may be asked, and when their time is up', () => {
    const once = { ...setup, failover: { maxAttempts: 1, budgetMs: 8_000 } };
    expect(compareOrders([anOrder()], world, once).totals.live).toMatchObject({ failovers: 0, exhausted: 0.25 });
    const brief = { ...setup, failover: { maxAttempts: 3, budgetMs: 2_000 } };
    expect(compareOrders([anOrder()], world, brief).totals.live).toMatchObject({ failovers: 0, exhausted: 0.25 });
  });

  test('stays with the channel that the merchant has pinned', () => {
    const { totals, channels } = compareOrders([anOrder({ pinnedChannelId: 'two' })], world, setup);
    expect(totals.live).toMatchObject({ failovers: 0, exhausted: 0.5, succeeded: 0.3 });
    expect(channels.map(({ live }) => live.first_choices)).toEqual([0, 1]);
  });

  test('counts what a provider refuses for every channel alike', () => {
    const strict = aWorld({ one: { failure: 0, refusal: 0.5, paid: 1 }, two: { failure: 0 } });
    expect(compareOrders([anOrder()], strict, setup).totals.live).toMatchObject({
      rejected: 0.5,
      opened: 0.5,
      failovers: 0,
    });
  });
});

describe('a payment that no channel can be asked for', () => {
  const world = aWorld({});
  const reasons = (report: WhatIfReport) =>
    report.refused.map(({ reason, live, proposed }) => [reason, live, proposed]);
  const narrow = (limits: Partial<Parameters<typeof aChannel>[1] & object>) =>
    aSetup([aChannel('one', limits), aChannel('other', { methods: ['card'] })]);

  test('is refused, with the reason of the channel that came closest', () => {
    const small = narrow({ limits: { minMinor: 1, maxMinor: 500, dailyMinor: null, perMinute: null } });
    const report = compareOrders([anOrder()], world, narrow({}), small);
    expect(reasons(report)).toEqual([['amount_above_max', 0, 1]]);
    expect(report.totals.difference).toMatchObject({ payments: 0, refused: 1 });
    expect(report.headline).toContain('1 more payment is refused');
  });

  test('is refused for what the merchant may', () => {
    const may = (merchant: ReturnType<ReturnType<typeof aSetup>['merchantOf']>) => ({
      ...narrow({}),
      merchantOf: () => merchant,
    });
    const nobody = compareOrders([anOrder()], world, narrow({}), may(undefined));
    expect(reasons(nobody)).toEqual([['merchant_unknown', 0, 1]]);
    const poor = compareOrders([anOrder()], world, narrow({}), may({ channels: 'all', maxAmountMinor: 100 }));
    expect(reasons(poor)).toEqual([['merchant_max_amount', 0, 1]]);
    const elsewhere = compareOrders([anOrder()], world, narrow({}), may({ channels: ['other'], maxAmountMinor: null }));
    expect(reasons(elsewhere)).toEqual([['merchant', 0, 1]]);
  });

  test('is refused when it is pinned to a channel that is gone', () => {
    const report = compareOrders([anOrder({ pinnedChannelId: 'gone' })], world, narrow({}));
    expect(reasons(report)).toEqual([['pinned_channel_unknown', 1, 1]]);
  });

  test('is counted against the limits of a day and a minute, in samples as often as it stands for', () => {
    const orders = Array.from({ length: 10 }, (_, i) => anOrder({ at: EVENING + i * 1_000 }));
    const sure = aWorld({ one: { failure: 0, latencyMs: 10 } });
    const daily = narrow({ limits: { minMinor: 1, maxMinor: null, dailyMinor: 40_000, perMinute: null } });
    const minute = narrow({ limits: { minMinor: 1, maxMinor: null, dailyMinor: null, perMinute: 3 } });
    const report = compareOrders(orders, sure, daily, minute);
    expect(reasons(report)).toContainEqual(['daily_limit', 6, 0]);
    expect(report.exclusions).toContainEqual({
      ...{ channel: 'one', reason: 'rate_limit', live: 0 },
      ...{ proposed: 7, difference: 7 },
    });
  });
});

describe('the money of a report', () => {
  test('is whole minor units, and adds up', () => {
    const scenario = aScenario(
      { one: { failure: 0.3, paid: 0.777 }, two: { paid: 0.333 } },
      { streams: [aStream(), aStream({ name: 'yen', currency: 'JPY' })] },
    );
    const currencies = ['CNY', 'JPY'];
    const live = aSetup([aChannel('one', { currencies }), aChannel('two', { currencies, fee: CHEAP })]);
    const { money, channels } = compareIn(scenario, live, { ...live, channels: live.channels.slice(0, 1) });
    expect(money.map(({ currency }) => currency)).toEqual(currencies);
    for (const { currency, ...sides } of money) {
      for (const side of ['live', 'proposed'] as const) {
        for (const key of ['captured', 'fees', 'after_fees'] as const) {
          expect(Number.isSafeInteger(sides[side][key])).toBe(true);
          expect(sides.difference[key]).toBe(sides.proposed[key] - sides.live[key]);
          const parts = channels.flatMap((channel) => channel.money.filter((sum) => sum.currency === currency));
          const sum = parts.reduce((total, part) => total + part[side][key], 0);
          expect(Math.abs(sum - sides[side][key])).toBeLessThanOrEqual(channels.length);
        }
        expect(sides[side].after_fees).toBe(sides[side].captured - sides[side].fees);
      }
    }
  });
});

describe('a silence of years between two payments', () => {
  test('is not probed through from end to end', () => {
    let looks = 0;
    const world = aWorld({});
    const watched: typeof world = {
      ...world,
      behaviour: (...asked) => {
        looks += 1;
        return world.behaviour(...asked);
      },
    };
    compareOrders([anOrder({ at: EVENING }), anOrder({ at: EVENING + 2 * 365 * 24 * 60 * MINUTE })], watched, two());
    expect(looks).toBeLessThan(30_000);
  });
});
