import type { EpochMs } from '../payment/index.ts';
import { keptAfter } from './fading.ts';

/** Who led a segment last, and how often the lead has changed hands lately though the two were close. */
export interface Lead {
  readonly channelId: string;
  readonly closeChanges: number;
}

/** A leader keeps its place against a challenger that is better by less than this: noise would make it flap. */
const KEEPS_WITHIN = 0.002;
/** The more payments come, the more often noise has its chance: at five a second the margin is twice as wide, and never wider than this. */
const LOG_TRAFFIC = Math.log(5);
const KEEPS_WITHIN_MAX = 0.005;
/** Where two change places again and again it does not matter which one leads: each time widens the margin, up to this. */
const PER_CLOSE_CHANGE = 0.0015;
const SETTLED_WITHIN_MAX = 0.012;
const CLOSE_CHANGE_HALF_LIFE_MS = 20 * 60_000;
/** What is further apart than this is no tie. */
const CLOSE = 0.02;
/** A leader of fewer payments than this led for what they were (fees that depend on the amount), not for what is known. */
const REIGN_MIN = 20;
const LEADS_MAX = 4_096;

/** Remembers who leads each segment. */
export function createLeads() {
  const leads = new Map<string, { channelId: string; reign: number; closeChanges: number; at: EpochMs }>();

  return {
    of: (segment: string): Lead | null => leads.get(segment) ?? null,

    /** @param isClose whether it has taken the lead from one that is hardly worse */
    led(segment: string, channelId: string, isClose: boolean, now: EpochMs): void {
      const lead = leads.get(segment);
      if (!lead) {
        if (leads.size < LEADS_MAX) leads.set(segment, { channelId, reign: 1, closeChanges: 0, at: now });
        return;
      }
      lead.closeChanges *= keptAfter(Math.max(0, now - lead.at), CLOSE_CHANGE_HALF_LIFE_MS);
      lead.at = now;
      if (lead.channelId === channelId) {
        lead.reign += 1;
        return;
      }
      if (isClose && lead.reign >= REIGN_MIN) lead.closeChanges += 1;
      lead.channelId = channelId;
      lead.reign = 1;
    },
  };
}

/**
 * Within what share of the best score a leader keeps its place. 0.2% up to a payment a second, 0.4% at five, 0.5% from eleven on; 0.15% more
 * for each close change of the last half hour or so, up to 1.2%.
 */
export function keepsWithin(paymentsMs: number, closeChanges: number): number {
  const perSecond = 1_000 / Math.max(1, paymentsMs);
  const byTraffic = Math.min(KEEPS_WITHIN_MAX, KEEPS_WITHIN * (1 + Math.log(Math.max(1, perSecond)) / LOG_TRAFFIC));
  return Math.min(SETTLED_WITHIN_MAX, byTraffic + PER_CLOSE_CHANGE * closeChanges);
}

export function isClose(score: number, bestScore: number): boolean {
  return score >= bestScore * (1 - CLOSE);
}
