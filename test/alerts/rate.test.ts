import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_WINDOW, waitMs, withSent } from '../../src/alerts/rate.ts';

const HOUR_MS = 3_600_000;

test('no hour has more messages than allowed, memory stays bounded, and whoever waits as told has room', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: HOUR_MS }), { maxLength: 80 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 10 }), (gapsMs, perHour) => {
      let window = EMPTY_WINDOW;
      let now = 1_000_000_000;
      const sent: number[] = [];
      for (const gapMs of gapsMs) {
        now += gapMs;
        const wait = waitMs(window, { now, perHour });
        expect(waitMs(window, { now: now + wait, perHour })).toBe(0);
        if (wait > 0) {
          expect(waitMs(window, { now: now + wait - 1, perHour })).toBeGreaterThan(0);
          continue;
        }
        window = withSent(window, { now, perHour });
        sent.push(now);
        expect(sent.filter((at) => now - at < HOUR_MS).length).toBeLessThanOrEqual(perHour);
        expect(window.sentAt.length).toBeLessThanOrEqual(perHour);
      }
    }),
  );
});

test('a clock that was set back does not silence anybody', () => {
  const window = withSent(EMPTY_WINDOW, { now: 10 * HOUR_MS, perHour: 1 });
  expect(waitMs(window, { now: 5 * HOUR_MS, perHour: 1 })).toBe(0);
});
