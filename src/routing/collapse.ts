import type { EpochMs } from '../payment/index.ts';

/** Orders that were opened together. */
export interface Watched {
  readonly at: EpochMs;
  readonly paid: number;
  /** How many of them should be paid in the end. */
  readonly expected: number;
}

/** Everything opened since then pays at this share of what it should. */
export interface Collapse {
  readonly since: EpochMs;
  readonly ratio: number;
}

/** The falls that are looked for, and the log-likelihood ratio at which each is believed. A shallow one may also be a wrong estimate. */
const FALLS = [
  { ratio: 0.05, believedAt: 7 },
  { ratio: 0.3, believedAt: 8 },
  { ratio: 0.55, believedAt: 11 },
] as const;
const RECOVERED_AT = 4;
/** Further back a collapse would have been found before. */
const COHORTS_BACK = 256;

/**
 * A generalised likelihood ratio over the time of opening: did everything opened since some moment pay much less than it should?
 * Payments of one cohort are taken as a Poisson number, whose mean grows with the cohort's exposure.
 * @param cohorts  oldest first
 * @param exposure share of a cohort's payers who should be known by now, 0 to 1
 */
export function collapseOf<T extends Watched>(
  cohorts: readonly T[],
  exposure: (cohort: T) => number,
): Collapse | null {
  let paid = 0;
  let expected = 0;
  let found: (Collapse & { readonly excess: number }) | null = null;
  for (let i = cohorts.length - 1; i >= Math.max(0, cohorts.length - COHORTS_BACK); i -= 1) {
    const cohort = cohorts[i];
    if (!cohort) continue;
    paid += cohort.paid;
    expected += cohort.expected * exposure(cohort);
    for (const { ratio, believedAt } of FALLS) {
      const excess = paid * Math.log(ratio) + expected * (1 - ratio) - believedAt;
      if (excess > (found?.excess ?? 0)) found = { since: cohort.at, ratio, excess };
    }
  }
  return found && { since: found.since, ratio: found.ratio };
}

/** The mirror test: is everything opened since some moment as it should be again? Otherwise: how low is it by now? */
export function recoveryOf<T extends Watched>(
  cohorts: readonly T[],
  collapse: Collapse,
  exposure: (cohort: T) => number,
): { readonly recoveredSince: EpochMs | null; readonly ratio: number } {
  const low = Math.max(0.05, collapse.ratio);
  let paid = 0;
  let expected = 0;
  let best = RECOVERED_AT;
  let recoveredSince: EpochMs | null = null;
  for (let i = cohorts.length - 1; i >= 0; i -= 1) {
    const cohort = cohorts[i];
    if (!cohort || cohort.at < collapse.since) break;
    paid += cohort.paid;
    expected += cohort.expected * exposure(cohort);
    const gain = paid * Math.log(1 / low) - expected * (1 - low);
    if (gain > best) {
      best = gain;
      recoveredSince = cohort.at;
    }
  }
  return { recoveredSince, ratio: Math.min(1, (paid + 2 * collapse.ratio) / (expected + 2)) };
}
