import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rank } from '../../src/routing/index.ts';
import {
  anyRatio,
  anyRequest,
  anyViews,
  anyWeights,
  aRequest,
  aSettings,
  aView,
  chance,
  NEW_YEAR,
} from './builders.ts';

const three = [
  aView({ profile: { id: 'a' }, estimate: { paymentRatio: 0.8 } }),
  aView({ profile: { id: 'b' }, estimate: { paymentRatio: 0.9 } }),
  aView({ profile: { id: 'c' }, estimate: { paymentRatio: 0.7 } }),
];
const ids = (ranking: ReturnType<typeof rank>) => ranking.candidates.map(({ channelId }) => channelId);

test('the best score is chosen and the decision holds every candidate with its numbers', () => {
  const ranking = rank(aRequest(), three, aSettings(), chance());
  expect(ids(ranking)).toEqual(['b', 'a', 'c']);
  expect(ranking.choice).toMatchObject({
    channelId: 'b',
    method: 'alipay',
    decision: { decidedAt: NEW_YEAR, channelId: 'b', position: 'first', reason: 'best_score', draw: null },
  });
  expect(ranking.choice?.decision.candidates).toEqual(ranking.candidates);
  expect(ranking.candidates[0]).toEqual({
    channelId: 'b',
    method: 'alipay',
    score: 0.918576,
    factors: { success: 0.9, fee: 0.943396, latency: 0.943396, settlement: 0.967742 },
    feeMinor: 30,
    successRatio: 0.9,
    sampleSize: 412,
    latencyMs: 300,
    excluded: null,
  });
});

test('a channel that fails technically is judged by both of its ratios', () => {
  const views = [
    aView({ profile: { id: 'a' }, estimate: { technicalRatio: 0.5, paymentRatio: 0.99 } }),
    aView({ profile: { id: 'b' }, estimate: { technicalRatio: 0.99, paymentRatio: 0.7 } }),
  ];
  expect(rank(aRequest(), views, aSettings(), chance()).choice?.channelId).toBe('b');
});

test('excluded channels come last, with their reason and without numbers', () => {
  const views = [aView({ profile: { id: 'a', enabled: false } }), aView({ profile: { id: 'b' } })];
  const ranking = rank(aRequest(), views, aSettings(), chance());
  expect(ids(ranking)).toEqual(['b', 'a']);
  expect(ranking.candidates[1]).toMatchObject({ score: 0, factors: null, feeMinor: null, excluded: 'disabled' });
});

test('with every channel excluded there is no choice, only reasons', () => {
  const ranking = rank(aRequest({ methods: ['card'] }), three, aSettings(), chance());
  expect(ranking.choice).toBeNull();
  expect(ranking.candidates.map(({ excluded }) => excluded)).toEqual(['method', 'method', 'method']);
});

test('equal scores are ordered by id', () => {
  const views = ['c', 'a', 'b'].map((id) => aView({ profile: { id } }));
  const ranking = rank(aRequest(), views, aSettings(), chance());
  expect(ids(ranking)).toEqual(['a', 'b', 'c']);
  expect(ranking.choice?.decision.explanation).toBe('a over b: equal scores, so the first name');
});

test('a pin leaves the one channel, never explores and says so', () => {
  const settings = aSettings({ explorationShare: 1 });
  const ranking = rank(aRequest({ pinnedChannelId: 'c' }), three, settings, chance(0));
  expect(ranking.choice?.decision).toMatchObject({
    channelId: 'c',
    reason: 'pinned',
    draw: null,
    explanation: 'c: pinned by the merchant',
  });
  expect(ranking.candidates.map(({ excluded }) => excluded)).toEqual([null, 'pinned_elsewhere', 'pinned_elsewhere']);
});

test('after a failed try the next best is the failover, and nothing is explored', () => {
  const settings = aSettings({ explorationShare: 1 });
  const ranking = rank(aRequest({ triedChannelIds: ['b'] }), three, settings, chance(0));
  expect(ranking.choice?.decision).toMatchObject({
    channelId: 'a',
    position: 'failover',
    reason: 'best_score',
    draw: null,
  });
  expect(ranking.choice?.decision.explanation).toMatch(/^after b failed, a over c: /);
  expect(ranking.candidates.at(-1)).toMatchObject({ channelId: 'b', excluded: 'already_tried' });
});

test('a single eligible channel is chosen without a draw', () => {
  const settings = aSettings({ explorationShare: 1 });
  const decision = rank(aRequest(), [aView()], settings, chance(0)).choice?.decision;
  expect(decision).toMatchObject({ reason: 'best_score', draw: null });
  expect(decision?.explanation).toBe('alipay-main: the only channel that can take this payment');
});

test.each([
  [0, 'exploration', 'a'],
  [0.009, 'exploration', 'a'],
  [0.01, 'exploration', 'c'],
  [0.0199, 'exploration', 'c'],
  [0.02, 'best_score', 'b'],
  [0.999, 'best_score', 'b'],
])('with an exploration share of 0.02 the draw %d means %s, on channel %s', (draw, reason, channelId) => {
  const ranking = rank(aRequest(), three, aSettings({ explorationShare: 0.02 }), chance(draw));
  expect(ranking.choice?.decision).toMatchObject({ draw, reason, channelId });
  if (reason !== 'exploration') return;
  expect(ranking.choice?.decision.explanation).toBe(
    `${channelId} to learn about it, as 2% of payments may; b has the best score`,
  );
});

test('over all draws exactly the exploration share goes elsewhere, evenly', () => {
  const share = fc.integer({ min: 0, max: 100 }).map((hundredths) => hundredths / 100);
  fc.assert(
    fc.property(share, (explorationShare) => {
      const taken = new Map<string | undefined, number>();
      for (let i = 0; i < 1_000; i += 1) {
        const ranking = rank(aRequest(), three, aSettings({ explorationShare }), chance(i / 1_000));
        const chosen = ranking.choice?.channelId;
        taken.set(chosen, (taken.get(chosen) ?? 0) + 1);
      }
      const [a = 0, c = 0] = [taken.get('a'), taken.get('c')];
      expect(a + c).toBe(Math.round(1_000 * explorationShare));
      expect(Math.abs(a - c)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 20 },
  );
});

test('an excluded channel is never chosen, whatever the draw', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(anyViews, anyRequest, share, draw, (views, request, explorationShare, drawn) => {
      const { choice, candidates } = rank(request, views, aSettings({ explorationShare }), chance(drawn));
      const chosen = candidates.find(({ channelId }) => channelId === choice?.channelId);
      if (choice) expect(chosen?.excluded).toBeNull();
      else expect(candidates.every(({ excluded }) => excluded !== null)).toBe(true);
      expect(candidates).toHaveLength(views.length);
    }),
  );
});

test('the same question has the same answer, in whatever order the channels are listed', () => {
  fc.assert(
    fc.property(anyViews, anyRequest, (views, request) => {
      const settings = aSettings({ explorationShare: 0.02 });
      const first = rank(request, views, settings, chance(0.3));
      expect(rank(request, [...views].reverse(), settings, chance(0.3))).toEqual(first);
    }),
  );
});

test('candidates are in the order of their stored scores, ties in the order of their ids', () => {
  fc.assert(
    fc.property(anyViews, anyRequest, (views, request) => {
      const { candidates } = rank(request, views, aSettings(), chance());
      const eligible = candidates.filter(({ excluded }) => excluded === null);
      const resorted = eligible.toSorted((a, b) => b.score - a.score || (a.channelId < b.channelId ? -1 : 1));
      expect(eligible).toEqual(resorted);
      expect(candidates.slice(0, eligible.length)).toEqual(eligible);
    }),
  );
});

test('a higher weight of success never lowers the rank of the channel that succeeds most, among equal preferences', () => {
  const channel = fc.record({
    success: anyRatio,
    ratePpm: fc.integer({ min: 0, max: 60_000 }),
    latencyMs: fc.nat(10_000),
  });
  const more = fc.integer({ min: 1, max: 200 });
  fc.assert(
    fc.property(fc.array(channel, { minLength: 2, maxLength: 6 }), anyWeights, more, (channels, weights, extra) => {
      const views = channels.map(({ success, ratePpm, latencyMs }, index) =>
        aView({
          profile: { id: `channel-${index}`, fee: { ratePpm, fixedMinor: 0, minMinor: 0, maxMinor: null } },
          estimate: { technicalRatio: 1, paymentRatio: success, latencyMs },
        }),
      );
      const most = channels.reduce(
        (best, { success }, index) => (success > (channels[best]?.success ?? 0) ? index : best),
        0,
      );
      const placeOfMost = (success: number) =>
        ids(rank(aRequest(), views, aSettings({ weights: { ...weights, success } }), chance())).indexOf(
          `channel-${most}`,
        );
      expect(placeOfMost(weights.success + extra)).toBeLessThanOrEqual(placeOfMost(weights.success));
    }),
  );
});
