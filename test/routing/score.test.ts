import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DEFAULT_WEIGHTS,
  expectedShare,
  factorsOf,
  preferenceMultiplier,
  pullOf,
  type RoutingWeights,
  type Traits,
  valueFor,
} from '../../src/routing/index.ts';
import { anyRatio, anyWeights, aSettings, DAY_MS } from './builders.ts';

const traits = (set: Partial<Traits> = {}): Traits => ({
  technicalRatio: 0.99,
  paymentRatio: 0.92,
  feeMinor: 60,
  amountMinor: 10_000,
  latencyMs: 2_500,
  lostMs: 1_500,
  settlementDelayMs: DAY_MS,
  ...set,
});

const anyTraits: fc.Arbitrary<Traits> = fc.record({
  technicalRatio: anyRatio,
  paymentRatio: anyRatio,
  feeMinor: fc.integer({ min: 0, max: 20_000 }),
  amountMinor: fc.constant(10_000),
  latencyMs: fc.integer({ min: 0, max: 60_000 }),
  lostMs: fc.integer({ min: 0, max: 10_000 }),
  settlementDelayMs: fc.integer({ min: 0, max: 60 * DAY_MS }),
});

const pull = (weights: RoutingWeights = DEFAULT_WEIGHTS) => pullOf(aSettings({ weights }));
const shareOf = (some: Traits, weights?: RoutingWeights) => valueFor(some, pull(weights)).score;

test('the worked example of the doc comment: what 100.00 is expected to bring of its margin of 25.00', () => {
  const value = valueFor(traits(), pull());
  expect(factorsOf(value)).toEqual({ success: 0.919793, fee: 0.976, latency: 0.970446, settlement: 0.9998 });
  expect(value.score).toBeCloseTo(0.871012, 6);
});

test('the default weights, in any multiple, give the plain expected value', () => {
  const byMoney = pullOf(
    aSettings({ strategy: 'expected_value', weights: { success: 1, fee: 0, latency: 9, settlement: 0 } }),
  );
  expect(pull()).toEqual(byMoney);
  expect(pull({ success: 12, fee: 5, latency: 2, settlement: 1 })).toEqual(byMoney);
  fc.assert(
    fc.property(anyTraits, anyRatio, (some, other) => {
      if (some.feeMinor > 2_000) return;
      const days = some.settlementDelayMs / DAY_MS;
      const waits = (ms: number) => Math.exp(-0.03 * Math.max(0, ms / 1_000 - 1.5));
      const worth = some.paymentRatio * (2_500 - some.feeMinor) * waits(some.latencyMs) * (1 - (days * 0.00005) / 0.25);
      const q = some.technicalRatio;
      const expected = q * worth + (1 - q) * other * 2_500 * waits(some.lostMs + 750);
      expect(expectedShare(valueFor(some, pull()), other) * 2_500).toBeCloseTo(expected, 6);
    }),
  );
});

test('of two channels the one with the higher score goes first: that order has the higher expected value', () => {
  fc.assert(
    fc.property(anyTraits, anyTraits, (a, b) => {
      const [mine, theirs] = [valueFor(a, pull()), valueFor(b, pull())];
      const mineFirst = expectedShare(mine, theirs.alone);
      const theirsFirst = expectedShare(theirs, mine.alone);
      if (mine.score > theirs.score) expect(mineFirst).toBeGreaterThanOrEqual(theirsFirst - 1e-9);
    }),
  );
});

test('every factor lies between 0 and 1 and is better when its trait is', () => {
  fc.assert(
    fc.property(anyTraits, anyTraits, (a, b) => {
      const [mine, theirs] = [factorsOf(valueFor(a, pull())), factorsOf(valueFor(b, pull()))];
      for (const factors of [mine, theirs]) {
        for (const value of Object.values(factors)) expect(value >= 0 && value <= 1).toBe(true);
      }
      if (a.feeMinor <= b.feeMinor) expect(mine.fee).toBeGreaterThanOrEqual(theirs.fee);
      if (a.latencyMs <= b.latencyMs) expect(mine.latency).toBeGreaterThanOrEqual(theirs.latency);
      if (a.settlementDelayMs <= b.settlementDelayMs) expect(mine.settlement).toBeGreaterThanOrEqual(theirs.settlement);
    }),
  );
});

test('a better trait never lowers the score, whatever the weights', () => {
  const better = fc.record({ ratio: anyRatio, fee: fc.nat(20_000), latency: fc.nat(60_000) });
  fc.assert(
    fc.property(anyTraits, anyWeights, better, (some, weights, { ratio, fee, latency }) => {
      const improved = {
        ...some,
        technicalRatio: Math.max(some.technicalRatio, ratio),
        paymentRatio: Math.max(some.paymentRatio, ratio),
        feeMinor: Math.min(some.feeMinor, fee),
        latencyMs: Math.min(some.latencyMs, latency),
      };
      expect(shareOf(improved, weights)).toBeGreaterThanOrEqual(shareOf(some, weights) - 1e-12);
    }),
  );
});

test('a weight of 0 switches its factor off, and weights that are all 0 make every channel equal', () => {
  const noFee = { ...DEFAULT_WEIGHTS, fee: 0 };
  expect(shareOf(traits({ feeMinor: 900 }), noFee)).toBe(shareOf(traits(), noFee));
  const none = { success: 0, fee: 0, latency: 0, settlement: 0 };
  fc.assert(
    fc.property(anyTraits, (some) => {
      expect(shareOf(some, none)).toBe(1);
    }),
  );
});

test('a fee that eats the margin still ranks before a higher one', () => {
  const dear = [2_000, 2_500, 3_000, 10_000].map((feeMinor) => shareOf(traits({ feeMinor })));
  expect(dear).toEqual(dear.toSorted((a, b) => b - a));
  expect(new Set(dear).size).toBe(4);
  expect(Math.min(...dear)).toBeGreaterThan(0);
});

test('a preference of 100 is neutral, each halving leaves nine tenths of the score', () => {
  const rounded = [100, 50, 25, 200].map((preference) => Number(preferenceMultiplier(preference).toFixed(6)));
  expect(rounded).toEqual([1, 0.9, 0.81, 1.111111]);
});
