import type { EpochMs, Scene } from '../payment/index.ts';
import { createStatistics, type Ranking, type RoutingRequest, rank } from '../routing/index.ts';
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
  callAnswered(call: Call, now: EpochMs): void;
  /** A channel has taken the order. */
  orderOpened(channelId: string, amountMinor: number, now: EpochMs): void;
  orderEnded(
    order: { readonly channelId: string; readonly method: string; readonly isPaid: boolean },
    now: EpochMs,
  ): void;
}

export interface Question {
  readonly merchantChannels: RoutingRequest['merchantChannels'];
  readonly triedChannelIds: readonly string[];
  readonly random: () => number;
}

export interface Call {
  readonly channelId: string;
  readonly method: string;
  /** Technically. */
  readonly ok: boolean;
  readonly latencyMs: number;
}

export interface RouterPorts {
  /** Whether a channel answers a probe at a moment, and after how long. */
  readonly probe: (channelId: string, at: EpochMs) => { readonly ok: boolean; readonly latencyMs: number };
  readonly needsBuyerIp: (providerId: string, scene: Scene) => boolean;
  /** Of a sample that holds every n-th payment: limits count each of them n times. */
  readonly countsFor: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The day of daily limits is China's, as in the gateway. */
const DAY_OFFSET_MS = 8 * 60 * MINUTE_MS;
/** When the gateway probes: a channel that nobody has called for so long, and, closely, one that has just failed. */
const IDLE_MS = 3_000;
const SUSPECT_MS = 10_000;
const PROBE_EVERY_MS = 500;

interface ChannelState {
  readonly channel: SetupChannel;
  day: number;
  usedTodayMinor: number;
  minute: number;
  startedThisMinute: number;
  lastContactAt: EpochMs;
  lastFailureAt: EpochMs;
}

/** @param startsAt no time before it is ever told */
export function openRouter(setup: Setup, ports: RouterPorts, startsAt: EpochMs): RouterUnderTest {
  const statistics = createStatistics();
  const states = new Map(
    setup.channels.map((channel) => {
      const blank = { day: 0, usedTodayMinor: 0, minute: 0, startedThisMinute: 0 };
      const state: ChannelState = {
        channel,
        ...blank,
        lastContactAt: startsAt,
        lastFailureAt: Number.NEGATIVE_INFINITY,
      };
      return [channel.profile.id, state];
    }),
  );
  const breakers = createVirtualBreakers((channelId) => {
    const known = states.get(channelId);
    if (!known) throw new Error(`simulation: a call to ${channelId}, which is not configured`);
    return known.channel.breaker;
  });

  function learnCall(
    state: ChannelState,
    methods: readonly string[],
    call: Omit<Call, 'channelId' | 'method'>,
    now: EpochMs,
  ) {
    const { id } = state.channel.profile;
    state.lastContactAt = now;
    if (!call.ok) state.lastFailureAt = now;
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

  function viewOf(state: ChannelState, now: EpochMs) {
    const { profile, providerId } = state.channel;
    const { id, limits } = profile;
    return {
      profile,
      estimate: (method: string) => statistics.estimate(id, method, now),
      needsBuyerIp: (scene: Scene) => ports.needsBuyerIp(providerId, scene),
      breakerOpen: breakers.isOpen(id),
      coolingDown: false,
      usedTodayMinor: limits.dailyMinor !== null && state.day === dayOf(now) ? state.usedTodayMinor : 0,
      startedThisMinute: limits.perMinute !== null && state.minute === minuteOf(now) ? state.startedThisMinute : 0,
    };
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
      const views = [...states.values()].map((state) => viewOf(state, now));
      return rank(request, views, setup.routing, { now, random });
    },

    callAnswered({ channelId, method, ok, latencyMs }, now) {
      const state = states.get(channelId);
      if (!state) return;
      breakers.called(channelId, !ok, now);
      learnCall(state, [method], { ok, latencyMs }, now);
    },

    orderOpened(channelId, amountMinor, now) {
      const state = states.get(channelId);
      if (!state) return;
      const [day, minute] = [dayOf(now), minuteOf(now)];
      if (state.day !== day) state.usedTodayMinor = 0;
      if (state.minute !== minute) state.startedThisMinute = 0;
      state.day = day;
      state.minute = minute;
      state.usedTodayMinor += amountMinor * ports.countsFor;
      state.startedThisMinute += ports.countsFor;
    },

    orderEnded({ channelId, method, isPaid }, now) {
      statistics.recordOutcome(channelId, method, isPaid ? 'paid' : 'unpaid', now);
    },
  };
}

function dayOf(now: EpochMs): number {
  return Math.floor((now + DAY_OFFSET_MS) / DAY_MS);
}

function minuteOf(now: EpochMs): number {
  return Math.floor(now / MINUTE_MS);
}
