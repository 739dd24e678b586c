import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  contractFor,
  createSharing,
  createStatistics,
  type Noted,
  type Period,
  rank,
} from '../../src/routing/index.ts';
import { createLimitPrices } from '../../src/routing/limit-price.ts';
import { createOutlook } from '../../src/routing/tier-outlook.ts';
import { aProfile, aRequest, aRule, aSettings, aView, chance, cny, DAY_MS, NEW_YEAR } from './builders.ts';

const HOUR_MS = DAY_MS / 24;
const TODAY: Period = { start: NEW_YEAR, end: NEW_YEAR + DAY_MS };
const NOON = NEW_YEAR + DAY_MS / 2;
const A = { channelId: 'a', currency: 'CNY' };

/** Every hour from midnight to noon a payment of each of these leads. */
function watching(leads: readonly { readonly lead: number; readonly minor: number }[]) {
  const prices = createLimitPrices();
  prices.wanted({ ...A, minor: 1, lead: 0 }, 0, NEW_YEAR);
  for (let i = 1; i <= 12; i += 1)
    for (const { lead, minor } of leads) prices.wanted({ ...A, minor, lead }, lead, NEW_YEAR + i * HOUR_MS);
  return prices;
}

const priceAt = (prices: ReturnType<typeof createLimitPrices>, leftMinor: number, now = NOON) =>
  prices.price('a', cny(1), { leftMinor, period: TODAY }, now);

describe('the price of a daily limit', () => {
  const mixed = [
    { lead: 0.02, minor: 1_000 },
    { lead: 0.2, minor: 1_000 },
  ];

  test('is nothing where the limit is wide enough, or nothing is known yet', () => {
    expect(priceAt(watching(mixed), 24_000)).toBe(0);
    expect(priceAt(createLimitPrices(), 1)).toBe(0);
    const young = createLimitPrices();
    for (let i = 0; i < 10; i += 1) young.wanted({ ...A, minor: 9_000, lead: 0.1 }, 0.1, NEW_YEAR + i * 60_000);
    expect(priceAt(young, 1, NEW_YEAR + 10 * 60_000)).toBe(0);
    expect(priceAt(young, 1, NEW_YEAR + 15 * 60_000)).toBeGreaterThan(0);
  });

  test('keeps what is left for the payments that gain most by it', () => {
    const price = priceAt(watching(mixed), 11_500);
    expect(price).toBeGreaterThan(0.02);
    expect(price).toBeLessThan(0.2);
    expect(priceAt(watching(mixed), 100)).toBeGreaterThan(0.15);
    expect(priceAt(watching(mixed), 20_000)).toBeLessThan(0.02);
  });

  test('ends with the day, and is looked up once a second', () => {
    const prices = watching(mixed);
    expect(priceAt(prices, 1_000)).toBeGreaterThan(0.1);
    expect(priceAt(prices, 1_000_000, NOON + 999)).toBeGreaterThan(0.1);
    expect(priceAt(prices, 1_000_000, NOON + 1_000)).toBe(0);
    expect(priceAt(prices, 1_000, TODAY.end)).toBe(0);
  });

  test('is not lower the next day for payments that nobody could see, since the limit was used up', () => {
    const prices = watching(mixed);
    for (let i = 12; i <= 24; i += 1) priceAt(prices, 0, NEW_YEAR + i * HOUR_MS);
    const tomorrow = { start: TODAY.end, end: TODAY.end + DAY_MS };
    const next = prices.price('a', cny(1), { leftMinor: 18_000, period: tomorrow }, TODAY.end + 1_000);
    expect(next).toBeGreaterThan(0.02);
    expect(next).toBeLessThan(0.2);
  });

  /** Ten minutes apart: ten times as many from six to noon as else, all of the same lead. */
  function watchingDays(days: number, prices = createLimitPrices()) {
    for (let at = NEW_YEAR; at < NEW_YEAR + days * DAY_MS; at += HOUR_MS / 6) {
      const minor = hourOf(at) >= 6 && hourOf(at) < 12 ? 1_000 : 100;
      prices.wanted({ ...A, minor, lead: 0.05 }, 0.05, at);
    }
    return prices;
  }
  const hourOf = (at: number) => Math.floor((at - NEW_YEAR) / HOUR_MS) % 24;
  /** What is left of a limit of 30,000 at the end of a day that is like the ones before, with what is decided by the price. */
  function leftAfterDay(prices: ReturnType<typeof createLimitPrices>, begins: number): number {
    let leftMinor = 30_000;
    const period = { start: begins, end: begins + DAY_MS };
    for (let at = begins; at < period.end; at += HOUR_MS / 6) {
      const minor = hourOf(at) >= 6 && hourOf(at) < 12 ? 1_000 : 100;
      const price = prices.price('a', cny(minor), { leftMinor, period }, at);
      if (minor > leftMinor) continue;
      prices.wanted({ ...A, minor, lead: 0.05 }, 0.05, at);
      if (price < 0.05) leftMinor -= minor;
    }
    return leftMinor;
  }

  test('knows the rhythm of the day: what comes at noon does not go on all night, and the limit is used up', () => {
    expect(leftAfterDay(watchingDays(2), NEW_YEAR + 2 * DAY_MS)).toBeLessThan(1_000);
  });

  test('survives a restart with the rhythm, and a snapshot of an earlier version', () => {
    const settingsOf = () => ({ failureRate: 0.5, openForMs: 15_000 });
    const [before, after] = [createStatistics({ settingsOf }), createStatistics({ settingsOf })];
    watchingDays(2, before.prices);
    const now = NEW_YEAR + 2 * DAY_MS;
    const text = before.snapshot(now);
    expect(after.restore(text, now)).toBeNull();
    const noon = now + DAY_MS / 2;
    const room = { leftMinor: 1_000, period: { start: now, end: now + DAY_MS } };
    expect(after.prices.price('a', cny(1), room, noon)).toBeCloseTo(before.prices.price('a', cny(1), room, noon), 3);
    expect(after.prices.price('a', cny(1), room, noon)).toBeGreaterThan(0);
    expect(leftAfterDay(after.prices, now)).toBeLessThan(1_000);
    expect(JSON.parse(before.snapshot(now + 8 * DAY_MS)).limits).toEqual([]);
    const { limits: _, ...earlier } = JSON.parse(text);
    expect(after.restore(JSON.stringify(earlier), now)).toBeNull();
    expect(after.prices.price('a', cny(1), room, noon)).toBe(0);
  });

  test('is right again soon after a clock that was ahead', () => {
    const prices = watching(mixed);
    prices.wanted({ ...A, minor: 1_000, lead: 0.2 }, 0.2, NOON + 30 * DAY_MS);
    for (let i = 0; i <= 24; i += 1) prices.wanted({ ...A, minor: 1_000, lead: 0.2 }, 0.2, NOON + (i / 2) * HOUR_MS);
    const tomorrow = { start: TODAY.end, end: TODAY.end + DAY_MS };
    const of = (leftMinor: number) => prices.price('a', cny(1), { leftMinor, period: tomorrow }, TODAY.end + leftMinor);
    expect(of(20_000)).toBeGreaterThan(0);
    expect(of(48_000)).toBe(0);
  });

  test('is of one channel and currency, and gone with the channel', () => {
    const prices = watching(mixed);
    const of = (channelId: string, currency: string) =>
      prices.price(channelId, { minor: 1, currency }, { leftMinor: 10, period: TODAY }, NOON);
    expect([of('b', 'CNY'), of('a', 'USD')]).toEqual([0, 0]);
    expect(of('a', 'CNY')).toBeGreaterThan(0);
    prices.forget('a');
    expect(of('a', 'CNY')).toBe(0);
  });

  const anyDemand = fc.array(
    fc.record({ lead: fc.double({ min: 0, max: 1, noNaN: true }), minor: fc.integer({ min: 1, max: 100_000 }) }),
    { minLength: 1, maxLength: 12 },
  );

  test('is lower the more is left, and never so high that nobody pays it', () => {
    fc.assert(
      fc.property(anyDemand, fc.integer({ min: -10, max: 5_000_000 }), fc.nat(1_000_000), (leads, left, more) => {
        const [scarce, wide] = [priceAt(watching(leads), left), priceAt(watching(leads), left + more)];
        expect(wide).toBeLessThanOrEqual(scarce);
        expect(wide).toBeGreaterThanOrEqual(0);
        expect(scarce).toBeLessThanOrEqual(0.9);
        // As it is stored: a score is lower by what is told.
        expect(scarce).toBe(Number(scarce.toFixed(6)));
      }),
    );
  });

  test('lets no more through than is left, as far as what comes is like what came', () => {
    fc.assert(
      fc.property(anyDemand, fc.integer({ min: 0, max: 5_000_000 }), (leads, left) => {
        const price = priceAt(watching(leads), left);
        if (price === 0.9) return;
        // Leads are known by buckets a fifth wide; what is above the price's own bucket has to have room.
        const above = leads.filter(({ lead }) => lead > price * 1.2 && lead > 0.001);
        const expected = 0.9 * 12 * above.reduce((sum, { minor }) => sum + minor, 0);
        expect(expected * 0.7).toBeLessThanOrEqual(left);
      }),
    );
  });
});

describe('a channel whose daily limit will be used up', () => {
  const best = (limitPrice?: number) =>
    aView({
      ...{ profile: { id: 'best' }, estimate: { paymentRatio: 0.9 } },
      ...(limitPrice !== undefined && { limitPrice }),
    });
  const next = aView({ profile: { id: 'next' }, estimate: { paymentRatio: 0.81 } });
  const ranked = (limitPrice?: number, set = {}) =>
    rank(aRequest({ amount: cny(10_000), ...set }), [next, best(limitPrice)], aSettings(), chance());
  const wantedIn = (ranking: ReturnType<typeof rank>) => ranking.choice?.noted.wanted;

  test('gets the payments that gain more by it than the limit is worth', () => {
    expect(ranked(0.09).choice?.channelId).toBe('best');
    expect(ranked(0.11).choice?.channelId).toBe('next');
    expect(rank(aRequest(), [best(0.5)], aSettings(), chance()).choice?.channelId).toBe('best');
  });

  test('is said to be spared, in the numbers and in words', () => {
    const { choice, candidates } = ranked(0.2);
    expect(choice?.decision.explanation).toBe(
      'next over best: it spares the daily limit of best and succeeds 9 points less often (n 412)',
    );
    expect(candidates.map(({ limitPrice }) => limitPrice)).toEqual([undefined, 0.2]);
    expect(candidates[1]?.score).toBeCloseTo((ranked().candidates[0]?.score ?? 0) * 0.8, 5);
    expect(ranked(0.05).choice?.decision.explanation).toBe(
      'best over next: it succeeds 9 points more often (n 412) and draws on a daily limit that will be used up',
    );
    expect(ranked(0).candidates.map(({ limitPrice }) => limitPrice)).toEqual([undefined, undefined]);
  });

  test('is wanted by as much as it is better, whatever its price', () => {
    for (const price of [0, 0.05, 0.3]) {
      const [wanted, ...others] = wantedIn(ranked(price)) ?? [];
      expect(others).toEqual([]);
      expect(wanted).toMatchObject({ channelId: 'best', currency: 'CNY', minor: 9_000 });
      expect(wanted?.lead).toBeCloseTo(0.1, 4);
    }
    expect(wantedIn(ranked())).toEqual([]);
    const alone = rank(aRequest({ amount: cny(10_000) }), [best(0.3)], aSettings(), chance());
    expect(wantedIn(alone)).toMatchObject([{ lead: 1 }]);
    const worse = aView({ ...{ profile: { id: 'worse' }, estimate: { paymentRatio: 0.5 } }, limitPrice: 0 });
    expect(wantedIn(rank(aRequest(), [next, worse], aSettings(), chance()))).toEqual([]);
  });

  test('is irreplaceable where a rule or the shop sends the payment there, and not wanted where they send it elsewhere', () => {
    const prefer = (channelId: string) => ({ rules: [aRule({ kind: 'prefer', channelIds: [channelId] })] });
    expect(wantedIn(ranked(0.3, prefer('best')))).toMatchObject([{ lead: 1 }]);
    expect(wantedIn(ranked(0.3, { pinnedChannelId: 'best' }))).toMatchObject([{ lead: 1 }]);
    expect(wantedIn(ranked(0.3, prefer('next')))).toEqual([]);
  });

  test('is compared with those that a rule prefers as well, and with nobody else', () => {
    const third = aView({ profile: { id: 'third' }, estimate: { paymentRatio: 0.89 } });
    const rules = [aRule({ kind: 'prefer', channelIds: ['best', 'next'] })];
    for (const price of [0, 0.05, 0.3]) {
      const ranking = rank(aRequest({ rules }), [third, next, best(price)], aSettings(), chance());
      expect(wantedIn(ranking)).toMatchObject([{ channelId: 'best', lead: expect.closeTo(0.1, 4) }]);
    }
  });

  test('has no price where there is no limit, or an admin has said how it is handed out', () => {
    const limits = { minMinor: 1, maxMinor: null, dailyMinor: 15_000, perMinute: null };
    const priceIn = (set: object, usedTodayMinor = 1_000) => {
      const profile = aProfile({ id: 'a', limits: { ...limits, ...set }, timezone: 'UTC' });
      const statistics = { outlook: createOutlook(), prices: watching([{ lead: 0.2, minor: 1_000 }]) };
      return contractFor(statistics, profile, cny(1), { usedTodayMinor }, NOON);
    };
    expect(priceIn({})).toEqual({ limitPrice: 0 });
    expect(priceIn({}, 10_000).limitPrice).toBeGreaterThan(0.15);
    expect(priceIn({ dailyMinor: null })).toEqual({});
    expect(priceIn({ pacing: 'even' })).toEqual({});
  });

  test('replicas count for each other', () => {
    const settingsOf = () => ({ failureRate: 0.5, openForMs: 15_000 });
    const other = createSharing(createStatistics({ settingsOf }), { follow: () => {} }, () => false);
    const one = createSharing(createStatistics({ settingsOf }), { follow: () => {} }, (news) => {
      other.apply(news, now);
      return false;
    });
    const noted = ranked(0).choice?.noted as Noted;
    let now = NEW_YEAR;
    for (let i = 0; i <= 12; i += 1, now += HOUR_MS) one.statistics.decided(10_000, noted, 0.02, now);
    const [here, there] = [one, other].map(({ statistics }) =>
      statistics.prices.price('best', cny(1), { leftMinor: 1_000, period: TODAY }, NOON),
    );
    expect(here).toBeGreaterThan(0.05);
    expect(there).toBe(here);
  });
});
