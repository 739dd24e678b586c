import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as core from '../../src/payment/index.ts';
import { anyMoves, type CoreModule, play } from './history.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { CORE_PROPERTIES } from './properties.ts';

const SEQUENCES_PER_PROPERTY = 1_000;
const SEED = 20_260_101;

describe('over random histories with duplicates and reorderings', () => {
  for (const { invariant, says, check } of CORE_PROPERTIES) {
    test(`${invariant}: ${says}`, () => {
      fc.assert(
        fc.property(anyMoves, (moves) => check(core, moves)),
        { numRuns: SEQUENCES_PER_PROPERTY, seed: SEED },
      );
    });
  }

  test('the histories reach every end that a payment can have', () => {
    const ends = new Set<string>();
    for (const moves of fc.sample(anyMoves, { numRuns: SEQUENCES_PER_PROPERTY, seed: SEED })) {
      const last = play(core, moves).at(-1)?.after;
      if (last) ends.add(last.status);
      for (const attempt of last?.attempts ?? [])
        ends.add(attempt.status === 'succeeded' ? attempt.effect : attempt.status);
    }
    for (const end of [
      'succeeded',
      'failed',
      'closed',
      'pending',
      'effective',
      'surplus',
      'late',
      'unknown',
      'review',
    ]) {
      expect(ends).toContain(end);
    }
  });

  test('at least 10,000 histories are played', () => {
    expect(CORE_PROPERTIES.length * SEQUENCES_PER_PROPERTY).toBeGreaterThanOrEqual(10_000);
  });
});

describe('each property notices when its rule is taken out', () => {
  for (const mutant of MUTANTS) {
    test(`without "${mutant.removes}"`, async () => {
      const without = await loadMutant(mutant);
      for (const words of mutant.caughtBy) {
        const property = CORE_PROPERTIES.find((p) => p.says.includes(words));
        if (!property) throw new Error(`no property says "${words}"`);
        const found = fc.check(
          fc.property(anyMoves, (moves) => property.check(without, moves)),
          { numRuns: 5_000, seed: SEED, endOnFailure: true },
        );
        expect(found.failed, `"${property.says}" did not notice`).toBe(true);
      }
    });
  }

  test('and every property is shown to fail by some missing rule', () => {
    const shown = new Set(MUTANTS.flatMap((m) => m.caughtBy));
    for (const { says } of CORE_PROPERTIES) {
      expect(
        [...shown].some((words) => says.includes(words)),
        says,
      ).toBe(true);
    }
  });
});

/**
 * A copy of the core with one rule replaced. The assertions that guard every document are taken out as well, so that the
 * property itself has to notice.
 */
async function loadMutant({ file, find, replace }: Mutant): Promise<CoreModule> {
  const folder = await mkdtemp(join(import.meta.dirname, '.mutant-'));
  try {
    await cp(join(import.meta.dirname, '../../src/payment'), folder, { recursive: true });
    const path = join(folder, file);
    const source = await readFile(path, 'utf8');
    if (source.split(find).length !== 2) throw new Error(`${file} does not contain the rule exactly once: ${find}`);
    await writeFile(
      path,
      source.replace(find, () => replace),
    );
    const guard = join(folder, 'invariants.ts');
    await writeFile(guard, 'export function assertPayment(): void {}\n');
    return await import(/* @vite-ignore */ join(folder, 'index.ts'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
