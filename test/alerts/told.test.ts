import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isKnown, type Told } from '../../src/alerts/told.ts';

const REPEAT_MS = 3_600_000;
const anyReport = fc.record({
  status: fc.constantFrom('firing' as const, 'resolved' as const),
  startsAt: fc.integer({ min: 0, max: 3 }),
  afterMs: fc.integer({ min: 0, max: REPEAT_MS }),
});

describe('what a receiver is told about one alert', () => {
  test('that it is over is told once after it was told that it fires, and the same state not again before its time', () => {
    fc.assert(
      fc.property(fc.array(anyReport, { maxLength: 60 }), (reports) => {
        let last: Told | undefined;
        let now = 0;
        for (const { status, startsAt, afterMs } of reports) {
          now += afterMs;
          if (isKnown(last, { status, startsAt }, { now, repeatAfterMs: REPEAT_MS })) {
            // What is not told may be missed only when it is known.
            if (status === 'firing') expect(last?.status).toBe('firing');
            continue;
          }
          if (status === 'resolved') expect(last?.status).toBe('firing');
          const isRepeat = last?.status === status && last.startsAt === startsAt;
          if (isRepeat) expect(now - (last?.at ?? 0)).toBeGreaterThanOrEqual(REPEAT_MS);
          last = { receiver: 'r', fingerprint: 'f', status, startsAt, at: now };
        }
      }),
    );
  });

  test('a new outbreak is news at once', () => {
    const last: Told = { receiver: 'r', fingerprint: 'f', status: 'firing', startsAt: 1, at: 10 };
    expect(isKnown(last, { status: 'firing', startsAt: 2 }, { now: 11, repeatAfterMs: REPEAT_MS })).toBe(false);
    expect(isKnown(last, { status: 'firing', startsAt: 1 }, { now: 11, repeatAfterMs: REPEAT_MS })).toBe(true);
  });
});
