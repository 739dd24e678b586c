import { expect, test } from 'vitest';
import { periodOf } from '../../src/rehearsal/index.ts';

const NOW = Date.UTC(2026, 10, 28, 12);

test.each(['2026-02-30T00:00:00Z', '2026-02-29T10:00:00+08:00', '2026-04-31T23:59:59Z'])(
  '%s is no day of the calendar and is not taken for the one after it',
  (from) => {
    expect(periodOf({ from }, NOW)).toMatchObject({ ok: false, error: { path: 'from' } });
  },
);

test.each([
  ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ['2026-03-01T00:30:00+08:00', Date.UTC(2026, 1, 28, 16, 30)],
  ['2026-01-31T23:00:00.250-05:00', Date.UTC(2026, 1, 1, 4, 0, 0, 250)],
])('%s is understood', (from, expected) => {
  expect(periodOf({ from }, NOW)).toEqual({ ok: true, value: { from: expected, to: NOW } });
});
