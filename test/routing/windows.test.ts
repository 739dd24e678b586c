import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MaintenanceWindow, maintenanceAt } from '../../src/routing/index.ts';

const at = (text: string): number => Date.parse(text);
const daily = (fromMinute: number, toMinute: number, zone = 'Asia/Shanghai'): MaintenanceWindow => ({
  kind: 'daily',
  ...{ fromMinute, toMinute, zone, reason: null },
});

test('a window holds from its first moment up to its last, that one excluded', () => {
  const once: MaintenanceWindow = {
    kind: 'once',
    from: at('2026-12-01T02:00:00+08:00'),
    to: at('2026-12-01T04:00:00+08:00'),
    reason: 'new certificates',
  };
  expect(maintenanceAt([once], once.from - 1)).toBeNull();
  expect(maintenanceAt([once], once.from)).toEqual(once);
  expect(maintenanceAt([once], once.to - 1)).toEqual(once);
  expect(maintenanceAt([once], once.to)).toBeNull();
});

test.each([
  ['2026-01-01T01:59:59+08:00', false],
  ['2026-01-01T02:00:00+08:00', true],
  ['2026-01-01T02:29:59+08:00', true],
  ['2026-01-01T02:30:00+08:00', false],
  ['2026-01-01T02:15:00Z', false],
])('a daily window from 02:00 to 02:30 in Shanghai at %s: %s', (moment, inside) => {
  expect(maintenanceAt([daily(120, 150)], at(moment)) !== null).toBe(inside);
});

test.each([
  ['2026-01-01T23:30:00+08:00', true],
  ['2026-01-01T00:29:59+08:00', true],
  ['2026-01-01T00:30:00+08:00', false],
  ['2026-01-01T12:00:00+08:00', false],
])('a daily window over midnight at %s: %s', (moment, inside) => {
  expect(maintenanceAt([daily(23 * 60 + 30, 30)], at(moment)) !== null).toBe(inside);
});

test('a window over midnight and the rest of the day share every moment between them', () => {
  const anyMinute = fc.integer({ min: 0, max: 1_439 });
  fc.assert(
    fc.property(anyMinute, anyMinute, fc.integer({ min: 0, max: at('2035-01-01T00:00:00Z') }), (from, to, moment) => {
      fc.pre(from !== to);
      const inside = maintenanceAt([daily(from, to, 'Europe/Berlin')], moment) !== null;
      const outside = maintenanceAt([daily(to, from, 'Europe/Berlin')], moment) !== null;
      expect(inside).toBe(!outside);
    }),
  );
});
