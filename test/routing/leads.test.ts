import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLeads, keepsWithin } from '../../src/routing/leads.ts';
import { NEW_YEAR } from './builders.ts';

const MINUTE_MS = 60_000;

/** One leads for so many payments; it has taken its place from one that is hardly worse. */
function reigns(leads: ReturnType<typeof createLeads>, channelId: string, payments = 20): void {
  for (let i = 0; i < payments; i += 1) leads.led('alipay', channelId, i === 0, NEW_YEAR);
}

describe('who leads a segment', () => {
  test('is whoever led last, and a change counts only where the two are close', () => {
    const leads = createLeads();
    expect(leads.of('alipay')).toBeNull();
    reigns(leads, 'a');
    expect(leads.of('alipay')).toMatchObject({ channelId: 'a', closeChanges: 0 });
    leads.led('alipay', 'b', false, NEW_YEAR);
    expect(leads.of('alipay')).toMatchObject({ channelId: 'b', closeChanges: 0 });
    reigns(leads, 'b');
    reigns(leads, 'a');
    expect(leads.of('alipay')).toMatchObject({ channelId: 'a', closeChanges: 1 });
    expect(leads.of('card')).toBeNull();
  });

  test('and that amounts lead to different channels is no change', () => {
    const leads = createLeads();
    for (let i = 0; i < 100; i += 1) reigns(leads, i % 2 ? 'small' : 'large', 19);
    expect(leads.of('alipay')?.closeChanges).toBe(0);
  });

  test('settles: changes are forgotten by half in twenty minutes', () => {
    const leads = createLeads();
    for (let i = 0; i < 5; i += 1) reigns(leads, i % 2 ? 'a' : 'b');
    expect(leads.of('alipay')?.closeChanges).toBe(4);
    leads.led('alipay', 'b', false, NEW_YEAR - MINUTE_MS);
    leads.led('alipay', 'b', false, NEW_YEAR + 19 * MINUTE_MS);
    expect(leads.of('alipay')?.closeChanges).toBeCloseTo(2, 9);
  });
});

test('a leader keeps its place within 0.2% to 0.5% by the traffic, and within 1.2% however restless it was', () => {
  expect(keepsWithin(60_000, 0)).toBeCloseTo(0.002, 9);
  expect(keepsWithin(200, 0)).toBeCloseTo(0.004, 9);
  expect(keepsWithin(1, 0)).toBeCloseTo(0.005, 9);
  expect(keepsWithin(60_000, 2)).toBeCloseTo(0.005, 9);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true }), (ms, n) => {
      expect(keepsWithin(ms, n)).toBeGreaterThanOrEqual(keepsWithin(ms, 0));
      expect(keepsWithin(ms, n)).toBeLessThanOrEqual(0.012);
    }),
  );
});
