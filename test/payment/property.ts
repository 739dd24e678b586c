import type { Attempt, Fact, Payment, Refund, SucceededAttempt } from '../../src/payment/index.ts';
import type { CoreModule } from './builders.ts';
import { type History, play, type StepTaken } from './history.ts';

/** A rule that holds at every step of every history; throws with what was broken. */
export interface CoreProperty {
  readonly invariant: string;
  readonly says: string;
  readonly rule: (step: StepTaken, core: CoreModule) => void;
}

/** Plays one history against one property. */
export function check(core: CoreModule, { rule }: CoreProperty, { policies, moves }: History): void {
  for (const step of play(core, moves, { policies })) rule(step, core);
}

export function holds(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

export const isLive = (attempt: Attempt): boolean => attempt.status === 'creating' || attempt.status === 'open';
export const isUnresolved = (attempt: Attempt): boolean => isLive(attempt) || attempt.status === 'unknown';
export const isUnpaid = (payment: Payment): boolean => ['created', 'pending', 'review'].includes(payment.status);
export const isPaid = (payment: Payment): boolean =>
  ['succeeded', 'partially_refunded', 'refunded', 'disputed'].includes(payment.status);

export const successes = (payment: Payment): SucceededAttempt[] =>
  payment.attempts.filter((a): a is SucceededAttempt => a.status === 'succeeded');
export const effective = (payment: Payment): SucceededAttempt[] =>
  successes(payment).filter((a) => a.effect === 'effective');
export const heldBack = (payment: Payment): SucceededAttempt[] =>
  successes(payment).filter((a) => a.disposition === 'hold');
/** A person has to decide before this payment can end. */
export const awaitsPerson = (payment: Payment): boolean =>
  isUnpaid(payment) && heldBack(payment).some((a) => a.effect === 'mismatch');

/** What of one attempt's money refunds of these states carry. Minor units. */
export function refundsMinor(payment: Payment, attemptSeq: number, ...states: Refund['status'][]): number {
  return payment.refunds
    .filter((refund) => refund.attemptSeq === attemptSeq && states.includes(refund.status))
    .reduce((sum, refund) => sum + refund.amountMinor, 0);
}

/** Whether a person has decided about money. */
export function isDecision(fact: Fact): fact is Extract<Fact, { type: 'money_disposed' | 'money_returned' }> {
  return fact.type === 'money_disposed' || fact.type === 'money_returned';
}

/** The document without its timers: asking again may be planned anew without anything having happened. */
export function withoutTimers(payment: Payment): string {
  const { agenda: _agenda, nextDueAt: _due, updatedAt: _at, version: _version, ...rest } = payment;
  return JSON.stringify(rest);
}
