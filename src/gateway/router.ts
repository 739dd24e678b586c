import type { Decision, Payment } from '../payment/index.ts';
import {
  type ChannelView,
  contractFor,
  holdingRules,
  methodFor,
  type Ranking,
  type RoutingRequest,
  type RoutingRule,
  rank,
  ruleContext,
} from '../routing/index.ts';
import type { ChannelCalls } from './channel-calls.ts';
import type { Full, Limits, Reservation } from './limits.ts';
import type { Parts } from './parts.ts';
import type { Channel, Merchant } from './ports.ts';
import { createRuleFaults } from './rule-faults.ts';

/** What has to be routed, with what the rules may look at. */
export type RoutingQuestion = Omit<RoutingRequest, 'rules'> & {
  readonly merchantId: string;
  readonly country: string | null;
  readonly subject: string;
  readonly metadata: Readonly<Record<string, string>>;
};

/** A ranking whose choice has its room in the channel's limits; `release` it when no order comes of it. */
export type Routed = Ranking & Reservation;

/** Looks at every channel as it is now and lets the pure router choose. */
export function createRouter(parts: Parts, services: { calls: ChannelCalls; limits: Limits }) {
  const { clock, statistics } = parts;
  const { exploration, technical, throttle, retries } = statistics;
  const { calls, limits } = services;
  const onRuleError = createRuleFaults(parts);

  async function route(question: RoutingQuestion): Promise<Routed> {
    return parts.telemetry.trace.within('routing decision', {}, async (span) => {
      const ranking = await decide(question);
      if (ranking.choice) span.set({ channelId: ranking.choice.channelId, outcome: ranking.choice.decision.reason });
      else span.set({ outcome: 'none' });
      return ranking;
    });
  }

  /** Chooses, and takes the room that the order needs. A channel that parallel orders have filled meanwhile is not chosen. */
  async function decide(question: RoutingQuestion): Promise<Routed> {
    const startedAt = performance.now();
    const full = new Map<string, Full>();
    for (;;) {
      const ranking = await look(question, full);
      const { choice, decidedAt } = ranking;
      const channel = choice && parts.channels().get(choice.channelId);
      // One that is chosen though its limit is used up is not asked again: the limit is hard.
      if (!choice || !channel || full.has(channel.id) || !isAffordable(choice.decision)) {
        countExclusions(ranking);
        return { ...ranking, choice: null, release: async () => {} };
      }
      const reserved = await limits.reserve(channel, question.amount, decidedAt);
      if (reserved.outcome === 'reserved') {
        const { channelId, position, reason } = choice.decision;
        parts.telemetry.routingDecision(channelId, position, reason, performance.now() - startedAt);
        countExclusions(ranking);
        note(question, ranking);
        return { ...ranking, release: reserved.room.release };
      }
      full.set(channel.id, reserved.outcome);
    }
  }

  /** Failover to a channel that is not well has a budget. */
  function isAffordable({ position, reason, decidedAt }: Decision): boolean {
    return position === 'first' || retries.mayFailOver(reason, decidedAt);
  }

  function countExclusions({ exclusions }: Ranking): void {
    for (const { channelId, excluded } of exclusions) {
      if (excluded) parts.telemetry.routingExclusion(channelId, excluded);
    }
  }

  /** The payment goes where it was sent: budgets and the leader follow. */
  function note({ amount, triedChannelIds }: RoutingQuestion, { choice }: Ranking): void {
    if (triedChannelIds.length > 0 || !choice) return;
    statistics.decided(amount.minor, choice.noted, parts.settings().routing.explorationShare, clock.now());
  }

  /** The ranking as it is now, without the channels that have turned out to be full. Takes nothing. */
  async function look(question: RoutingQuestion, full: ReadonlyMap<string, Full>): Promise<Ranking> {
    const now = clock.now();
    const channels = [...parts.channels().values()];
    const views = await Promise.all(channels.map((channel) => viewOf(channel, question, now)));
    const { routing } = parts.settings();
    const rules = rulesFor(routing.rules ?? [], question, channels, now);
    const seen = full.size === 0 ? views : views.map((view) => withoutRoom(view, full.get(view.profile.id)));
    const chance = { now, random: parts.random, stance: exploration.stance };
    return rank({ ...question, rules }, seen, routing, chance);
  }

  function rulesFor(
    rules: readonly RoutingRule[],
    question: RoutingQuestion,
    channels: readonly Channel[],
    now: number,
  ): readonly RoutingRule[] {
    if (rules.length === 0) return rules;
    const { amount, scene, merchantId, country, subject, metadata } = question;
    const offered = channels.flatMap(({ profile }) => (profile.enabled ? profile.methods : []));
    const methods = question.methods.length > 0 ? question.methods : [...new Set(offered)];
    const context = ruleContext({
      ...{ amountMinor: amount.minor, currency: amount.currency, methods, scene, merchantId, subject, metadata, now },
      country: country ?? '',
    });
    return holdingRules(rules, context, onRuleError);
  }

  async function viewOf(channel: Channel, { amount, methods }: RoutingQuestion, now: number): Promise<ChannelView> {
    const method = methodFor(channel.profile, methods);
    const gate = method === null ? 'closed' : technical.gate(channel.id, method, now);
    const outOfService = calls.isOutOfService(channel.id);
    const quotaUsedUp = throttle.isBlocked(channel.id, now);
    const usage = await limits.usage(channel, amount.currency, now);
    return {
      profile: channel.profile,
      estimate: (segment) => statistics.estimate(channel.id, segment, now),
      needsBuyerIp: (scene) => channel.adapter.needsBuyerIp(scene),
      breakerOpen: gate !== 'closed',
      trialDue: gate === 'trial' && !outOfService,
      outOfService,
      coolingDown: quotaUsedUp || throttle.isPaced(channel.id, now),
      quotaUsedUp,
      usedTodayMinor: usage.usedTodayMinor,
      startedThisMinute: usage.startedThisMinute,
      ...contractFor(statistics, channel.profile, amount, usage, now),
    };
  }

  /** The same for a payment that nobody makes. */
  const quote = (question: RoutingQuestion): Promise<Ranking> => look(question, new Map());

  return { route, quote };
}

export type Router = ReturnType<typeof createRouter>;

/** The routing question of a payment. */
export function requestOf(
  payment: Payment,
  merchant: Merchant,
  known: Pick<RoutingRequest, 'buyerIpKnown' | 'triedChannelIds'>,
): RoutingQuestion {
  const { amount, methods, scene, pinnedChannelId, merchantId, subject, metadata } = payment;
  const { country } = payment.customer;
  const shop = { merchantId, country, subject, metadata };
  return { amount, methods, scene, pinnedChannelId, merchantChannels: merchant.channels, ...shop, ...known };
}

/** The view of a channel whose limit has just turned out to be used up. */
function withoutRoom(view: ChannelView, limit: Full | undefined): ChannelView {
  if (limit === undefined) return view;
  return limit === 'daily_limit'
    ? { ...view, usedTodayMinor: Number.MAX_SAFE_INTEGER }
    : { ...view, startedThisMinute: Number.MAX_SAFE_INTEGER };
}
