import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import * as core from '../../src/payment/index.ts';
import type { CoreModule } from './builders.ts';
import { anyHistory, type History, play } from './history.ts';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import { CORE_PROPERTIES } from './properties.ts';
import { type CoreProperty, check, successes } from './property.ts';

/** More by hand: HISTORIES=20000 SEED=1 npx vitest run test/payment */
const HISTORIES = Number(process.env.HISTORIES ?? 3_000);
const SEED = Number(process.env.SEED ?? 20_260_101);
const MUTANT_HISTORIES = 5_000;

describe('over random histories with duplicates and reorderings', () => {
  const faults = new Map<CoreProperty, string>();
  const reached = new Set<string>();

  // One playing serves all properties; the one that is broken plays again by itself and shrinks.
  beforeAll(() => {
    for (const history of fc.sample(anyHistory, { numRuns: HISTORIES, seed: SEED })) judge(history, faults, reached);
  }, 3_600_000);

  for (const property of CORE_PROPERTIES) {
    test(`${property.invariant}: ${property.says}`, () => {
      const fault = faults.get(property);
      if (fault === undefined) return;
      fc.assert(
        fc.property(anyHistory, (history) => check(core, property, history)),
        { numRuns: HISTORIES, seed: SEED },
      );
      throw new Error(fault);
    });
  }

  test('no history meets an assertion of the core', () => {
    expect(HISTORIES).toBeGreaterThanOrEqual(1_000);
    expect([...reached].filter((end) => end.startsWith('thrown'))).toEqual([]);
  });

  test.each([
    ...['created', 'pending', 'review', 'succeeded', 'partially_refunded', 'refunded', 'failed', 'closed'],
    ...['effective', 'surplus', 'late', 'mismatch', 'unknown', 'keep', 'refund', 'hold', 'returned'],
    ...['surplus and late', 'surplus and mismatch', 'late and mismatch', 'surplus and late and mismatch'],
    ...['three partial refunds', 'a reversal', 'a refund after a reversal', 'three automatic refunds of one success'],
    ...['effective and surplus both refunded', 'clock set back', '27 policies'],
  ])('they reach: %s', (end) => {
    expect(reached).toContain(end);
  });
});

describe('each property notices when its rule is taken out', () => {
  for (const mutant of MUTANTS) {
    test(`without "${mutant.removes}"`, { timeout: 60_000 }, async () => {
      const without = await loadMutant(mutant);
      for (const words of mutant.caughtBy) {
        const property = CORE_PROPERTIES.find((p) => p.says.includes(words));
        if (!property) throw new Error(`no property says "${words}"`);
        const found = fc.check(
          fc.property(anyHistory, (history) => check(without, property, history)),
          { numRuns: MUTANT_HISTORIES, seed: SEED, endOnFailure: true },
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

/** Holds every property against every step of one history, and notes where the history has been. */
function judge({ policies, moves }: History, faults: Map<CoreProperty, string>, reached: Set<string>): void {
  seenPolicies.add(JSON.stringify([policies.lateSuccess, policies.surplus, policies.amountMismatch]));
  if (seenPolicies.size === 27) reached.add('27 policies');
  for (const step of stepsOf({ policies, moves }, reached)) {
    for (const property of CORE_PROPERTIES) {
      if (faults.has(property)) continue;
      try {
        property.rule(step, core);
      } catch (thrown) {
        faults.set(property, String(thrown));
      }
    }
    note(step.after, reached);
    if (step.fact.type === 'clock_set_back' && step.applied.outcome === 'applied') reached.add('clock set back');
  }
}

const seenPolicies = new Set<string>();

function stepsOf({ policies, moves }: History, reached: Set<string>) {
  try {
    return play(core, moves, { policies });
  } catch (thrown) {
    reached.add(`thrown: ${thrown} by ${JSON.stringify({ policies, moves })}`);
    return [];
  }
}

function note(payment: core.Payment, reached: Set<string>): void {
  reached.add(payment.status);
  for (const attempt of payment.attempts) reached.add(attempt.status);
  for (const { effect, disposition } of successes(payment)) reached.add(effect).add(disposition);
  const effects = ['surplus', 'late', 'mismatch'].filter((e) => successes(payment).some((a) => a.effect === e));
  reached.add(effects.join(' and '));
  const { refunds } = payment;
  const done = refunds.filter((refund) => refund.status === 'succeeded');
  if (done.filter((refund) => refund.cause === 'merchant').length >= 3) reached.add('three partial refunds');
  if (new Set(done.map((refund) => refund.cause)).size > 1) reached.add('effective and surplus both refunded');
  const reversed = payment.events.find((event) => event.id.endsWith('reversed'))?.refundSeq;
  if (reversed !== undefined) reached.add('a reversal');
  if (reversed !== undefined && done.some((refund) => refund.seq > reversed)) reached.add('a refund after a reversal');
  for (const { seq } of payment.attempts) {
    const own = refunds.filter((refund) => refund.attemptSeq === seq && refund.cause !== 'merchant');
    if (own.length >= 3) reached.add('three automatic refunds of one success');
  }
}

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
