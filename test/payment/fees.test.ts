import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AMOUNT_MINOR_MAX, type FeeSchedule, feeMinorCeil } from '../../src/payment/index.ts';

const flat = (ratePpm: number): FeeSchedule => ({ ratePpm, fixedMinor: 0, minMinor: 0, maxMinor: null });
/** 0.6% up to a volume of 1,000.00, 0.5% up to 5,000.00, 0.4% above. */
const TIERED: FeeSchedule = {
  ...flat(6_000),
  tiers: [
    { fromMinor: 100_000, ratePpm: 5_000 },
    { fromMinor: 500_000, ratePpm: 4_000 },
  ],
  tierPeriod: 'month',
};

describe('a fee in tiers', () => {
  test.each([
    [0, 10_000, 60],
    [0, 100_000, 600],
    [100_000, 10_000, 50],
    [95_000, 10_000, 55],
    [500_000, 10_000, 40],
    [0, 1_000_000, 600 + 2_000 + 2_000],
    [90_000, 500_000, 60 + 2_000 + 360],
    [99_999, 2, 1],
  ])('after a volume of %i costs for a payment of %i: %i', (volume, amount, fee) => {
    expect(feeMinorCeil(TIERED, amount, volume)).toBe(fee);
  });

  test('keeps its fixed part, its minimum and its maximum', () => {
    const bounded = { ...TIERED, fixedMinor: 10, minMinor: 50, maxMinor: 500 };
    expect(feeMinorCeil(bounded, 1_000, 500_000)).toBe(50);
    expect(feeMinorCeil(bounded, 20_000, 500_000)).toBe(90);
    expect(feeMinorCeil(bounded, 1_000_000, 500_000)).toBe(500);
  });
});

const anyRate = fc.integer({ min: 0, max: 1_000_000 });
const anyAmount = fc.integer({ min: 1, max: AMOUNT_MINOR_MAX });
const anyVolume = fc.integer({ min: 0, max: 100 * AMOUNT_MINOR_MAX });
const anyTiers = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 10 * AMOUNT_MINOR_MAX }), anyRate), {
    maxLength: 6,
    selector: ([from]) => from,
  })
  .map((tiers) => tiers.toSorted(([a], [b]) => a - b).map(([fromMinor, ratePpm]) => ({ fromMinor, ratePpm })));

describe('whatever the tiers', () => {
  test('equal rates are one rate', () => {
    fc.assert(
      fc.property(anyRate, anyTiers, anyAmount, anyVolume, (ratePpm, tiers, amount, volume) => {
        const same = { ...flat(ratePpm), tiers: tiers.map((tier) => ({ ...tier, ratePpm })) };
        expect(feeMinorCeil(same, amount, volume)).toBe(feeMinorCeil(flat(ratePpm), amount));
      }),
    );
  });

  test('a larger payment never costs less', () => {
    fc.assert(
      fc.property(anyRate, anyTiers, anyAmount, anyAmount, anyVolume, (ratePpm, tiers, a, b, volume) => {
        const schedule = { ...flat(ratePpm), tiers };
        const [less, more] = [
          feeMinorCeil(schedule, Math.min(a, b), volume),
          feeMinorCeil(schedule, Math.max(a, b), volume),
        ];
        expect(more).toBeGreaterThanOrEqual(less);
      }),
    );
  });

  test('a fee lies between those of the lowest and the highest rate', () => {
    fc.assert(
      fc.property(anyRate, anyTiers, anyAmount, anyVolume, (ratePpm, tiers, amount, volume) => {
        const rates = [ratePpm, ...tiers.map((tier) => tier.ratePpm)];
        const fee = feeMinorCeil({ ...flat(ratePpm), tiers }, amount, volume);
        expect(fee).toBeGreaterThanOrEqual(feeMinorCeil(flat(Math.min(...rates)), amount));
        expect(fee).toBeLessThanOrEqual(feeMinorCeil(flat(Math.max(...rates)), amount));
      }),
    );
  });

  test('payments one after the other cost together what one of their sum does, but for the rounding of each', () => {
    const anyAmounts = fc.array(fc.integer({ min: 1, max: 10_000_000 }), { minLength: 1, maxLength: 30 });
    const nearTiers = fc
      .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 100_000_000 }), anyRate), {
        maxLength: 6,
        selector: ([from]) => from,
      })
      .map((tiers) => tiers.toSorted(([a], [b]) => a - b).map(([fromMinor, rate]) => ({ fromMinor, ratePpm: rate })));
    fc.assert(
      fc.property(anyRate, nearTiers, anyAmounts, (ratePpm, tiers, amounts) => {
        const schedule = { ...flat(ratePpm), tiers };
        let [volume, fees] = [0, 0];
        for (const amount of amounts) {
          fees += feeMinorCeil(schedule, amount, volume);
          volume += amount;
        }
        const whole = feeMinorCeil(schedule, volume, 0);
        expect(fees).toBeGreaterThanOrEqual(whole);
        expect(fees - whole).toBeLessThan(amounts.length);
      }),
    );
  });
});
