import fc from 'fast-check';
import { expect, test } from 'vitest';
import { factorsOf, scoreOf, type Traits } from '../../src/routing/index.ts';
import { anyRatio, anyWeights, DAY_MS, DEFAULT_WEIGHTS } from './builders.ts';

const traits = (set: Partial<Traits> = {}): Traits => ({
  successRatio: 0.9,
  feeMinor: 60,
  amountMinor: 10_000,
  latencyMs: 300,
  settlementDelayMs: DAY_MS,
  ...set,
});

const anyTraits = fc.record({
  successRatio: anyRatio,
  feeMinor: fc.integer({ min: 0, max: 20_000 }),
  amountMinor: fc.constant(10_000),
  latencyMs: fc.integer({ min: 0, max: 60_000 }),
  settlementDelayMs: fc.integer({ min: 0, max: 60 * DAY_MS }),
});

const anyPreference = fc.integer({ min: 1, max: 1_000 });

const defaultScore = (set: Partial<Traits>) => scoreOf(factorsOf(traits(set)), DEFAULT_WEIGHTS, 100);

test('the worked example of the doc comment: three points of success beat half a per cent of fee, one point does not', () => {
  const a = factorsOf(traits({ successRatio: 0.93, feeMinor: 110 }));
  const b = factorsOf(traits({ successRatio: 0.9, feeMinor: 60 }));
  expect(a.fee).toBe(0.900901);
  expect(b.fee).toBe(0.943396);
  const lead = scoreOf(a, DEFAULT_WEIGHTS, 100) - scoreOf(b, DEFAULT_WEIGHTS, 100);
  expect(lead).toBeCloseTo((60 * 0.03 - 25 * (0.943396 - 0.900901)) / 100, 5);
  expect(lead).toBeCloseTo(0.0074, 4);

  expect(defaultScore({ successRatio: 0.91, feeMinor: 110 })).toBeLessThan(defaultScore({}));
});

test('a second of latency weighs about 2.5 points of success, a day of settlement delay about a quarter of one', () => {
  const slower = { latencyMs: 1_300 };
  expect(defaultScore({ ...slower, successRatio: 0.924 })).toBeLessThan(defaultScore({}));
  expect(defaultScore({ ...slower, successRatio: 0.926 })).toBeGreaterThan(defaultScore({}));
  const later = { settlementDelayMs: 2 * DAY_MS };
  expect(defaultScore({ ...later, successRatio: 0.902 })).toBeLessThan(defaultScore({}));
  expect(defaultScore({ ...later, successRatio: 0.903 })).toBeGreaterThan(defaultScore({}));
});

test('every factor lies between 0 and 1 and is better when its trait is', () => {
  fc.assert(
    fc.property(anyTraits, anyTraits, (a, b) => {
      const [mine, theirs] = [factorsOf(a), factorsOf(b)];
      for (const factors of [mine, theirs]) {
        for (const value of Object.values(factors)) expect(value >= 0 && value <= 1).toBe(true);
      }
      expect(Math.sign(mine.success - theirs.success)).toBe(Math.sign(a.successRatio - b.successRatio));
      expect(Math.sign(mine.fee - theirs.fee)).toBe(Math.sign(b.feeMinor - a.feeMinor));
      if (a.latencyMs <= b.latencyMs) expect(mine.latency).toBeGreaterThanOrEqual(theirs.latency);
      if (a.settlementDelayMs <= b.settlementDelayMs) expect(mine.settlement).toBeGreaterThanOrEqual(theirs.settlement);
    }),
  );
});

test('raising one factor never lowers the score', () => {
  const factor = fc.constantFrom('success', 'fee', 'latency', 'settlement');
  fc.assert(
    fc.property(anyTraits, anyWeights, anyPreference, factor, anyRatio, (some, weights, preference, name, better) => {
      const low = factorsOf(some);
      const high = { ...low, [name]: Math.max(low[name], better) };
      expect(scoreOf(high, weights, preference)).toBeGreaterThanOrEqual(scoreOf(low, weights, preference));
    }),
  );
});

test('only the proportions of the weights count', () => {
  fc.assert(
    fc.property(anyTraits, anyWeights, (some, weights) => {
      const doubled = {
        success: weights.success * 2,
        fee: weights.fee * 2,
        latency: weights.latency * 2,
        settlement: weights.settlement * 2,
      };
      expect(scoreOf(factorsOf(some), doubled, 100)).toBeCloseTo(scoreOf(factorsOf(some), weights, 100), 5);
    }),
  );
});

test('weights that are all 0 make every channel equal', () => {
  const none = { success: 0, fee: 0, latency: 0, settlement: 0 };
  fc.assert(
    fc.property(anyTraits, (some) => {
      expect(scoreOf(factorsOf(some), none, 100)).toBe(1);
    }),
  );
});

test('a preference of 100 is neutral, each halving leaves nine tenths of the score', () => {
  const perfect = { success: 1, fee: 1, latency: 1, settlement: 1 };
  const by = (preference: number) => scoreOf(perfect, DEFAULT_WEIGHTS, preference);
  expect([100, 50, 25, 200].map(by)).toEqual([1, 0.9, 0.81, 1.111111]);
  fc.assert(
    fc.property(anyPreference, anyPreference, (a, b) => {
      expect(Math.sign(by(a) - by(b))).toBe(Math.sign(a - b));
    }),
  );
});

test('preference yields to trouble: a halved one loses to equals and wins against a channel that fails a third more often', () => {
  const halved = (set: Partial<Traits>) => scoreOf(factorsOf(traits(set)), DEFAULT_WEIGHTS, 50);
  expect(halved({})).toBeLessThan(defaultScore({}));
  expect(halved({})).toBeGreaterThan(defaultScore({ successRatio: 0.6 }));
});

test('scores are stored with six digits', () => {
  fc.assert(
    fc.property(anyTraits, anyWeights, anyPreference, (some, weights, preference) => {
      const score = scoreOf(factorsOf(some), weights, preference);
      expect(Number(score.toFixed(6))).toBe(score);
    }),
  );
});
