import type { EpochMs } from '../payment/index.ts';

/** Orders that were opened together. */
export interface Watched {
  readonly at: EpochMs;
  readonly paid: number;
}

/** Everything opened since then pays at this share of what it should. */
export interface Collapse {
  readonly since: EpochMs;
  /** The fall that it was recognised by. */
  readonly fall: number;
  readonly ratio: number;
}

/** The falls that are looked for, and the log-likelihood ratio at which each is believed. A shallow one may also be a wrong estimate. */
const FALLS = [
  { fall: 0.05, believedAt: 7 },
  { fall: 0.3, believedAt: 8 },
  { fall: 0.55, believedAt: 12 },
] as const;
const RECOVERED_AT = 4;
/** Further back a collapse would have been found before. */
const COHORTS_BACK = 256;

/**
 * A generalised likelihood ratio over the time of opening: did everything opened since some moment pay much less than it should?
 * Payments of one cohort are taken as a Poisson number, whose mean grows with the cohort's exposure.
 * @param cohorts  oldest first
 * @param expectedOf how many of a cohort should be known as paid by now
 */
export function collapseOf<T extends Watched>(
  cohorts: readonly T[],
  expectedOf: (cohort: T) => number,
): Collapse | null {
  let paid = 0;
  let expected = 0;
  let found: (Collapse & { readonly excess: number }) | null = null;
  for (let i = cohorts.length - 1; i >= Math.max(0, cohorts.length - COHORTS_BACK); i -= 1) {
    const cohort = cohorts[i];
    if (!cohort) continue;
    paid += cohort.paid;
    expected += expectedOf(cohort);
    for (const { fall, believedAt } of FALLS) {
      const excess = paid * Math.log(fall) + expected * (1 - fall) - believedAt;
      if (excess > (found?.excess ?? 0)) found = { since: cohort.at, fall, ratio: fall, excess };
    }
  }
  return found && { since: found.since, fall: found.fall, ratio: found.ratio };
}

/** The mirror test: is everything opened since some moment as it should be again? Otherwise: how low is it by now? */
export function recoveryOf<T extends Watched>(
  cohorts: readonly T[],
  collapse: Collapse,
  expectedOf: (cohort: T) => number,
): { readonly recoveredSince: EpochMs | null; readonly ratio: number } {
  const { fall } = collapse;
  let paid = 0;
  let expected = 0;
  let best = RECOVERED_AT;
  let recoveredSince: EpochMs | null = null;
  for (let i = cohorts.length - 1; i >= 0; i -= 1) {
    const cohort = cohorts[i];
    if (!cohort || cohort.at < collapse.since) break;
    paid += cohort.paid;
    expected += expectedOf(cohort);
    const gain = paid * Math.log(1 / fall) - expected * (1 - fall);
    if (gain > best) {
      best = gain;
      recoveredSince = cohort.at;
    }
  }
  return { recoveredSince, ratio: Math.min(1, (paid + 2 * collapse.ratio) / (expected + 2)) };
}
