import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FeeSchedule, feeMinorCeil } from '../../src/payment/index.ts';
import { createSharing, createStatistics, type Noted, type Period, rank } from '../../src/routing/index.ts';
import { createOutlook, feeMinorAhead, feeMinorAtLast } from '../../src/routing/tier-outlook.ts';
import { aRequest, aRule, aSettings, aView, chance, cny, DAY_MS, NEW_YEAR } from './builders.ts';

const HOUR_MS = DAY_MS / 24;
const JANUARY: Period = { start: NEW_YEAR, end: NEW_YEAR + 31 * DAY_MS };
const SEEN = { channelId: 'a', currency: 'CNY' };

/** 0.6%, 0.5% from 1,000,000.00 on, 0.4% from 3,000,000.00 on. */
const TIERED: FeeSchedule = {
  ...{ ratePpm: 6_000, fixedMinor: 0, minMinor: 0, maxMinor: null },
  tiers: [
    { fromMinor: 100_000_000, ratePpm: 5_000 },
    { fromMinor: 300_000_000, ratePpm: 4_000 },
  ],
  tierPeriod: 'month',
};

describe('what a payment is counted to cost', () => {
  test('is the mean over what is expected to be paid, as in the example beside the formula', () => {
    expect(feeMinorAhead(TIERED, 10_000, 50_000_000, 350_000_000)).toBe(49);
    expect(feeMinorAhead(TIERED, 1_000_000, 50_000_000, 350_000_000)).toBe(4_858);
  });

  test('keeps its fixed part, its minimum and its maximum for each payment', () => {
    const bounded = { ...TIERED, fixedMinor: 10, minMinor: 50, maxMinor: 500 };
    expect(feeMinorAhead(bounded, 1_000, 0, 350_000_000)).toBe(50);
    expect(feeMinorAhead(bounded, 10_000, 300_000_000, 350_000_000)).toBe(50);
    expect(feeMinorAhead(bounded, 20_000, 300_000_000, 350_000_000)).toBe(90);
    expect(feeMinorAhead(bounded, 1_000_000, 0, 350_000_000)).toBe(500);
    expect(feeMinorAtLast(bounded, 20_000)).toBe(90);
  });

  const anySchedule = fc
    .record({
      rates: fc.array(fc.integer({ min: 0, max: 50_000 }), { minLength: 1, maxLength: 5 }),
      steps: fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 5, maxLength: 5 }),
    })
    .map(({ rates: [ratePpm = 0, ...rest], steps }): FeeSchedule => {
      let fromMinor = 0;
      const tiers = rest.map((rate, i) => {
        fromMinor += steps[i] ?? 1;
        return { fromMinor, ratePpm: rate };
      });
      return { ratePpm, fixedMinor: 0, minMinor: 0, maxMinor: null, tiers };
    });
  const anyVolume = fc.integer({ min: 0, max: 3_000_000 });
  const anyAmount = fc.integer({ min: 1, max: 500_000 });

  test('is what the payment costs when nothing is paid after it', () => {
    fc.assert(
      fc.property(anySchedule, anyAmount, anyVolume, (schedule, amount, paid) => {
        const exact = feeMinorCeil(schedule, amount, paid);
        for (const aheadMinor of [0, amount]) expect(feeMinorAhead(schedule, amount, paid, aheadMinor)).toBe(exact);
      }),
    );
  });

  test('is what the payment costs in the last tier, to the unit, whatever is paid after it', () => {
    const anyFraction = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), anyVolume, anyFraction, (fives, more, fraction) => {
        const [amount, paid] = [fives * 500, 300_000_000 + more];
        const exact = feeMinorCeil(TIERED, amount, paid);
        expect(feeMinorAhead(TIERED, amount, paid, 1e9 * fraction)).toBe(exact);
      }),
    );
  });

  test('adds up to what all that is expected costs', () => {
    fc.assert(
      fc.property(anySchedule, anyVolume, fc.integer({ min: 1, max: 5_000_000 }), (schedule, paid, aheadMinor) => {
        const exact = feeMinorCeil(schedule, aheadMinor, paid);
        expect(Math.abs(feeMinorAhead(schedule, aheadMinor, paid, aheadMinor) - exact)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('what is expected', () => {
  const volumeAt = (outlook: ReturnType<typeof createOutlook>, now: number, minor = 0) =>
    outlook.volume('a', 'CNY', { minor, period: JANUARY }, now);

  /** So much an hour, evenly, from the first hour of the year on. */
  function watching(minor: number, hours: number) {
    const outlook = createOutlook();
    for (let i = 0; i <= hours; i += 1) outlook.wanted({ ...SEEN, minor }, NEW_YEAR + i * HOUR_MS);
    return outlook;
  }

  test('is three quarters of what would come if it went on, and nothing is before a hundredth of the period was watched', () => {
    const outlook = watching(1_000, 7);
    expect(volumeAt(outlook, NEW_YEAR + 7 * HOUR_MS)).toEqual({ paidMinor: 0, aheadMinor: null });
    outlook.wanted({ ...SEEN, minor: 1_000 }, NEW_YEAR + 8 * HOUR_MS);
    const { aheadMinor } = volumeAt(outlook, NEW_YEAR + 8 * HOUR_MS, 77);
    const rest = (31 * 24 - 8) * 1_000 * 0.75;
    expect(aheadMinor).toBeGreaterThan(rest * 0.97);
    expect(aheadMinor).toBeLessThan(rest * 1.03);
    expect(volumeAt(outlook, NEW_YEAR + 8 * HOUR_MS, 77).paidMinor).toBe(77);
    expect(volumeAt(outlook, JANUARY.end).aheadMinor).toBe(0);
  });

  test('follows what changes within weeks, and a silence', () => {
    const outlook = watching(1_000, 24 * 7);
    const before = volumeAt(outlook, NEW_YEAR + 7 * DAY_MS).aheadMinor ?? 0;
    for (let i = 1; i <= 24 * 7; i += 1) outlook.wanted({ ...SEEN, minor: 3_000 }, NEW_YEAR + 7 * DAY_MS + i * HOUR_MS);
    const after = volumeAt(outlook, NEW_YEAR + 14 * DAY_MS).aheadMinor ?? 0;
    expect(after / before / (17 / 24)).toBeGreaterThan(2);
    const silent = volumeAt(outlook, NEW_YEAR + 21 * DAY_MS).aheadMinor ?? 0;
    expect(silent / after / (10 / 17)).toBeLessThan(0.7);
  });

  test('is told for each channel and currency, and gone with the channel', () => {
    const outlook = watching(1_000, 24);
    const at = NEW_YEAR + DAY_MS;
    const of = (channelId: string, currency: string) =>
      outlook.volume(channelId, currency, { minor: 0, period: JANUARY }, at).aheadMinor;
    expect(of('a', 'CNY')).toBeGreaterThan(0);
    expect([of('a', 'USD'), of('b', 'CNY')]).toEqual([null, null]);
    outlook.forget('a');
    expect(of('a', 'CNY')).toBeNull();
  });

  test('survives a clock that steps back, and one that was far ahead is made up for within weeks', () => {
    const perHour = (outlook: ReturnType<typeof createOutlook>, now: number) =>
      (volumeAt(outlook, now).aheadMinor ?? 0) / ((0.75 * (JANUARY.end - now)) / HOUR_MS);
    const outlook = watching(1_000, 24);
    outlook.wanted({ ...SEEN, minor: 1_000 }, NEW_YEAR - DAY_MS);
    for (let i = -24; i <= 48; i += 1) outlook.wanted({ ...SEEN, minor: 1_000 }, NEW_YEAR + i * HOUR_MS);
    expect(perHour(outlook, NEW_YEAR + 2 * DAY_MS) / 1_000).toBeCloseTo(1, 1);
    outlook.wanted({ ...SEEN, minor: 1_000 }, NEW_YEAR + 700 * DAY_MS);
    for (let i = 48; i <= 24 * 30; i += 1) outlook.wanted({ ...SEEN, minor: 1_000 }, NEW_YEAR + i * HOUR_MS);
    expect(perHour(outlook, NEW_YEAR + 30 * DAY_MS) / 1_000).toBeGreaterThan(0.9);
    expect(perHour(outlook, NEW_YEAR + 30 * DAY_MS) / 1_000).toBeLessThan(1.1);
  });

  test('survives a restart, and is as unknown as before where an earlier version has written the snapshot', () => {
    const statistics = createStatistics({ settingsOf: () => ({ failureRate: 0.5, openForMs: 15_000 }) });
    for (let i = 0; i <= 24; i += 1) statistics.outlook.wanted({ ...SEEN, minor: 1_000 }, NEW_YEAR + i * HOUR_MS);
    const now = NEW_YEAR + DAY_MS;
    const text = statistics.snapshot(now);
    const read = (snapshot: string) => {
      const next = createStatistics({ settingsOf: () => ({ failureRate: 0.5, openForMs: 15_000 }) });
      expect(next.restore(snapshot, now)).toBeNull();
      return next.outlook.volume('a', 'CNY', { minor: 0, period: JANUARY }, now).aheadMinor;
    };
    expect(read(text)).toBe(volumeAt(statistics.outlook, now).aheadMinor);
    const { outlook: _, ...earlier } = JSON.parse(text);
    expect(read(JSON.stringify(earlier))).toBeNull();
  });
});

describe('a channel whose tiers are worth it only for who sends it everything', () => {
  const flat = aView({ profile: { id: 'flat', fee: { ...TIERED, ratePpm: 5_500, tiers: [] } } });
  const tiered = (aheadMinor: number | null, paidMinor = 0) =>
    aView({ profile: { id: 'tiered', fee: TIERED }, tiers: { paidMinor, aheadMinor } });
  const ranked = (aheadMinor: number | null, paidMinor = 0, set = {}) =>
    rank(aRequest({ amount: cny(10_000), ...set }), [flat, tiered(aheadMinor, paidMinor)], aSettings(), chance());

  test('leads from the start where its tiers will be reached, and not where they will not', () => {
    expect(ranked(null).choice?.channelId).toBe('flat');
    expect(ranked(100_000_000).choice?.channelId).toBe('flat');
    expect(ranked(350_000_000).choice?.channelId).toBe('tiered');
    expect(ranked(0, 100_000_000).choice?.channelId).toBe('tiered');
  });

  test('is charged for what it charges and judged by what it is counted to cost', () => {
    const [first] = ranked(350_000_000).candidates;
    expect(first).toMatchObject({ channelId: 'tiered', feeMinor: 60, countedFeeMinor: 52, factors: { fee: 0.9792 } });
    expect(ranked(null).candidates.map(({ countedFeeMinor }) => countedFeeMinor)).toEqual([undefined, undefined]);
  });

  const wantedIn = (ranking: ReturnType<typeof rank>) => ranking.choice?.noted.wanted;
  const all = [{ channelId: 'tiered', currency: 'CNY', minor: 9_000, lead: null }];

  test('counts a payment that it would get in the last tier, wherever the payment goes', () => {
    for (const aheadMinor of [null, 1_000, 350_000_000]) expect(wantedIn(ranked(aheadMinor))).toEqual(all);
    const better = aView({ profile: { id: 'better' }, estimate: { paymentRatio: 0.95 } });
    const hopeless = rank(aRequest({ amount: cny(10_000) }), [better, tiered(null)], aSettings(), chance());
    expect(wantedIn(hopeless)).toEqual([]);
    const away = aView({ ...{ profile: { id: 'tiered', fee: TIERED }, breakerOpen: true } });
    expect(wantedIn(rank(aRequest(), [flat, away], aSettings(), chance()))).toEqual([]);
  });

  test('counts what a rule gives it, and nothing that a rule sends elsewhere', () => {
    const prefer = (channelId: string) => ({ rules: [aRule({ kind: 'prefer', channelIds: [channelId] })] });
    expect(wantedIn(ranked(null, 0, prefer('tiered')))).toEqual(all);
    expect(wantedIn(ranked(350_000_000, 0, prefer('flat')))).toEqual([]);
    expect(wantedIn(ranked(null, 0, { rules: [aRule({ kind: 'prefer', channelIds: ['flat', 'tiered'] })] }))).toEqual(
      all,
    );
  });

  test('replicas count for each other', () => {
    const heard: unknown[] = [];
    const settingsOf = () => ({ failureRate: 0.5, openForMs: 15_000 });
    const other = createSharing(createStatistics({ settingsOf }), { follow: () => {} }, () => false);
    const one = createSharing(createStatistics({ settingsOf }), { follow: () => {} }, (news) => {
      heard.push(news);
      return false;
    });
    const noted = ranked(null).choice?.noted as Noted;
    for (let i = 0; i <= 24; i += 1) {
      heard.length = 0;
      const now = NEW_YEAR + i * HOUR_MS;
      one.statistics.decided(10_000, noted, 0.02, now);
      expect(heard).toEqual([{ kind: 'wanted', ...all[0] }]);
      other.apply({ kind: 'wanted', channelId: 'tiered', currency: 'CNY', minor: 9_000, lead: null }, now);
    }
    const now = NEW_YEAR + DAY_MS;
    const [here, there] = [one, other].map(({ statistics }) =>
      statistics.outlook.volume('tiered', 'CNY', { minor: 0, period: JANUARY }, now),
    );
    expect(here?.aheadMinor).toBeGreaterThan(4_000_000);
    expect(there).toEqual(here);
  });
});
