import type { FeeSchedule } from '../../src/payment/index.ts';
import {
  bandOf,
  type CallTicket,
  type ChannelProfile,
  type ChannelView,
  createStatistics,
  DEFAULT_WEIGHTS,
  type Ranking,
  type RoutingRequest,
  type RoutingSettings,
  rank,
  type Statistics,
} from '../../src/routing/index.ts';
import { createContracts } from './contracts.ts';
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
  let contracts = createContracts();

  /** One view per channel, brought up to date for each choice, as the gateway keeps its channels' profiles too. */
  const views = new Map<string, Map<string, View>>();
  let nowMs = 0;

  function viewsFor({ method, currency }: DecideContext): Map<string, View> {
    const known = views.get(`${method}/${currency}`) ?? new Map<string, View>();
    views.set(`${method}/${currency}`, known);
    return known;
  }

  function viewOf(candidate: Candidate, context: DecideContext, known: Map<string, View>): ChannelView {
    const { id, quotaRemainingMinor } = candidate;
    const { technical, throttle } = statistics;
    let view = known.get(id);
    if (!view) {
      view = newView(id, context, (segment) => statistics.estimate(id, segment, nowMs));
      known.set(id, view);
    }
    const gate = technical.gate(id, context.method, nowMs);
    view.quotaUsedUp =
      throttle.isBlocked(id, nowMs) || (quotaRemainingMinor !== null && quotaRemainingMinor < context.amountMinor);
    view.breakerOpen = gate !== 'closed';
    view.trialDue = gate === 'trial';
    view.coolingDown = view.quotaUsedUp || throttle.isPaced(id, nowMs);
    chargeFor(view, candidate, context);
    limit(view, candidate, context);
    return view;
  }

  function chargeFor(view: View, { id, feeMinor, perAttemptMinor }: Candidate, { currency }: DecideContext): void {
    const tiered = contracts.tiersAt(id, nowMs);
    if (tiered) {
      view.profile.fee = tiered.schedule;
      view.tiers = statistics.outlook.volume(id, currency, tiered, nowMs);
      return;
    }
    // Deleting what is not there costs as much as what is: a view would become a slow dictionary.
    if (view.tiers) delete view.tiers;
    // Of channels without tiers the simulator's quote, with its caps, is taken as a fixed fee.
    view.quote.fixedMinor = feeMinor + perAttemptMinor;
    view.profile.fee = view.quote;
  }

  function limit(view: View, candidate: Candidate, { amountMinor, currency }: DecideContext): void {
    const { id, quotaRemainingMinor: leftMinor } = candidate;
    const period = leftMinor === null ? undefined : contracts.quotaPeriodAt(id, nowMs);
    if (leftMinor !== null && period) {
      view.limitPrice = statistics.prices.price(id, { minor: amountMinor, currency }, { leftMinor, period }, nowMs);
    } else if (view.limitPrice !== undefined) delete view.limitPrice;
  }

  function route(context: DecideContext, triedChannelIds: readonly string[]): Ranking {
    const request: RoutingRequest = {
      amount: { minor: context.amountMinor, currency: context.currency },
      ...{ methods: [context.method], scene: SCENE, buyerIpKnown: true, pinnedChannelId: null },
      ...{ merchantChannels: 'all', triedChannelIds },
    };
    ({ nowMs } = context);
    const known = viewsFor(context);
    const seen = context.candidates.map((candidate) => viewOf(candidate, context, known));
    return rank(request, seen, settings, { now: context.nowMs, random, stance: statistics.exploration.stance });
  }

  function start({ paymentId, method, nowMs }: DecideContext, channelId: string): void {
    underWay.set(`${paymentId}/${channelId}`, statistics.callStarted(channelId, method, nowMs));
  }

  return {
    name: 'switchyard',
    init: ({ seed, marginBps, channels }) => {
      statistics = createStatistics({ settingsOf: () => BREAKER });
      random = seeded(seed);
      views.clear();
      contracts = createContracts();
      contracts.note(channels);
      settings = { ...settings, marginBps };
    },
    onChannels: (_nowMs, channels) => contracts.note(channels),
    decide: (context) => {
      const { choice, candidates } = route(context, []);
      if (!choice) return [];
      const { channelId, noted } = choice;
      statistics.decided(context.amountMinor, noted, settings.explorationShare, context.nowMs);
      start(context, channelId);
      return [channelId, ...standIns(channelId, candidates)];
    },
    next: (context, tried, last) => {
      const now = { ...context, nowMs: last.nowMs };
      const { choice } = route(now, tried);
      if (!choice || !statistics.retries.mayFailOver(choice.decision.reason, now.nowMs)) return null;
      start(now, choice.channelId);
      return choice.channelId;
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
    onOutcome: (outcome) => {
      const { status, channelId, method, currency, amountMinor, createdMs, nowMs } = outcome;
      if (status !== 'paid') return;
      contracts.paid(outcome);
      const segment = { method, currency, band: bandOf(amountMinor, settings.bandEdgesMinor) };
      statistics.payments.paid(channelId, segment, createdMs, nowMs);
    },
  };
}

type View = Mutable<Omit<ChannelView, 'profile'>> & {
  readonly profile: Mutable<ChannelProfile>;
  readonly quote: Mutable<FeeSchedule>;
};

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function newView(id: string, { method, currency }: DecideContext, estimate: ChannelView['estimate']): View {
  const quote = { ratePpm: 0, fixedMinor: 0, minMinor: 0, maxMinor: null };
  return {
    quote,
    profile: {
      ...{ id, enabled: true, weight: 100, methods: [method], currencies: [currency], scenes: [SCENE] },
      fee: quote,
      limits: { minMinor: 1, maxMinor: null, dailyMinor: null, perMinute: null },
      settlementDelayMs: 0,
    },
    estimate,
    needsBuyerIp: () => false,
    ...{ breakerOpen: false, trialDue: false, outOfService: false, coolingDown: false, quotaUsedUp: false },
    ...{ usedTodayMinor: 0, startedThisMinute: 0 },
  };
}

/** Who would be asked after the chosen one: the eligible, then those that are out for a while, each best first. */
function standIns(chosenId: string, candidates: Ranking['candidates']): string[] {
  const ids: string[] = [];
  const waiting: Ranking['candidates'][number][] = [];
  for (const one of candidates) {
    if (one.channelId === chosenId || one.factors === null) continue;
    if (one.excluded) waiting.push(one);
    else ids.push(one.channelId);
  }
  for (const one of waiting.sort((a, b) => b.score - a.score)) ids.push(one.channelId);
  return ids;
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
