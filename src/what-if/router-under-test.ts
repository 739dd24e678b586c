import type { EpochMs, Scene } from '../payment/index.ts';
import {
  bandOf,
  type CallTicket,
  type ChannelView,
  type Choice,
  contractFor,
  createStatistics,
  holdingRules,
  methodFor,
  type Ranking,
  type RoutingRequest,
  type RoutingRule,
  rank,
  ruleContext,
  type Segment,
} from '../routing/index.ts';
import { createSums, type Sums } from './sums.ts';
import type { Order, Setup, SetupChannel } from './types.ts';

/**
 * The router of the gateway on a clock that is told, as one configuration sets it up. This file alone knows how the parts of
 * `src/routing` are put together; what they need besides is what `src/gateway` gives them: the sums of limits, probes, and news.
 */
export interface RouterUnderTest {
  /** Lets time pass up to `now`: probes that are due by then are made. */
  advance(now: EpochMs): void;
  decide(order: Order, question: Question, now: EpochMs): Ranking;
  /** The choice is followed: the channel is asked. */
  start(order: Order, choice: Choice, now: EpochMs): Started;
  /** `failed`: technically. Only an order that was opened ends. */
  answered(started: Started, answer: 'opened' | 'failed' | 'refused', latencyMs: number, now: EpochMs): void;
  ended(started: Started, isPaid: boolean, now: EpochMs): void;
  /** Whether another channel may be asked after one has failed: in an outage further tries are rationed. */
}

export interface Question {
  readonly merchantChannels: RoutingRequest['merchantChannels'];
  readonly triedChannelIds: readonly string[];
  readonly random: () => number;
}

/** One try of an order on a channel. */
export interface Started {
  readonly order: Order;
  readonly channelId: string;
  readonly method: string;
  readonly at: EpochMs;
  readonly segment: Segment;
  readonly ticket: CallTicket;
}

export interface RouterPorts {
  /** Whether a channel answers a probe at a moment, and after how long. */
  readonly probe: (channelId: string, at: EpochMs) => { readonly ok: boolean; readonly latencyMs: number };
  readonly needsBuyerIp: (providerId: string, scene: Scene) => boolean;
  /** What was paid over a channel in a period of its fee tiers before the replay begins; minor units. */
  readonly paidBefore: (channelId: string, currency: string, periodStart: EpochMs) => number;
  /** A rule that cannot be evaluated does not hold. */
  readonly onRuleError: (rule: string, why: string) => void;
  /** Of a sample that holds every n-th payment: limits count each of them n times. */
  readonly countsFor: number;
}

/** When the gateway probes: a channel that nobody has called for so long, and, closely, one that has just failed. */
const IDLE_MS = 3_000;
const SUSPECT_MS = 10_000;
const PROBE_EVERY_MS = 500;
/** Before a silence of this length ends, all that probes could teach is taught; longer ones are not probed through from end to end. */
const SILENCE_MS_MAX = 2 * 3_600_000;

interface ChannelState {
  readonly channel: SetupChannel;
  readonly sums: Sums;
  lastContactAt: EpochMs;
  lastFailureAt: EpochMs;
  /** When the prober looked at it last while its breaker was not closed. */
  lookedAt: EpochMs;
}

/** @param startsAt no time before it is ever told */
export function openRouter(setup: Setup, ports: RouterPorts, startsAt: EpochMs): RouterUnderTest {
  const statistics = createStatistics({ settingsOf: (channelId) => stateOf(channelId).channel.breaker });
  const { exploration, payments, retries, technical, throttle } = statistics;
  const states = new Map(
    setup.channels.map((channel) => {
      const contact = { lastContactAt: startsAt, lastFailureAt: Number.NEGATIVE_INFINITY, lookedAt: startsAt };
      const state: ChannelState = { channel, sums: createSums(channel.profile, ports), ...contact };
      return [channel.profile.id, state];
    }),
  );

  function stateOf(channelId: string): ChannelState {
    const known = states.get(channelId);
    if (!known) throw new Error(`simulation: ${channelId} is not configured`);
    return known;
  }

  function contacted(state: ChannelState, ok: boolean, now: EpochMs): void {
    state.lastContactAt = now;
    if (!ok) state.lastFailureAt = now;
  }

  /** What the prober does when its time has come. */
  function probe(state: ChannelState, at: EpochMs): void {
    const { id, methods } = state.channel.profile;
    state.lookedAt = at;
    if (technical.state(id, at) !== 'closed' && !technical.wantsProbe(id, at)) return;
    const { ok } = ports.probe(id, at);
    technical.probe(id, methods, ok, at);
    contacted(state, ok, at);
  }

  function nextProbeAt({ channel, lastContactAt, lastFailureAt, lookedAt }: ChannelState): EpochMs {
    const latest = Math.max(lastContactAt, lookedAt);
    if (technical.state(channel.profile.id, latest) !== 'closed') return latest + PROBE_EVERY_MS;
    return latest + (latest - lastFailureAt < SUSPECT_MS ? PROBE_EVERY_MS : IDLE_MS);
  }

  function viewOf({ channel, sums }: ChannelState, { amount, methods }: Order, now: EpochMs): ChannelView {
    const { profile, providerId } = channel;
    const { id } = profile;
    const method = methodFor(profile, methods);
    const gate = method === null ? 'closed' : technical.gate(id, method, now);
    const quotaUsedUp = throttle.isBlocked(id, now);
    const usage = sums.usage(amount.currency, now);
    return {
      profile,
      estimate: (segment) => statistics.estimate(id, segment, now),
      needsBuyerIp: (scene) => ports.needsBuyerIp(providerId, scene),
      ...{ breakerOpen: gate !== 'closed', trialDue: gate === 'trial', outOfService: false },
      ...{ coolingDown: quotaUsedUp || throttle.isPaced(id, now), quotaUsedUp },
      ...{ usedTodayMinor: usage.usedTodayMinor, startedThisMinute: usage.startedThisMinute },
      ...contractFor(statistics, profile, amount, usage, now),
    };
  }

  const offered = [...new Set(setup.channels.flatMap(({ profile }) => (profile.enabled ? profile.methods : [])))];

  function rulesFor({ amount, methods, scene, merchantId, said }: Order, now: EpochMs): readonly RoutingRule[] {
    const { rules = [] } = setup.routing;
    if (rules.length === 0) return rules;
    const { subject, metadata, country } = said;
    const context = ruleContext({
      ...{ amountMinor: amount.minor, currency: amount.currency, scene, subject, metadata, now },
      ...{ methods: methods.length > 0 ? methods : offered, merchantId: merchantId ?? '', country: country ?? '' },
    });
    return holdingRules(rules, context, ports.onRuleError);
  }

  return {
    advance(now) {
      for (const state of states.values()) {
        if (!state.channel.profile.enabled) continue;
        state.lookedAt = Math.max(state.lookedAt, now - SILENCE_MS_MAX);
        for (let at = nextProbeAt(state); at <= now; at = nextProbeAt(state)) probe(state, at);
      }
    },

    decide(order, { merchantChannels, triedChannelIds, random }, now) {
      const { amount, methods, scene, buyerIpKnown, pinnedChannelId } = order;
      const request = { amount, methods, scene, buyerIpKnown, pinnedChannelId, merchantChannels, triedChannelIds };
      const rules = rulesFor(order, now);
      const views = [...states.values()].map((state) => viewOf(state, order, now));
      const ranking = rank({ ...request, rules }, views, setup.routing, { now, random, stance: exploration.stance });
      const decision = ranking.choice?.decision;
      const isAffordable = decision?.position !== 'failover' || retries.mayFailOver(decision.reason, now);
      return isAffordable ? ranking : { ...ranking, choice: null };
    },

    start(order, choice, now) {
      const { channelId, method, decision, noted } = choice;
      const { amount } = order;
      const { explorationShare, bandEdgesMinor } = setup.routing;
      stateOf(channelId).sums.take(amount, now);
      if (decision.position === 'first') {
        const wanted = noted.wanted.map((one) => ({ ...one, minor: one.minor * ports.countsFor }));
        statistics.decided(amount.minor, { ...noted, wanted }, explorationShare, now);
      }
      const segment = { method, currency: amount.currency, band: bandOf(amount.minor, bandEdgesMinor) };
      return { order, channelId, method, at: now, segment, ticket: statistics.callStarted(channelId, method, now) };
    },

    answered({ order, channelId, at, segment, ticket }, answer, latencyMs, now) {
      const state = stateOf(channelId);
      statistics.callEnded(ticket, answer === 'opened' ? 'ok' : answer, now, latencyMs);
      contacted(state, answer !== 'failed', now);
      if (answer === 'opened') payments.opened(channelId, segment, at, now);
      else state.sums.release(order.amount, at);
    },

    ended({ order, channelId, at, segment }, isPaid, now) {
      const { sums } = stateOf(channelId);
      if (isPaid) sums.paid(order.amount, now);
      else sums.release(order.amount, at);
      // That an order is not paid is learnt from its growing old.
      if (isPaid) payments.paid(channelId, segment, at, now);
    },
  };
}
