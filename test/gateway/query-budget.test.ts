import { expect, test } from 'vitest';
import { createQueryBudget } from '../../src/gateway/query-budget.ts';

test('a budget never lets more through than the channel allows, whatever the arrivals', () => {
  let now = 1_000_000;
  const budget = createQueryBudget({ now: () => now });
  const passedAt: number[] = [];
  const waiting = new Map<string, number>();
  for (let i = 0; i < 400; i += 1) waiting.set(`order-${i}`, now);
  while (waiting.size > 0) {
    for (const [key, at] of waiting) {
      if (at > now) continue;
      const until = budget.take('a', 10, key);
      if (until === null) {
        waiting.delete(key);
        passedAt.push(now);
      } else waiting.set(key, until);
    }
    now += 50;
  }
  for (const from of passedAt) {
    const inOneSecond = passedAt.filter((at) => at >= from && at < from + 1_000).length;
    expect(inOneSecond).toBeLessThanOrEqual(22);
  }
  expect(now - 1_000_000).toBeLessThanOrEqual(41_000);
});

test('a clock that is set back keeps no question waiting for the time that it had shown', () => {
  let now = 1_000_000_000;
  const budget = createQueryBudget({ now: () => now });
  for (let i = 0; i < 20; i += 1) budget.take('a', 2, `order-${i}`);
  const promised = budget.take('a', 2, 'waiting') ?? 0;
  const aheadMs = 3_600_000;
  now -= aheadMs;
  expect(budget.take('a', 2, 'waiting')).toBe(promised - aheadMs);
  expect((budget.take('a', 2, 'another') ?? 0) - now).toBeLessThan(15_000);
  expect(budget.hasRoom('a', 2)).toBe(false);
  now += 60_000;
  expect(budget.take('a', 2, 'waiting')).toBeNull();
  expect(budget.hasRoom('a', 2)).toBe(true);
});
