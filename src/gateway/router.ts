import type { Payment } from '../payment/index.ts';
import { type ChannelView, methodFor, type Ranking, type RoutingRequest, rank } from '../routing/index.ts';
import type { ChannelCalls } from './channel-calls.ts';
import type { Parts } from './parts.ts';
import type { Channel, Merchant } from './ports.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Providers count their daily receipt limits in their own day; for those built here that is China's, UTC+8. */
const DAY_OFFSET_MS = 8 * 60 * MINUTE_MS;

/** Looks at every channel as it is now and lets the pure router choose. */
export function createRouter(parts: Parts, calls: ChannelCalls) {
  const { clock, statistics, ephemeral } = parts;
  const { exploration, technical, throttle, retries } = statistics;

  /** Chooses for a payment that goes where it is sent. */
  async function route(request: RoutingRequest): Promise<Ranking> {
    const ranking = await quote(request);
    const { choice } = ranking;
    for (const { channelId, excluded } of ranking.candidates) {
      if (excluded) parts.telemetry.routingExclusion(channelId, excluded);
    }
    if (request.triedChannelIds.length > 0 || !choice) return ranking;
    const now = clock.now();
    const { explorationShare } = parts.settings().routing;
    const payment = { segment: choice.noted.segment, amountMinor: request.amount.minor, now };
    exploration.decided(payment, { ...choice.noted, share: explorationShare });
    retries.firstTry(now);
    return ranking;
  }

  /** The same for a payment that nobody makes; nothing is learnt from it. */
  async function quote(request: RoutingRequest): Promise<Ranking> {
    const startedAt = performance.now();
    const now = clock.now();
    const views = await Promise.all([...parts.channels().values()].map((channel) => viewOf(channel, request, now)));
    const ranking = rank(request, views, parts.settings().routing, {
      ...{ now, random: parts.random, stance: exploration.stance },
    });
    if (ranking.choice) {
      const { channelId, position, reason } = ranking.choice.decision;
      parts.telemetry.routingDecision(channelId, position, reason, performance.now() - startedAt);
    }
    return ranking;
  }

  async function viewOf(channel: Channel, { methods }: RoutingRequest, now: number): Promise<ChannelView> {
    const { limits } = channel.profile;
    const method = methodFor(channel.profile, methods);
    const gate = method === null ? 'closed' : technical.gate(channel.id, method, now);
    const quotaUsedUp = throttle.isBlocked(channel.id, now);
    const usedTodayMinor = limits.dailyMinor === null ? 0 : await total(dayKey(channel.id, now));
    const startedThisMinute = limits.perMinute === null ? 0 : await total(minuteKey(channel.id, now));
    return {
      profile: channel.profile,
      estimate: (segment) => statistics.estimate(channel.id, segment, now),
      needsBuyerIp: (scene) => channel.adapter.needsBuyerIp(scene),
      breakerOpen: gate !== 'closed',
      trialDue: gate === 'trial' && !calls.isOutOfService(channel.id),
      outOfService: calls.isOutOfService(channel.id),
      coolingDown: quotaUsedUp || throttle.isPaced(channel.id, now),
      quotaUsedUp,
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

  return { route, quote, mayFailOver: () => retries.mayRetry(clock.now()), countTowardsLimits };
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
