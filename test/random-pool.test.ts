import { expect, test } from 'vitest';
import { randomPool } from '../src/random-pool.ts';

test('random bytes: as many as asked for, never the same ones twice, and nobody can change those of others', () => {
  const random = randomPool();
  const seen = new Set<string>();
  for (let draw = 0; draw < 2_000; draw += 1) {
    const bytes = random(12 + (draw % 21));
    expect(bytes).toHaveLength(12 + (draw % 21));
    seen.add(Buffer.from(bytes).toString('hex'));
    bytes.fill(0);
  }
  expect(seen.size).toBe(2_000);
  expect(random(20_000)).toHaveLength(20_000);
  expect(random(0)).toHaveLength(0);
});
