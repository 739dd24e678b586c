import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStatistics, rank } from '../../src/routing/index.ts';
import { aRequest, aSettings, aView, chance, cny, NEW_YEAR } from './builders.ts';

/** The explorations of so many payments may be saved up; a new gateway begins with them. */
const SAVED_PAYMENTS = 2_400;

/** Payments one after the other among channels of which next to nothing is known, the strongest reason to explore. */
const anyStream = fc.record({
  share: fc.constantFrom(0, 0.001, 0.02, 0.05, 0.2),
  channels: fc.array(fc.record({ paymentRatio: fc.double({ min: 0.5, max: 0.95, noNaN: true }) }), {
    minLength: 2,
    maxLength: 5,
  }),
  amounts: fc.array(fc.integer({ min: 100, max: 100_000 }), { minLength: 10, maxLength: 20 }),
  draws: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 7, maxLength: 11 }),
  gapMs: fc.integer({ min: 1, max: 120_000 }),
  opened: fc.constantFrom(0, 10, 1_000),
});
const PAYMENTS = 800;

type Stream = typeof anyStream extends fc.Arbitrary<infer T> ? T : never;

/** For each payment whether it explored. */
function play({ share, channels, amounts, draws, gapMs, opened }: Stream): boolean[] {
  const { exploration } = createStatistics({ settingsOf: () => ({ failureRate: 0.5, openForMs: 15_000 }) });
  const settings = aSettings({ explorationShare: share });
  const views = channels.map((estimate, index) =>
    aView({ profile: { id: `c${index}` }, estimate: { ...estimate, sampleSize: 5, opened } }),
  );
  return Array.from({ length: PAYMENTS }, (_, i) => {
    const now = NEW_YEAR + i * gapMs;
    const amountMinor = amounts[i % amounts.length] ?? 100;
    const random = () => draws[i % draws.length] ?? 0;
    const { choice } = rank(aRequest({ amount: cny(amountMinor) }), views, settings, {
      ...{ now, random, stance: exploration.stance },
    });
    if (!choice) throw new Error('no channel was chosen');
    exploration.decided({ segment: choice.noted.segment, amountMinor, now }, { ...choice.noted, share });
    return choice.decision.reason === 'exploration';
  });
}

test('over any stretch of payments no more explore than the configured share and what was saved up', () => {
  let nearest = 0;
  fc.assert(
    fc.property(anyStream, (stream) => {
      const explored = play(stream);
      // The stretch that exceeds its share the most, found in one pass.
      let excess = 0;
      for (const one of explored) {
        excess = Math.max(0, excess + Number(one) - stream.share);
        expect(excess).toBeLessThanOrEqual(stream.share * SAVED_PAYMENTS + 1e-6);
        nearest = Math.max(nearest, excess / Math.max(1, stream.share * SAVED_PAYMENTS));
      }
      if (stream.share === 0) expect(explored).not.toContain(true);
    }),
    { numRuns: 30 },
  );
  // Otherwise the streams would not come near the limit, and nothing would be shown.
  expect(nearest).toBeGreaterThan(0.95);
});

test('what exploration is expected to cost stays within its share of the expected value', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 2, max: 5 }), (worse, count) => {
      const { exploration } = createStatistics({ settingsOf: () => ({ failureRate: 0.5, openForMs: 15_000 }) });
      const views = Array.from({ length: count }, (_, i) =>
        aView({
          profile: { id: `c${i}` },
          estimate: { paymentRatio: 0.9 - (i && worse / 100), sampleSize: 5, opened: 0 },
        }),
      );
      let earned = 0;
      let cost = 0;
      let largest = 0;
      for (let i = 0; i < PAYMENTS; i += 1) {
        const at = { ...chance((i * 0.377) % 1), stance: exploration.stance };
        const { choice } = rank(aRequest(), views, aSettings({ explorationShare: 1 }), at);
        if (!choice) throw new Error('no channel was chosen');
        const { noted } = choice;
        exploration.decided({ segment: noted.segment, amountMinor: 5_000, now: NEW_YEAR }, { ...noted, share: 1 });
        earned += noted.bestMinor;
        cost += noted.costMinor ?? 0;
        largest = Math.max(largest, noted.bestMinor);
      }
      // 0.4%, and what the first five payments are worth.
      expect(cost).toBeLessThanOrEqual(0.004 * earned + 5 * largest);
    }),
    { numRuns: 20 },
  );
});
