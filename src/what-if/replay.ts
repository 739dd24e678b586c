import type { EpochMs } from '../payment/index.ts';
import type { Exclusion } from '../routing/index.ts';
import { type Chance, hashText, skewed } from './chance.ts';
import { createUpcoming } from './heap.ts';
import { openRouter, type Started } from './router-under-test.ts';
import { newTally, type Tally, tallyDecision, tallyExclusions, tallyRefusal, tallyRuleError, wordOf } from './tally.ts';
import type { Order, Setup, SetupMerchant, World } from './types.ts';

export interface ReplayOptions {
  readonly setup: Setup;
  readonly world: World;
  readonly chance: Chance;
  readonly startsAt: EpochMs;
  /** Of a sample that holds every n-th payment. */
  readonly countsFor: number;
  readonly paidBefore: (channelId: string, currency: string, periodStart: EpochMs) => number;
}

/** One configuration that is being tried out. Orders come in the order of time. */
export interface Replay {
  /** `counts` is false while the router only warms up. */
  route(order: Order, counts: boolean): void;
  readonly tally: Tally;
}

/** One payment on its way through the channels. */
interface Journey {
  readonly order: Order;
  readonly merchantChannels: SetupMerchant['channels'];
  readonly startedAt: EpochMs;
  readonly tried: string[];
}

type News =
  | { readonly type: 'answer'; readonly journey: Journey; readonly started: Started; readonly fate: Fate }
  | { readonly type: 'end'; readonly started: Started; readonly isPaid: boolean };

/** What becomes of one payment on one channel: recorded where it was recorded, else drawn. */
interface Fate {
  readonly answer: 'opened' | 'failed' | 'refused';
  readonly latencyMs: number;
  readonly isPaid: boolean;
  readonly endsAfterMs: number;
}

const LATENCY_SPREAD = 0.35;
const DELAY_SPREAD = 0.8;
/** A payment that is not paid is known to be so shortly after its expiry. */
const CLOSING_MS = 2_000;
const ANYTHING: SetupMerchant = { channels: 'all', maxAmountMinor: null };

/**
 * Routes payments one after the other as the gateway would. The router learns from fates that are drawn; what is told in the end is
 * not their sum but what was to be expected at each decision, so that luck does not look like a difference.
 */
export function createReplay({ setup, world, chance, startsAt, countsFor, paidBefore }: ReplayOptions): Replay {
  const tally = newTally();
  const upcoming = createUpcoming<News>();
  const nameHashes = new Map<string, number>();
  const router = openRouter(
    setup,
    {
      ...{ probe, countsFor, paidBefore },
      onRuleError: (rule, why) => tallyRuleError(tally, rule, why),
      needsBuyerIp: (providerId, scene) => world.needsBuyerIp(providerId, scene),
    },
    startsAt,
  );

  function hashOf(name: string): number {
    const known = nameHashes.get(name);
    if (known !== undefined) return known;
    const made = hashText(name);
    nameHashes.set(name, made);
    return made;
  }

  function probe(channelId: string, at: EpochMs): { readonly ok: boolean; readonly latencyMs: number } {
    const method = setup.channels.find(({ profile }) => profile.id === channelId)?.profile.methods[0] ?? '';
    const { failure, latencyMs } = world.behaviour(channelId, method, at);
    const ok = chance(Math.floor(at / 250) | 0, hashOf(channelId), 'probe') >= failure;
    return { ok, latencyMs };
  }

  function passTime(now: EpochMs): void {
    for (let due = upcoming.popDue(now); due; due = upcoming.popDue(now)) {
      router.advance(due.at);
      hear(due.item, due.at);
    }
    router.advance(now);
  }

  function hear(news: News, now: EpochMs): void {
    if (news.type === 'end') {
      router.ended(news.started, news.isPaid, now);
      return;
    }
    const { journey, started, fate } = news;
    router.answered(started, fate.answer, fate.latencyMs, now);
    if (fate.answer === 'opened') {
      upcoming.push(now + fate.endsAfterMs, { type: 'end', started, isPaid: fate.isPaid });
      return;
    }
    const { maxAttempts, budgetMs } = setup.failover;
    const isOver = journey.tried.length >= maxAttempts || now - journey.startedAt >= budgetMs;
    if (fate.answer === 'failed' && !isOver) tryNext(journey, now);
  }

  function tryNext(journey: Journey, now: EpochMs): ReturnType<typeof router.decide> {
    const { order, merchantChannels, tried } = journey;
    const random = (): number => chance(order.key, tried.length, 'explore');
    const ranking = router.decide(order, { merchantChannels, triedChannelIds: [...tried], random }, now);
    if (!ranking.choice) return ranking;
    const { channelId, method } = ranking.choice;
    tried.push(channelId);
    const started = router.start(order, ranking.choice, now);
    const fate = fateOf(order, channelId, method, now);
    upcoming.push(now + fate.latencyMs, { type: 'answer', journey, started, fate });
    return ranking;
  }

  function fateOf(order: Order, channelId: string, method: string, now: EpochMs): Fate {
    const does = world.behaviour(channelId, method, now);
    const name = hashOf(channelId);
    const draw = (purpose: Parameters<Chance>[2]): number => chance(order.key, name, purpose);
    const fails = draw('call') < does.failure;
    const mean = fails ? does.failureLatencyMs : does.latencyMs;
    const spread = skewed(draw('latency'), chance(order.key, name + 1, 'latency'), LATENCY_SPREAD);
    const isPaid = draw('paid') < does.paid;
    const delay = does.paidAfterMs * skewed(draw('delay'), chance(order.key, name + 1, 'delay'), DELAY_SPREAD);
    const drawn: Fate = {
      answer: fails ? 'failed' : draw('call') < does.failure + (1 - does.failure) * does.refusal ? 'refused' : 'opened',
      latencyMs: Math.round(mean * spread),
      isPaid,
      endsAfterMs: isPaid ? Math.round(Math.min(delay, order.expiresInMs)) : order.expiresInMs + CLOSING_MS,
    };
    const recorded = order.tries.find((tried) => tried.channelId === channelId && tried.method === method);
    if (!recorded || recorded.answer === null) return drawn;
    const { answer, latencyMs, outcome, endedAfterMs } = recorded;
    const known = { ...drawn, answer, latencyMs: latencyMs ?? drawn.latencyMs };
    if (outcome === null) return known;
    return { ...known, isPaid: outcome === 'paid', endsAfterMs: endedAfterMs ?? drawn.endsAfterMs };
  }

  return {
    tally,
    route(order, counts) {
      passTime(order.at);
      const merchant = order.merchantId === null ? ANYTHING : setup.merchantOf(order.merchantId);
      const refusal = refusalByMerchant(order, merchant);
      if (!merchant || refusal !== null) {
        if (counts) tallyRefusal(tally, refusal ?? 'merchant_unknown');
        return;
      }
      const journey = { order, merchantChannels: merchant.channels, startedAt: order.at, tried: [] };
      const ranking = tryNext(journey, order.at);
      if (!counts) return;
      const { choice, exclusions } = ranking;
      if (!choice) {
        tallyExclusions(tally, exclusions);
        tallyRefusal(tally, reasonOf(order, exclusions));
        return;
      }
      tallyDecision(
        tally,
        { ...ranking, choice },
        {
          ...{ amount: order.amount, isPinned: order.pinnedChannelId !== null, failover: setup.failover },
          behaviour: (channelId, method) => world.behaviour(channelId, method, order.at),
        },
      );
    },
  };
}

function refusalByMerchant(order: Order, merchant: SetupMerchant | undefined): string | null {
  if (!merchant) return 'merchant_unknown';
  const { maxAmountMinor } = merchant;
  return maxAmountMinor !== null && order.amount.minor > maxAmountMinor ? 'merchant_max_amount' : null;
}

/** The other way round than exclusions are looked for: the channel that came closest to taking the payment says why it did not. */
const FARTHEST_FIRST = ['pinned_elsewhere', 'disabled', 'draining', 'merchant', 'method', 'currency', 'scene'];

function reasonOf(order: Order, exclusions: readonly Exclusion[]): string {
  const byName = exclusions.toSorted((a, b) => (a.channelId < b.channelId ? -1 : 1));
  const asked = byName.filter((one) => order.pinnedChannelId === null || one.channelId === order.pinnedChannelId);
  if (asked.length === 0) return order.pinnedChannelId === null ? 'no_channels' : 'pinned_channel_unknown';
  const closeness = (one: Exclusion): number => {
    const index = FARTHEST_FIRST.indexOf(one.excluded ?? '');
    return index < 0 ? FARTHEST_FIRST.length : index;
  };
  // Who offers another method only was never meant, whatever else the admin says of it.
  const meant = asked.filter((one) => one.method !== null);
  const pool = meant.length > 0 ? meant : asked;
  return wordOf(pool.reduce((closest, one) => (closeness(one) > closeness(closest) ? one : closest)));
}
