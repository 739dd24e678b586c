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
  /** Some of its latest orders were paid: it may be over. */
  readonly hopeful: boolean;
}

/** The falls that are looked for, and the log-likelihood ratio at which each is believed. A shallow one may also be a wrong estimate. */
const SHALLOWEST = { fall: 0.55, log: Math.log(0.55), believedAt: 12 } as const;
const FALLS = [
  { fall: 0.05, log: Math.log(0.05), believedAt: 7 },
  { fall: 0.3, log: Math.log(0.3), believedAt: 8 },
  SHALLOWEST,
] as const;
/** Evidence against every fall, at which orders are as they should be; whatever was before is over. */
const WELL_AT = -12;
const RECOVERED_AT = 4;
const HOPEFUL_AT = 1;
/** How many payments the fall that it was recognised by is worth, when it is asked how low a channel is by now. */
const FALL_PAYMENTS = 2;
/** Further back a collapse would have been found before. */
const COHORTS_BACK = 160;

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
    // Where there is evidence against the shallowest fall there is more against the deeper ones.
    const shallow = paid * SHALLOWEST.log + expected * (1 - SHALLOWEST.fall);
    if (shallow <= WELL_AT) break;
    if (shallow <= 0) continue;
    for (const { fall, log, believedAt } of FALLS) {
      const excess = paid * log + expected * (1 - fall) - believedAt;
      if (excess > (found?.excess ?? 0)) found = { since: cohort.at, fall, ratio: fall, hopeful: false, excess };
    }
  }
  return found && { since: found.since, fall: found.fall, ratio: found.ratio, hopeful: false };
}

export interface Recovery {
  readonly recoveredSince: EpochMs | null;
  /** How low it is by now, 0 to 1; and how many payments would have shown that it is not. */
  readonly ratio: number;
  readonly expected: number;
  readonly hopeful: boolean;
}

/** The mirror test: is everything opened since some moment as it should be again? Otherwise: how low is it by now? */
export function recoveryOf<T extends Watched>(
  cohorts: readonly T[],
  collapse: Collapse,
  expectedOf: (cohort: T) => number,
): Recovery {
  const { fall } = collapse;
  const log = Math.log(1 / fall);
  let paid = 0;
  let expected = 0;
  let best = RECOVERED_AT;
  let recoveredSince: EpochMs | null = null;
  let hopeful = false;
  for (let i = cohorts.length - 1; i >= 0; i -= 1) {
    const cohort = cohorts[i];
    if (!cohort || cohort.at < collapse.since) break;
    paid += cohort.paid;
    expected += expectedOf(cohort);
    const gain = paid * log - expected * (1 - fall);
    if (gain > HOPEFUL_AT) hopeful = true;
    if (gain > best) {
      best = gain;
      recoveredSince = cohort.at;
    }
  }
  const ratio = Math.min(1, (paid + FALL_PAYMENTS * fall) / (expected + FALL_PAYMENTS));
  return { recoveredSince, ratio, expected, hopeful };
}
