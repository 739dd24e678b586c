import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pacedMinor, rank } from '../../src/routing/index.ts';
import { aRequest, aSettings, aView, cny, NEW_YEAR } from './builders.ts';

const HOUR_MS = 3_600_000;
/** The day of the channel in the builders: Shanghai's, which began eight hours before the new year of UTC. */
const DAY = { start: NEW_YEAR - 8 * HOUR_MS, end: NEW_YEAR + 16 * HOUR_MS };

test.each([
  [0, 10_000],
  [6, 35_000],
  [12, 60_000],
  [21.6, 100_000],
  [24, 100_000],
])('after %d hours of a day %i of 100,000 may be used', (hours, free) => {
  expect(pacedMinor(100_000, DAY, DAY.start + hours * HOUR_MS)).toBe(free);
});

test('the free part only grows, is never negative, and ends at the limit', () => {
  const anyTime = fc.integer({ min: DAY.start - HOUR_MS, max: DAY.end + HOUR_MS });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), anyTime, anyTime, (daily, a, b) => {
      const [early, late] = [pacedMinor(daily, DAY, Math.min(a, b)), pacedMinor(daily, DAY, Math.max(a, b))];
      expect(early).toBeGreaterThanOrEqual(0);
      expect(late).toBeGreaterThanOrEqual(early);
      expect(late).toBeLessThanOrEqual(daily);
      expect(pacedMinor(daily, DAY, DAY.end)).toBe(daily);
    }),
  );
});

const limits = { minMinor: 1, maxMinor: null, dailyMinor: 100_000, perMinute: null, pacing: 'even' } as const;
const paced = (usedTodayMinor: number) => aView({ profile: { id: 'paced', limits }, usedTodayMinor });
const noon = { now: DAY.start + 12 * HOUR_MS, random: () => 0.5 };
const judge = (views: Parameters<typeof rank>[1], set: Parameters<typeof aRequest>[0] = {}) =>
  rank(aRequest({ amount: cny(5_000), ...set }), views, aSettings(), noon);

test('a channel ahead of its pace is left to others', () => {
  const other = aView({
    profile: { id: 'other', fee: { ratePpm: 50_000, fixedMinor: 0, minMinor: 0, maxMinor: null } },
  });
  expect(judge([paced(55_000), other]).choice?.channelId).toBe('paced');
  const ranking = judge([paced(55_001), other]);
  expect(ranking.choice?.channelId).toBe('other');
  expect(ranking.candidates[1]).toMatchObject({ channelId: 'paced', excluded: 'daily_pacing' });
});

test('pacing gives way when nobody else can take the payment; the daily limit does not', () => {
  const broken = aView({ profile: { id: 'broken' }, breakerOpen: true });
  expect(judge([paced(90_000), broken]).choice?.channelId).toBe('paced');
  // Beyond the daily limit only a channel is left that may have healed; the limit is hard, its breaker is not.
  expect(judge([paced(95_001), broken]).choice).toMatchObject({ channelId: 'broken', decision: { reason: 'panic' } });
  expect(judge([{ ...paced(95_001), breakerOpen: true }])).toMatchObject({ choice: null });
  const other = aView({ profile: { id: 'other' } });
  expect(judge([paced(90_000), other], { triedChannelIds: ['other'] }).choice?.channelId).toBe('paced');
  expect(judge([paced(90_000), other], { pinnedChannelId: 'paced' }).choice?.channelId).toBe('paced');
});
