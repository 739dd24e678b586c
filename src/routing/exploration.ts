import type { EpochMs } from '../payment/index.ts';
import { createLeads, type Lead } from './leads.ts';
import type { Segment } from './paid-share.ts';
import type { Estimate } from './types.ts';

/** What may be risked with this payment to learn. */
export interface Stance {
  /** Who led this segment last; it keeps its place within a narrow margin. */
  readonly incumbent: Lead | null;
  /** Not more than an ordinary payment of its segment. */
  readonly small: boolean;
  /** How much less than the best this payment may be expected to bring, in minor units; negative: nothing may be risked. */
  readonly riskMinor: number;
  /** How far apart payments of this method are. */
  readonly paymentsMs: number;
}

/** What the leader is believed to bring: minor units, and the variance of the belief. */
export interface Believed {
  readonly valueMinor: number;
  readonly variance: number;
}

interface Flow {
  logMedian: number;
  payments: number;
}

interface Gap {
  gapMs: number;
  payments: number;
  lastAt: EpochMs;
}

/** Share of the expected value that exploration may cost. */
const BUDGET_SHARE = 0.004;
/** What may be risked before anything was earned, in payments' worth; and the most that is saved up. */
const BUDGET_START_PAYMENTS = 5;
const BUDGET_PAYMENTS_MAX = 100;
/** The explorations of so many payments are saved up at most, and given at first. */
const SAVED_PAYMENTS = 2_400;
const NEW_ORDERS = 30;
const NEW_CHANCE = 0.25;
const PRIOR_ORDERS = 15;
const TEMPER = 0.9;
/** So many deviations behind the leader nothing is drawn any more: it would be one payment in thousands. */
const IMPLAUSIBLE = -3;
/** A channel without an order for so long is looked at again; in payments' worth of time, and in time. */
const IDLE_PAYMENTS = 300;
const IDLE_MS_MIN = 10 * 60_000;
const LOW_PAYMENTS = 50;
const HOPEFUL_PAYMENTS = 10;
/** As a share of the time that it has been low. */
const LOW_SHARE = 0.1;
const LOW_MS_MIN = 2_000;
const LOW_MS_MAX = 10 * 60_000;
const IDLE_CHANCE = 0.5;
/** A gap counts as at most so many usual ones. */
const GAP_GROWTH = 10;
const GAP_PAYMENTS = 30;
/** Before the second payment comes. */
const GAP_MS_START = 60_000;
const FLOWS_MAX = 1_024;

/** Keeps the budgets of exploration and who leads. What it says of a payment has no effect before `decided`. */
export function createExploration() {
  const flows = new Map<string, Flow>();
  const gaps = new Map<string, Gap>();
  const leads = createLeads();
  let turns: number | null = null;
  let budgetMinor: number | null = null;

  function stance({ method, currency, band }: Segment, amountMinor: number): Stance {
    const flow = flows.get(`${method}/${currency}/${band}`);
    return {
      incumbent: leads.of(`${method}/${currency}/${band}`),
      small: flow === undefined || Math.log(amountMinor) <= flow.logMedian + 0.01,
      riskMinor: turns !== null && turns < 1 ? -1 : (budgetMinor ?? Number.POSITIVE_INFINITY),
      paymentsMs: paymentsMs(method),
    };
  }

  /**
   * A payment goes where it was decided.
   * @param costMinor by how much less it is expected to bring than on the best channel; null when nothing was explored
   */
  function decided(
    payment: { readonly segment: Segment; readonly amountMinor: number; readonly now: EpochMs },
    choice: {
      readonly leader: string;
      readonly bestMinor: number;
      readonly costMinor: number | null;
      readonly isClose: boolean;
      readonly share: number;
    },
  ): void {
    const { segment, amountMinor, now } = payment;
    const { method, currency, band } = segment;
    const key = `${method}/${currency}/${band}`;
    follow(key, amountMinor);
    arrive(method, now);
    leads.led(key, choice.leader, choice.isClose, now);
    const worth = Math.max(0, choice.bestMinor);
    budgetMinor = Math.min((budgetMinor ?? worth * BUDGET_START_PAYMENTS) + worth * BUDGET_SHARE, worthMax(worth));
    const turnsMax = SAVED_PAYMENTS * choice.share;
    turns = Math.min(turnsMax, (turns ?? turnsMax) + choice.share);
    if (choice.costMinor === null) return;
    budgetMinor -= choice.costMinor;
    turns -= 1;
  }

  /** The cap follows slowly, so that one large payment does not lift it. */
  let typicalMinor = 0;
  function worthMax(worth: number): number {
    typicalMinor = typicalMinor === 0 ? worth : typicalMinor + (worth - typicalMinor) / 100;
    return typicalMinor * BUDGET_PAYMENTS_MAX;
  }

  function follow(key: string, amountMinor: number): void {
    const flow = flows.get(key);
    const log = Math.log(amountMinor);
    if (!flow) {
      if (flows.size < FLOWS_MAX) flows.set(key, { logMedian: log, payments: 1 });
      return;
    }
    flow.payments += 1;
    // A step up or down for each payment above or below leads to the median.
    flow.logMedian +=
      Math.sign(log - flow.logMedian) * Math.min(Math.abs(log - flow.logMedian), Math.max(0.01, 1 / flow.payments));
  }

  function arrive(method: string, now: EpochMs): void {
    const gap = gaps.get(method);
    if (!gap) {
      if (gaps.size < FLOWS_MAX) gaps.set(method, { gapMs: GAP_MS_START, payments: 1, lastAt: now });
      return;
    }
    gap.payments += 1;
    // A night, or a clock that was set ahead, is not how far apart payments are.
    const gapMs = Math.min(Math.max(0, now - gap.lastAt), Math.max(GAP_MS_START, GAP_GROWTH * gap.gapMs));
    gap.gapMs += (gapMs - gap.gapMs) / Math.min(GAP_PAYMENTS, gap.payments - 1);
    gap.lastAt = now;
  }

  /** How far apart payments of a method are, whatever the channel. */
  function paymentsMs(method: string): number {
    return gaps.get(method)?.gapMs ?? GAP_MS_START;
  }

  return { stance, decided, paymentsMs };
}

export type Exploration = ReturnType<typeof createExploration>;

/** How well a value is known, given how well the share of paid orders is. */
export function believed(valueMinor: number, { paymentRatio: p, sampleSize }: Estimate): Believed {
  const perShare = valueMinor / Math.max(0.05, p);
  return { valueMinor, variance: (perShare * perShare * p * (1 - p)) / (sampleSize + PRIOR_ORDERS) };
}

/**
 * How likely each other channel should get this payment. A new one until it has some thirty orders, if it could be the best;
 * one that is known by the chance that it is better than the leader after all (Thompson); one that is idle or low now and then.
 */
export function explorationChance(
  leader: Believed,
  valueMinor: number,
  estimate: Estimate,
  paymentsMs: number,
  now: EpochMs,
): number {
  const idleMs = Math.abs(now - estimate.openedAt);
  if (estimate.lowSince !== null)
    return idleMs > lowPauseMs(estimate.hopeful, now - estimate.lowSince, paymentsMs) ? 1 : 0;
  const spread = Math.sqrt(leader.variance + believed(valueMinor, estimate).variance);
  const distance = (valueMinor - leader.valueMinor) / Math.max(1e-9, spread);
  if (estimate.opened < NEW_ORDERS) return distance > -3 ? NEW_CHANCE : 0;
  const idle = idleMs > Math.max(IDLE_MS_MIN, IDLE_PAYMENTS * paymentsMs);
  const better = distance < IMPLAUSIBLE ? 0 : TEMPER * normalShareBelow(distance / TEMPER);
  return idle ? Math.max(better, IDLE_CHANCE) : better;
}

/** The longer a channel is low, the more rarely it is looked at; often again once one of its orders was paid. */
function lowPauseMs(hopeful: boolean, lowMs: number, paymentsMs: number): number {
  const leastMs = Math.max(LOW_MS_MIN, (hopeful ? HOPEFUL_PAYMENTS : LOW_PAYMENTS) * paymentsMs);
  return Math.min(LOW_MS_MAX, hopeful ? leastMs : Math.max(leastMs, lowMs * LOW_SHARE));
}

/** The standard normal distribution, to three digits. */
function normalShareBelow(z: number): number {
  return 1 / (1 + Math.exp(-1.5976 * z - 0.07056 * z ** 3));
}
