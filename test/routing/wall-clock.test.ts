import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTimeZone, periodAt, wallMinute, zoneOffsetMs } from '../../src/routing/index.ts';

const HOUR_MS = 3_600_000;
/** Whole hours ahead, halves, quarters, daylight saving by day and at midnight, and by half an hour. */
const ZONES = [
  'UTC',
  'Asia/Shanghai',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'America/New_York',
  'Europe/Berlin',
  'Africa/Cairo',
  'America/Havana',
  'Australia/Lord_Howe',
];
const anyZone = fc.constantFrom(...ZONES);
const anyMoment = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2035, 0, 1) });
const anyKind = fc.constantFrom('day', 'month');

const wall = (zone: string, at: number): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(at);

describe('a period', () => {
  test('holds its moment, and the next one begins where it ends', () => {
    fc.assert(
      fc.property(anyKind, anyZone, anyMoment, (kind, zone, at) => {
        const period = periodAt(kind, zone, at);
        expect(period.start).toBeLessThanOrEqual(at);
        expect(period.end).toBeGreaterThan(at);
        expect(periodAt(kind, zone, period.end).start).toBe(period.end);
        expect(periodAt(kind, zone, period.end - 1)).toEqual(period);
      }),
    );
  });

  test('is the calendar day or month that the clocks of the zone show', () => {
    fc.assert(
      fc.property(anyKind, anyZone, anyMoment, (kind, zone, at) => {
        const { start, end } = periodAt(kind, zone, at);
        const shown = (moment: number) => wall(zone, moment).slice(0, kind === 'day' ? 10 : 7);
        expect(shown(start)).toBe(shown(at));
        expect(shown(end - 1)).toBe(shown(at));
        expect(shown(start - 1) < shown(at)).toBe(true);
      }),
    );
  });

  test('begins on a quarter of an hour, as volumes are kept', () => {
    fc.assert(
      fc.property(anyZone, anyMoment, (zone, at) => {
        expect(periodAt('day', zone, at).start % (HOUR_MS / 4)).toBe(0);
      }),
    );
  });

  test.each([
    ['Asia/Shanghai', '2026-01-01T15:59:59Z', '2025-12-31T16:00:00Z', 24],
    ['Asia/Shanghai', '2026-01-01T16:00:00Z', '2026-01-01T16:00:00Z', 24],
    ['America/New_York', '2026-03-08T12:00:00Z', '2026-03-08T05:00:00Z', 23],
    ['America/New_York', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00Z', 25],
    // The clocks jump from midnight to one: the day begins with the jump.
    ['Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-23T22:00:00Z', 23],
    // One o'clock becomes midnight again: the day began with the first of the two.
    ['America/Havana', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00Z', 25],
  ])('in %s at %s began at %s and has %i hours', (zone, at, start, hours) => {
    const day = periodAt('day', zone, Date.parse(at));
    expect(new Date(day.start).toISOString()).toBe(`${start.slice(0, -1)}.000Z`);
    expect((day.end - day.start) / HOUR_MS).toBe(hours);
  });
});

test('the minute of the day is what the clocks of the zone show', () => {
  fc.assert(
    fc.property(anyZone, anyMoment, (zone, at) => {
      const [hour = '', minute = ''] = wall(zone, at).slice(11).split(':');
      expect(wallMinute(zone, at)).toBe(Number(hour) * 60 + Number(minute));
    }),
  );
});

test('a zone that nobody knows is told apart', () => {
  expect(ZONES.every(isTimeZone)).toBe(true);
  expect(['Asia/Shangai', 'CN', '', '+08', 'Asia/Shanghai '].filter(isTimeZone)).toEqual([]);
  expect(zoneOffsetMs('Asia/Kathmandu', 0)).toBe(5.5 * HOUR_MS);
});
