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
  curious,
  led,
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
    // A margin of 25% of 50.00 is 12.50; the fee takes 0.30 of it and a day's wait for the money 0.0025.
    score: 0.878224,
    factors: { success: 0.9, fee: 0.976, latency: 1, settlement: 0.9998 },
    feeMinor: 30,
    successRatio: 0.9,
    technicalRatio: 1,
    paymentRatio: 0.9,
    sampleSize: 412,
    latencyMs: 300,
    expectedShare: 0.878224,
    expectedMinor: 1_097.7804,
    excluded: null,
  });
});

test('a call that fails fast costs little, since another channel takes over; one that hangs costs buyers', () => {
  const first = (lostMs: number) => {
    const views = [
      aView({ profile: { id: 'a' }, estimate: { technicalRatio: 0.5, paymentRatio: 0.95, lostMs } }),
      aView({ profile: { id: 'b' }, estimate: { technicalRatio: 0.99, paymentRatio: 0.9, lostMs } }),
    ];
    return rank(aRequest(), views, aSettings(), chance()).choice?.channelId;
  };
  expect(first(500)).toBe('a');
  expect(first(5_000)).toBe('b');
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

test('a new channel gets a small payment now and then, if it could be the best', () => {
  const views = [
    ...three,
    aView({ profile: { id: 'new' }, estimate: { paymentRatio: 0.85, sampleSize: 0, opened: 0 } }),
  ];
  const settings = aSettings({ explorationShare: 0.02 });
  const choiceAt = (draw: number) => rank(aRequest(), views, settings, curious(draw)).choice?.decision;
  expect(choiceAt(0.1)).toMatchObject({ draw: 0.1, reason: 'exploration', channelId: 'new' });
  expect(choiceAt(0.1)?.explanation).toBe('new to learn about it, as 2% of payments may; b has the best score');
  expect(choiceAt(0.9)).toMatchObject({ draw: 0.9, reason: 'best_score', channelId: 'b' });
});

test('nothing is explored with a large payment, without budget, or with a share of 0', () => {
  const views = [
    aView({ profile: { id: 'a' } }),
    aView({ profile: { id: 'new' }, estimate: { paymentRatio: 0.85, opened: 0 } }),
  ];
  const reason = (share: number, set: Parameters<typeof curious>[1]) =>
    rank(aRequest(), views, aSettings({ explorationShare: share }), curious(0, set)).choice?.decision.reason;
  expect(reason(0.02, {})).toBe('exploration');
  expect(reason(0.02, { small: false })).toBe('best_score');
  expect(reason(0.02, { riskMinor: -1 })).toBe('best_score');
  expect(reason(0, {})).toBe('best_score');
});

test('a channel that is well known and clearly worse is left alone', () => {
  const known = three.map(({ profile }) => ({ id: profile.id }));
  const views = known.map((profile, i) =>
    aView({ profile, estimate: { paymentRatio: 0.9 - i / 5, sampleSize: 5_000 } }),
  );
  const settings = aSettings({ explorationShare: 1 });
  expect(rank(aRequest(), views, settings, curious(0)).choice?.decision).toMatchObject({
    reason: 'best_score',
    draw: null,
  });
});

test('a channel whose breaker is open gets one small payment as its trial', () => {
  const views = [aView({ profile: { id: 'a' } }), aView({ profile: { id: 'b' }, breakerOpen: true, trialDue: true })];
  const decision = (set: Parameters<typeof curious>[1]) =>
    rank(aRequest(), views, aSettings(), curious(0.5, set)).choice?.decision;
  expect(decision({})).toMatchObject({ channelId: 'b', reason: 'probe' });
  expect(decision({})?.explanation).toBe('b to see with a small payment whether it is back; a has the best score');
  expect(decision({ small: false })).toMatchObject({ channelId: 'a', reason: 'best_score' });
});

test('when no channel is as it should be, the best of those that may work is tried', () => {
  const views = [
    aView({ profile: { id: 'a' }, breakerOpen: true, estimate: { paymentRatio: 0.7 } }),
    aView({ profile: { id: 'b' }, breakerOpen: true, estimate: { paymentRatio: 0.8 } }),
    aView({ profile: { id: 'c' }, coolingDown: true, quotaUsedUp: true }),
    aView({ profile: { id: 'd' }, breakerOpen: true, outOfService: true }),
  ];
  const first = rank(aRequest(), views, aSettings(), curious());
  expect(first.choice?.decision).toMatchObject({ channelId: 'b', reason: 'panic' });
  const second = rank(aRequest({ triedChannelIds: ['b'] }), views, aSettings(), curious());
  expect(second.choice?.decision).toMatchObject({ channelId: 'a', reason: 'panic', position: 'failover' });
  expect(rank(aRequest({ triedChannelIds: ['a', 'b'] }), views, aSettings(), curious()).choice).toBeNull();
});

test('when all are down, the one that still answers comes before a better one that only fails fast', () => {
  const down = (id: string, technicalRatio: number, ratePpm: number): ReturnType<typeof aView> =>
    aView({
      profile: { id, fee: { ratePpm, fixedMinor: 0, minMinor: 1, maxMinor: null } },
      estimate: { technicalRatio, lostMs: 5 },
      breakerOpen: true,
    });
  const views = [down('cheap', 0.05, 6_000), down('dear', 0.4, 8_000)];
  expect(rank(aRequest(), views, aSettings(), curious()).choice).toMatchObject({ channelId: 'dear' });
});

test('the leader keeps its place against a challenger that is better by less than 0.2%, and says so', () => {
  const views = [
    aView({ profile: { id: 'a' }, estimate: { paymentRatio: 0.9 } }),
    aView({ profile: { id: 'b' }, estimate: { paymentRatio: 0.901 } }),
    aView({ profile: { id: 'c' }, estimate: { paymentRatio: 0.91 } }),
  ];
  const leads = (incumbent: string, among: typeof views) =>
    rank(aRequest(), among, aSettings(), curious(0.5, { incumbent: led(incumbent) })).choice?.decision;
  expect(leads('a', views.slice(0, 2))?.channelId).toBe('a');
  expect(leads('a', views.slice(0, 2))?.explanation).toBe(
    'a over b: it led before, and the difference is too small to move',
  );
  expect(leads('a', views)?.channelId).toBe('c');
});

test('where payments come fast the margin is wider, as noise has its chance more often', () => {
  const views = [
    aView({ profile: { id: 'a' }, estimate: { paymentRatio: 0.9 } }),
    aView({ profile: { id: 'b' }, estimate: { paymentRatio: 0.904 } }),
  ];
  const leads = (paymentsMs: number) =>
    rank(aRequest(), views, aSettings(), curious(0.5, { incumbent: led('a'), paymentsMs })).choice?.channelId;
  expect([60_000, 1_000, 2].map(leads)).toEqual(['b', 'b', 'a']);
});

test('the more often two close channels have changed places lately, the more it takes to change again', () => {
  const views = [
    aView({ profile: { id: 'a' }, estimate: { paymentRatio: 0.9 } }),
    aView({ profile: { id: 'b' }, estimate: { paymentRatio: 0.907 } }),
  ];
  const led = (channelId: string, closeChanges: number) =>
    rank(aRequest(), views, aSettings(), curious(0.5, { incumbent: { channelId, closeChanges } })).choice;
  expect([0, 3, 4, 9].map((changes) => led('a', changes)?.channelId)).toEqual(['b', 'b', 'a', 'a']);
  expect(led('a', 0)?.noted).toMatchObject({ leader: 'b', isClose: true });
  expect(led('b', 0)?.noted).toMatchObject({ leader: 'b', isClose: false });
  const better = [...views, aView({ profile: { id: 'c' }, estimate: { paymentRatio: 0.92 } })];
  const settled = curious(0.5, { incumbent: { channelId: 'a', closeChanges: 1_000 } });
  expect(rank(aRequest(), better, aSettings(), settled).choice).toMatchObject({
    channelId: 'c',
    noted: { isClose: false },
  });
});

test('a channel that is better in everything never ranks lower', () => {
  fc.assert(
    fc.property(anyViews, anyWeights, fc.nat(), anyRatio, (views, weights, which, gain) => {
      const index = which % views.length;
      const view = views[index];
      if (!view) return;
      const better = (ratio: number) => ratio + (1 - ratio) * gain;
      const { technicalRatio, paymentRatio, latencyMs, ...rest } = view.estimate({
        method: 'alipay',
        currency: 'CNY',
        band: 0,
      });
      const improved = aView({
        profile: { ...view.profile, settlementDelayMs: view.profile.settlementDelayMs * (1 - gain) },
        estimate: {
          ...rest,
          ...{
            technicalRatio: better(technicalRatio),
            paymentRatio: better(paymentRatio),
            latencyMs: latencyMs * (1 - gain),
          },
        },
        breakerOpen: view.breakerOpen,
        ...(view.tiers && { tiers: view.tiers }),
        ...(view.limitPrice !== undefined && { limitPrice: view.limitPrice }),
      });
      const place = (list: typeof views) =>
        ids(rank(aRequest(), list, aSettings({ weights }), chance())).indexOf(view.profile.id);
      expect(place(views.with(index, improved))).toBeLessThanOrEqual(place(views));
    }),
  );
});

test('an excluded channel is never chosen, whatever the draw', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(anyViews, anyRequest, share, draw, (views, request, explorationShare, drawn) => {
      const { choice, candidates } = rank(request, views, aSettings({ explorationShare }), chance(drawn));
      const chosen = candidates.find(({ channelId }) => channelId === choice?.channelId);
      if (choice?.decision.reason === 'panic') expect(chosen?.excluded).toBe('breaker_open');
      else if (choice) expect(chosen?.excluded).toBeNull();
      else expect(candidates.every(({ excluded }) => excluded !== null)).toBe(true);
      expect(candidates).toHaveLength(views.length);
    }),
  );
});

test('the same question has the same answer, in whatever order the channels are listed', () => {
  fc.assert(
    fc.property(anyViews, anyRequest, (views, request) => {
      const settings = aSettings({ explorationShare: 0.02 });
      const answer = (list: typeof views) => {
        const { exclusions, ...ranking } = rank(request, list, settings, chance(0.3));
        return { ...ranking, excluded: new Set(exclusions) };
      };
      expect(answer([...views].reverse())).toEqual(answer(views));
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
