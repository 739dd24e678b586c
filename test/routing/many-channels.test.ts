import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rank } from '../../src/routing/index.ts';
import { aRequest, aRule, aSettings, aView, chance, curious, led, type ViewParts } from './builders.ts';

/** Channels whose names tell nothing of their order; of each, what is paid. */
const channels = (paid: readonly number[], set: (index: number) => ViewParts = () => ({})) =>
  paid.map((paymentRatio, index) => {
    const { profile, estimate, ...rest } = set(index);
    return aView({
      profile: { id: idOf(index), ...profile },
      estimate: { paymentRatio, ...estimate },
      ...rest,
    });
  });
const idOf = (index: number) => `channel-${(index * 37) % 101}`;
const hundred = Array.from({ length: 100 }, (_, index) => 0.9 - index / 1_000);
const told = ({ candidates }: ReturnType<typeof rank>) => candidates.map(({ channelId }) => channelId);

test('of a hundred channels the best thirty-two are told, best first, and the others are counted', () => {
  const ranking = rank(aRequest(), channels(hundred).reverse(), aSettings(), chance());
  expect(told(ranking)).toEqual(hundred.slice(0, 32).map((_, index) => idOf(index)));
  expect(ranking).toMatchObject({ omitted: 68, exclusions: [] });
  expect(ranking.choice?.decision).toMatchObject({ channelId: idOf(0), omitted: 68 });
  const few = rank(aRequest(), channels(hundred.slice(0, 32)), aSettings(), chance());
  expect(few).toMatchObject({ omitted: 0 });
  expect(few.choice?.decision).not.toHaveProperty('omitted');
});

test('however many fail, the next best is tried, to the last one', () => {
  const views = channels(hundred);
  const tried: string[] = [];
  for (;;) {
    const { choice } = rank(aRequest({ triedChannelIds: tried }), views, aSettings(), chance());
    if (!choice) break;
    tried.push(choice.channelId);
  }
  expect(tried).toEqual(hundred.map((_, index) => idOf(index)));
});

test('who is told are those that would lead if all were put in order', () => {
  const ratio = fc.integer({ min: 0, max: 20 }).map((twentieths) => twentieths / 20);
  fc.assert(
    fc.property(fc.array(ratio, { minLength: 1, maxLength: 101 }), (paid) => {
      const { candidates, omitted } = rank(aRequest(), channels(paid), aSettings(), chance());
      const order = paid
        .map((paymentRatio, index) => ({ id: idOf(index), paymentRatio }))
        .sort((a, b) => b.paymentRatio - a.paymentRatio || (a.id < b.id ? -1 : 1));
      expect(candidates.map(({ channelId }) => channelId)).toEqual(order.slice(0, 32).map(({ id }) => id));
      expect(omitted).toBe(Math.max(0, paid.length - 32));
    }),
  );
});

test('a rule may prefer one that is far behind, a leader stays in front, and whoever is explored is told', () => {
  const last = idOf(99);
  const rules = [aRule({ kind: 'prefer', channelIds: [last] })];
  const preferred = rank(aRequest({ rules }), channels(hundred), aSettings(), chance());
  expect(preferred.choice).toMatchObject({ channelId: last, decision: { reason: 'preferred' } });
  expect(told(preferred).slice(0, 2)).toEqual([last, idOf(0)]);

  const alike = channels(hundred.map((_, index) => 0.9 - index / 100_000));
  expect(rank(aRequest(), alike, aSettings(), curious(0.5, { incumbent: led(last) })).choice?.channelId).toBe(last);

  const sizeOf = (index: number) => (index === 99 ? { sampleSize: 0, opened: 0 } : { sampleSize: 1e7 });
  const oneIsNew = channels(hundred, (index) => ({ estimate: sizeOf(index) }));
  const explored = rank(aRequest(), oneIsNew, aSettings({ explorationShare: 0.02 }), curious(0.1));
  expect(explored.choice).toMatchObject({ channelId: last, decision: { reason: 'exploration' } });
  expect(told(explored).at(-1)).toBe(last);
});

test('every exclusion is known, those that say most are told, and the pinned one always', () => {
  const views = channels(hundred, (index) => ({
    breakerOpen: index >= 60,
    profile:
      index < 50 ? { enabled: false } : index < 60 ? { limits: aView().profile.limits, currencies: ['EUR'] } : {},
  }));
  const ranking = rank(
    aRequest(),
    [...views, aView({ profile: { id: 'small', limits: NONE } })],
    aSettings(),
    chance(),
  );
  expect(ranking.exclusions).toHaveLength(101);
  const reasons = ranking.candidates.map(({ excluded }) => excluded);
  expect(reasons.filter((reason) => reason === 'breaker_open')).toHaveLength(32);
  expect(reasons).toContain('amount_above_max');
  expect(reasons).toHaveLength(64);
  expect(ranking.omitted).toBe(37);
  expect(told(ranking)).toEqual(told(ranking).toSorted());
  // No channel is well: the best of those whose breaker is open.
  expect(ranking.choice?.channelId).toBe(idOf(60));
  expect(told(ranking)).toContain(idOf(60));

  const pinned = rank(aRequest({ pinnedChannelId: idOf(49) }), views, aSettings(), chance());
  expect(pinned.choice).toBeNull();
  expect(pinned.candidates.find(({ channelId }) => channelId === idOf(49))).toMatchObject({ excluded: 'disabled' });
  expect(pinned.candidates).toHaveLength(32);
});

const NONE = { minMinor: 1, maxMinor: 1, dailyMinor: null, perMinute: null };
