import type { EpochMs, Scene } from '../payment/index.ts';
import {
  type ChannelView,
  createStatistics,
  holdingRules,
  type Ranking,
  type RoutingRequest,
  type RoutingRule,
  rank,
  ruleContext,
} from '../routing/index.ts';
import { createSums, type Sums } from './sums.ts';
import type { Order, Setup, SetupChannel } from './types.ts';
import { createVirtualBreakers } from './virtual-breakers.ts';

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
}

export interface Question {
  readonly merchantChannels: RoutingRequest['merchantChannels'];
  readonly triedChannelIds: readonly string[];
  readonly random: () => number;
}

type Choice = NonNullable<Ranking['choice']>;

/** One try of an order on a channel. */
export interface Started {
  readonly order: Order;
  readonly channelId: string;
  readonly method: string;
  readonly at: EpochMs;
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

interface ChannelState {
  readonly channel: SetupChannel;
  readonly sums: Sums;
  lastContactAt: EpochMs;
  lastFailureAt: EpochMs;
}

/** @param startsAt no time before it is ever told */
export function openRouter(setup: Setup, ports: RouterPorts, startsAt: EpochMs): RouterUnderTest {
  const statistics = createStatistics();
  const states = new Map(
    setup.channels.map((channel) => {
      const contact = { lastContactAt: startsAt, lastFailureAt: Number.NEGATIVE_INFINITY };
      const state: ChannelState = { channel, sums: createSums(channel.profile, ports), ...contact };
      return [channel.profile.id, state];
    }),
  );
  const breakers = createVirtualBreakers((channelId) => stateOf(channelId).channel.breaker);

  function stateOf(channelId: string): ChannelState {
    const known = states.get(channelId);
    if (!known) throw new Error(`simulation: ${channelId} is not configured`);
    return known;
  }

  function learnCall(
    state: ChannelState,
    methods: readonly string[],
    call: { readonly ok: boolean; readonly latencyMs: number },
    now: EpochMs,
  ): void {
    state.lastContactAt = now;
    if (!call.ok) state.lastFailureAt = now;
    const { id } = state.channel.profile;
    for (const method of methods) statistics.recordTechnical(id, method, call.ok, call.latencyMs, now);
  }

  function probe(state: ChannelState, at: EpochMs): void {
    const { id, methods } = state.channel.profile;
    const answer = ports.probe(id, at);
    const wasOpen = breakers.isOpen(id);
    if (wasOpen) breakers.tried(id, !answer.ok, at);
    else breakers.called(id, !answer.ok, at);
    learnCall(state, methods, answer, at);
    if (wasOpen && answer.ok) statistics.resetTechnical(id);
  }

  function nextProbeAt({ channel, lastContactAt, lastFailureAt }: ChannelState): EpochMs {
    const trialAt = breakers.trialAt(channel.profile.id);
    if (trialAt !== null) return trialAt;
    return lastContactAt + (lastContactAt - lastFailureAt < SUSPECT_MS ? PROBE_EVERY_MS : IDLE_MS);
  }

  function viewOf({ channel, sums }: ChannelState, currency: string, now: EpochMs): ChannelView {
    const { profile, providerId } = channel;
    return {
      profile,
      estimate: (method) => statistics.estimate(profile.id, method, now),
      needsBuyerIp: (scene) => ports.needsBuyerIp(providerId, scene),
      breakerOpen: breakers.isOpen(profile.id),
      coolingDown: false,
      ...sums.usage(currency, now),
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
        for (let at = nextProbeAt(state); at <= now; at = nextProbeAt(state)) probe(state, at);
      }
    },

    decide(order, { merchantChannels, triedChannelIds, random }, now) {
      const { amount, methods, scene, buyerIpKnown, pinnedChannelId } = order;
      const request = { amount, methods, scene, buyerIpKnown, pinnedChannelId, merchantChannels, triedChannelIds };
      const rules = rulesFor(order, now);
      const views = [...states.values()].map((state) => viewOf(state, amount.currency, now));
      return rank({ ...request, rules }, views, setup.routing, { now, random });
    },

    start(order, { channelId, method }, now) {
      stateOf(channelId).sums.take(order.amount, now);
      return { order, channelId, method, at: now };
    },

    answered({ order, channelId, method, at }, answer, latencyMs, now) {
      const state = stateOf(channelId);
      const ok = answer !== 'failed';
      breakers.called(channelId, !ok, now);
      learnCall(state, [method], { ok, latencyMs }, now);
      if (answer !== 'opened') state.sums.release(order.amount, at);
    },

    ended({ order, channelId, method, at }, isPaid, now) {
      const { sums } = stateOf(channelId);
      if (isPaid) sums.paid(order.amount, now);
      else sums.release(order.amount, at);
      statistics.recordOutcome(channelId, method, isPaid ? 'paid' : 'unpaid', now);
    },
  };
}
