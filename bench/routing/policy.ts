import {
  bandOf,
  type CallTicket,
  type ChannelView,
  createStatistics,
  DEFAULT_WEIGHTS,
  type Ranking,
  type RoutingRequest,
  type RoutingSettings,
  rank,
  type Statistics,
} from '../../src/routing/index.ts';
import type { Candidate, DecideContext, Policy } from './protocol.ts';

const SCENE = 'qr';
const BREAKER = { failureRate: 0.5, openForMs: 15_000 };

/** Lets the production router play against the simulator: it translates words and keeps nothing but calls under way. */
export default function createPolicy(set: Partial<RoutingSettings> = {}): Policy {
  let statistics: Statistics = createStatistics({ settingsOf: () => BREAKER });
  let random = seeded(1);
  let settings: RoutingSettings = {
    strategy: 'weights',
    weights: DEFAULT_WEIGHTS,
    marginBps: 500,
    bandEdgesMinor: [2_000, 20_000, 200_000],
    explorationShare: 0.05,
    ...set,
  };
  const underWay = new Map<string, CallTicket>();

  function viewOf(candidate: Candidate, { amountMinor, currency, method, nowMs }: DecideContext): ChannelView {
    const { id } = candidate;
    const { technical, throttle } = statistics;
    const gate = technical.gate(id, method, nowMs);
    const usedUp =
      throttle.isBlocked(id, nowMs) ||
      (candidate.quotaRemainingMinor !== null && candidate.quotaRemainingMinor < amountMinor);
    return {
      profile: {
        ...{ id, enabled: true, weight: 100, methods: [method], currencies: [currency], scenes: [SCENE] },
        // The simulator quotes fees with tiers and caps applied; the quote is taken as a fixed fee.
        fee: { ratePpm: 0, fixedMinor: candidate.feeMinor + candidate.perAttemptMinor, minMinor: 0, maxMinor: null },
        limits: { minMinor: 1, maxMinor: null, dailyMinor: null, perMinute: null },
        settlementDelayMs: 0,
      },
      estimate: (segment) => statistics.estimate(id, segment, nowMs),
      needsBuyerIp: () => false,
      breakerOpen: gate !== 'closed',
      trialDue: gate === 'trial',
      outOfService: false,
      coolingDown: usedUp || throttle.isPaced(id, nowMs),
      quotaUsedUp: usedUp,
      usedTodayMinor: 0,
      startedThisMinute: 0,
    };
  }

  function route(context: DecideContext, triedChannelIds: readonly string[]): Ranking {
    const request: RoutingRequest = {
      amount: { minor: context.amountMinor, currency: context.currency },
      ...{ methods: [context.method], scene: SCENE, buyerIpKnown: true, pinnedChannelId: null },
      ...{ merchantChannels: 'all', triedChannelIds },
    };
    const views = context.candidates.map((candidate) => viewOf(candidate, context));
    return rank(request, views, settings, { now: context.nowMs, random, stance: statistics.exploration.stance });
  }

  function start({ paymentId, method, nowMs }: DecideContext, channelId: string): void {
    underWay.set(`${paymentId}/${channelId}`, statistics.callStarted(channelId, method, nowMs));
  }

  return {
    name: 'switchyard',
    init: ({ seed, marginBps }) => {
      statistics = createStatistics({ settingsOf: () => BREAKER });
      random = seeded(seed);
      settings = { ...settings, marginBps };
    },
    onChannels: () => {},
    decide: (context) => {
      const { choice, candidates } = route(context, []);
      if (!choice) return [];
      const { channelId, noted } = choice;
      const payment = { segment: noted.segment, amountMinor: context.amountMinor, now: context.nowMs };
      statistics.exploration.decided(payment, { ...noted, share: settings.explorationShare });
      statistics.retries.firstTry(context.nowMs);
      start(context, channelId);
      const rest = candidates.filter((one) => one.channelId !== channelId && one.factors !== null);
      const ranked = [
        ...rest.filter((one) => !one.excluded),
        ...rest.filter((one) => one.excluded).sort((a, b) => b.score - a.score),
      ];
      return [channelId, ...ranked.map((one) => one.channelId)];
    },
    next: (context, tried, last) => {
      if (!statistics.retries.mayRetry(last.nowMs)) return null;
      const now = { ...context, nowMs: last.nowMs };
      const { choice } = route(now, tried);
      if (choice) start(now, choice.channelId);
      return choice?.channelId ?? null;
    },
    onCreateResult: (event) => {
      const { channelId, method, currency, amountMinor, nowMs } = event;
      const key = `${event.paymentId}/${channelId}`;
      const ticket = underWay.get(key);
      underWay.delete(key);
      const refusal = event.rejectCode === 'QUOTA' ? 'quota' : 'rate_limit';
      const outcome = event.ok ? 'ok' : event.error === 'rejected' ? refusal : 'failed';
      if (ticket) statistics.callEnded(ticket, outcome, nowMs);
      const segment = { method, currency, band: bandOf(amountMinor, settings.bandEdgesMinor) };
      if (event.ok) statistics.payments.opened(channelId, segment, nowMs, nowMs);
    },
    onOutcome: ({ status, channelId, method, currency, amountMinor, createdMs, nowMs }) => {
      if (status !== 'paid') return;
      const segment = { method, currency, band: bandOf(amountMinor, settings.bandEdgesMinor) };
      statistics.payments.paid(channelId, segment, createdMs, nowMs);
    },
  };
}

/** A small generator (mulberry32), so that a run can be repeated. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
