import fc from 'fast-check';
import type { Applied, Fact, MoneyPolicy, NewPayment, Payment, Policies } from '../../src/payment/index.ts';
import { aNewPayment, type CoreModule, MINUTE, NEW_YEAR } from './builders.ts';
import { factFor } from './move-facts.ts';
import { anyMoves, type Move } from './moves.ts';

export { anyMoves } from './moves.ts';

/** What happens to one payment, from its first attempt on. */
export interface History {
  readonly policies: Policies;
  readonly moves: readonly Move[];
}

const anyMoneyPolicy = fc.constantFrom<MoneyPolicy[]>('accept', 'refund', 'hold');

/** Every combination of the three policies. */
const anyPolicies: fc.Arbitrary<Policies> = fc
  .tuple(anyMoneyPolicy, anyMoneyPolicy, anyMoneyPolicy, fc.constantFrom(MINUTE, 10 * MINUTE))
  .map(([lateSuccess, surplus, amountMismatch, paidKnownWithinMs]) => {
    return { lateSuccess, surplus, amountMismatch, paidKnownWithinMs };
  });

export const anyHistory: fc.Arbitrary<History> = fc
  .tuple(anyPolicies, anyMoves)
  .map(([policies, moves]) => ({ policies, moves }));

export interface StepTaken {
  /** Of the step in its history, from 0. */
  readonly index: number;
  readonly before: Payment;
  readonly fact: Fact;
  readonly applied: Applied;
  readonly after: Payment;
  readonly now: number;
}

/** Plays moves as facts, with duplicates and reorderings: `replay` repeats any earlier fact, however old. */
export function play(core: CoreModule, moves: readonly Move[], set: Partial<NewPayment> = {}): readonly StepTaken[] {
  let payment = aNewPayment(core, set);
  let now = NEW_YEAR;
  const past: Fact[] = [];
  const steps: StepTaken[] = [];
  for (const move of moves) {
    now += move.advanceMs;
    // Up to an hour, and never before the payment was made.
    if (move.kind === 'clock_goes_back') now = Math.max(NEW_YEAR, now - (move.how + 1) * 3_596);
    const fact = factFor(core, payment, move, past, now);
    if (!fact) continue;
    past.push(fact);
    const before = payment;
    const applied = core.apply(before, fact, now);
    if (applied.outcome === 'applied') payment = { ...applied.payment, version: before.version + 1 };
    steps.push({ index: steps.length, before, fact, applied, after: payment, now });
  }
  return steps;
}
