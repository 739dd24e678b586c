import type { Payment } from '../payment/index.ts';
import { type ChannelView, type Ranking, type RoutingRequest, rank } from '../routing/index.ts';
import type { ChannelCalls } from './channel-calls.ts';
import type { Parts } from './parts.ts';
import type { Channel, Merchant } from './ports.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Providers count their daily receipt limits in their own day; for those built here that is China's, UTC+8. */
const DAY_OFFSET_MS = 8 * 60 * MINUTE_MS;

/** Looks at every channel as it is now and lets the pure router choose. */
export function createRouter(parts: Parts, calls: ChannelCalls) {
  const { clock, breakers, statistics, ephemeral } = parts;

  async function route(request: RoutingRequest): Promise<Ranking> {
    return parts.telemetry.trace.within('routing decision', {}, async (span) => {
      const ranking = await decide(request);
      if (ranking.choice) span.set({ channelId: ranking.choice.channelId, outcome: ranking.choice.decision.reason });
      else span.set({ outcome: 'none' });
      return ranking;
    });
  }

  async function decide(request: RoutingRequest): Promise<Ranking> {
    const startedAt = performance.now();
    const now = clock.now();
    const views = await Promise.all([...parts.channels().values()].map((channel) => viewOf(channel, now)));
    const ranking = rank(request, views, parts.settings().routing, { now, random: parts.random });
    if (ranking.choice) {
      const { channelId, position, reason } = ranking.choice.decision;
      parts.telemetry.routingDecision(channelId, position, reason, performance.now() - startedAt);
    }
    return ranking;
  }

  async function viewOf(channel: Channel, now: number): Promise<ChannelView> {
    const { limits } = channel.profile;
    const usedTodayMinor = limits.dailyMinor === null ? 0 : await total(dayKey(channel.id, now));
    const startedThisMinute = limits.perMinute === null ? 0 : await total(minuteKey(channel.id, now));
    return {
      profile: channel.profile,
      estimate: (method) => statistics.estimate(channel.id, method, now),
      needsBuyerIp: (scene) => channel.adapter.needsBuyerIp(scene),
      breakerOpen: breakers.isOpen(channel.id, 'create'),
      coolingDown: calls.isPaused(channel.id),
      usedTodayMinor,
      startedThisMinute,
    };
  }

  /** Counts an order that a channel has taken against its limits. */
  async function countTowardsLimits(channel: Channel, amountMinor: number): Promise<void> {
    const now = clock.now();
    const { limits } = channel.profile;
    const day = Math.floor((now + DAY_OFFSET_MS) / DAY_MS);
    const counting: Promise<unknown>[] = [];
    if (limits.dailyMinor !== null) {
      counting.push(ephemeral.add(dayKey(channel.id, now), amountMinor, (day + 1) * DAY_MS - DAY_OFFSET_MS));
    }
    if (limits.perMinute !== null) counting.push(ephemeral.add(minuteKey(channel.id, now), 1, now + MINUTE_MS));
    await Promise.allSettled(counting);
  }

  /** A limit that cannot be read does not stop payments: the provider enforces its own. */
  async function total(key: string): Promise<number> {
    try {
      return await ephemeral.total(key);
    } catch {
      return 0;
    }
  }

  return { route, countTowardsLimits };
}

export type Router = ReturnType<typeof createRouter>;

/** The routing question of a payment. */
export function requestOf(
  payment: Payment,
  merchant: Merchant,
  known: Pick<RoutingRequest, 'buyerIpKnown' | 'triedChannelIds'>,
): RoutingRequest {
  const { amount, methods, scene, pinnedChannelId } = payment;
  return { amount, methods, scene, pinnedChannelId, merchantChannels: merchant.channels, ...known };
}

function dayKey(channelId: string, now: number): string {
  return `daily/${channelId}/${Math.floor((now + DAY_OFFSET_MS) / DAY_MS)}`;
}

function minuteKey(channelId: string, now: number): string {
  return `minute/${channelId}/${Math.floor(now / MINUTE_MS)}`;
}
