import type { EpochMs, Scene } from '../payment/index.ts';
import { type Seen, smooth } from './levels.ts';
import type { Behaviour, Evidence, Order, Sighting, World } from './types.ts';

/** A minute at the finest; long periods have longer stretches, so that their number is bounded. */
const STRETCH_MS_MIN = 60_000;
const STRETCHES_MAX = 3_000;
/** How many stretches of calls make one of ends: whether buyers pay shows more slowly. */
const STRETCHES_PER_END = 5;
/** A channel that is shut out is probed, and its probes fail as long as it stays so: worth so many failed calls a stretch. */
const PROBES_PER_STRETCH = 4;
/** The other way round, a channel without calls that is not shut out answers its probes. */
const QUIET_PROBES = 2;
/** So many calls, or orders, of the channels together stand beside what was seen of one. */
const KAPPA_CALLS = 20;
const KAPPA_ORDERS = 20;
const KAPPA_TIMES = 5;
/** Before anything was seen. The paid share is the one that routing assumes of an unknown channel. */
const BLANK = { failure: 0.01, paid: 0.9, latencyMs: 300, failureLatencyMs: 1_000, paidAfterMs: 30_000 };
/** What a disturbance may look like: shares of failing calls, and parts of the usual paid share. */
const FAILURE_LEVELS = [0.1, 0.25, 0.5, 0.8, 0.98];
const PAID_LEVELS = [0.75, 0.5, 0.25, 0.05];
const ROUNDS = 3;
const PAIRS_MAX = 256;

/** Learns from recorded payments how channels behaved; `world()` ends the lesson. Memory is bounded by channels and stretches. */
export interface Lesson {
  observe(order: Order, sightings: readonly Sighting[], withoutIp: readonly string[]): void;
  world(): World;
}

interface Stretch {
  calls: number;
  failures: number;
  latencyMs: number;
  opened: number;
  seen: number;
  shut: number;
}

interface End {
  paid: number;
  unpaid: number;
}

interface Pair {
  readonly channelId: string;
  readonly method: string;
  readonly stretches: Stretch[];
  readonly ends: End[];
  refusals: number;
  failureMs: number;
  failuresTimed: number;
  paidAfterMs: number;
}

/**
 * @param period what the payments were created in, and until when their ends are known: an order that could still be paid then counts
 *   for nothing, or those that pay fast would pass for all
 */
export function learnWorld(period: {
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly knownUntil: EpochMs;
}): Lesson {
  const stretchMs = Math.max(STRETCH_MS_MIN, Math.ceil((period.to - period.from) / STRETCHES_MAX));
  const count = Math.max(1, Math.ceil((period.to - period.from) / stretchMs));
  const pairs = new Map<string, Pair>();
  /** Of a channel as a whole, since its breaker is one for all methods. */
  const glances = new Map<string, { readonly seen: Float64Array; readonly shut: Float64Array }>();
  const ipNeeded = new Set<string>();
  const stretchAt = (at: EpochMs): number =>
    Math.min(count - 1, Math.max(0, Math.floor((at - period.from) / stretchMs)));

  function pairOf(channelId: string, method: string): Pair | undefined {
    const key = keyOf(channelId, method);
    const known = pairs.get(key);
    if (known || pairs.size >= PAIRS_MAX) return known;
    const blank = (): Stretch => ({ calls: 0, failures: 0, latencyMs: 0, opened: 0, seen: 0, shut: 0 });
    const pair = {
      ...{ channelId, method, refusals: 0, failureMs: 0, failuresTimed: 0, paidAfterMs: 0 },
      stretches: Array.from({ length: count }, blank),
      ends: Array.from({ length: Math.ceil(count / STRETCHES_PER_END) }, () => ({ paid: 0, unpaid: 0 })),
    };
    pairs.set(key, pair);
    return pair;
  }

  function observeTry(tried: Order['tries'][number], hasExpired: boolean): void {
    const pair = tried.answer === null ? undefined : pairOf(tried.channelId, tried.method);
    const index = stretchAt(tried.at);
    const stretch = pair?.stretches[index];
    if (!pair || !stretch) return;
    stretch.calls += 1;
    if (tried.answer === 'refused') pair.refusals += 1;
    if (tried.answer === 'failed') {
      stretch.failures += 1;
      pair.failureMs += tried.latencyMs ?? 0;
      if (tried.latencyMs !== null) pair.failuresTimed += 1;
    }
    if (tried.answer !== 'opened') return;
    if (tried.latencyMs !== null) {
      stretch.opened += 1;
      stretch.latencyMs += tried.latencyMs;
    }
    const end = pair.ends[Math.floor(index / STRETCHES_PER_END)];
    if (!end || !hasExpired || tried.outcome === null) return;
    if (tried.outcome === 'unpaid') end.unpaid += 1;
    else {
      end.paid += 1;
      pair.paidAfterMs += tried.endedAfterMs ?? 0;
    }
  }

  function observeGlance({ channelId, at, isShut }: Sighting): void {
    const known = glances.get(channelId);
    if (!known && glances.size >= PAIRS_MAX) return;
    const seen = known ?? { seen: new Float64Array(count), shut: new Float64Array(count) };
    if (!known) glances.set(channelId, seen);
    const index = stretchAt(at);
    seen.seen[index] = (seen.seen[index] ?? 0) + 1;
    if (isShut) seen.shut[index] = (seen.shut[index] ?? 0) + 1;
  }

  return {
    observe(order, sightings, withoutIp) {
      const hasExpired = order.at + order.expiresInMs <= period.knownUntil;
      for (const tried of order.tries) observeTry(tried, hasExpired);
      for (const sighting of sightings) observeGlance(sighting);
      for (const providerId of withoutIp) ipNeeded.add(keyOf(providerId, order.scene));
    },

    world() {
      for (const pair of pairs.values()) {
        const glance = glances.get(pair.channelId);
        for (const [index, stretch] of pair.stretches.entries()) {
          stretch.seen = glance?.seen[index] ?? 0;
          stretch.shut = glance?.shut[index] ?? 0;
        }
      }
      return worldOf([...pairs.values()], ipNeeded, stretchAt);
    },
  };
}

function worldOf(pairs: readonly Pair[], ipNeeded: ReadonlySet<string>, stretchAt: (at: EpochMs) => number): World {
  const everyone = pooled(pairs, BLANK);
  const byMethod = new Map<string, Usual>();
  for (const method of new Set(pairs.map((pair) => pair.method))) {
    byMethod.set(
      method,
      pooled(
        pairs.filter((pair) => pair.method === method),
        everyone,
      ),
    );
  }
  const courses = new Map(
    pairs.map((pair) => [keyOf(pair.channelId, pair.method), courseOf(pair, byMethod.get(pair.method) ?? everyone)]),
  );
  const evidence = new Map<string, Evidence>();
  for (const pair of pairs) {
    const before = evidence.get(pair.channelId);
    const calls = (before?.calls ?? 0) + sum(pair.stretches, (stretch) => stretch.calls);
    const orders = (before?.orders ?? 0) + sum(pair.ends, (end) => end.paid + end.unpaid);
    evidence.set(pair.channelId, { calls, orders, basis: 'recorded' });
  }
  return {
    behaviour(channelId, method, at) {
      const course = courses.get(keyOf(channelId, method));
      return course?.at(stretchAt(at)) ?? { ...(byMethod.get(method) ?? everyone), refusal: 0 };
    },
    evidence: (channelId) => evidence.get(channelId) ?? { calls: 0, orders: 0, basis: 'recorded' },
    needsBuyerIp: (providerId: string, scene: Scene) => ipNeeded.has(keyOf(providerId, scene)),
  };
}

type Usual = Omit<Behaviour, 'refusal'>;

/** What is usual among several: for who was seen little, and as the beginning for who was seen often. */
function pooled(pairs: readonly Pair[], before: Usual): Usual {
  const stretches = pairs.flatMap((pair) => pair.stretches);
  const ends = pairs.flatMap((pair) => pair.ends);
  const opened = sum(stretches, (s) => s.opened);
  const paid = sum(ends, (end) => end.paid);
  // Minutes in which everything failed are outages, and no channel's usual state.
  const calm = stretches.filter((s) => s.failures * 2 < s.calls);
  const failed = sum(pairs, (pair) => pair.failuresTimed);
  return {
    failure: shrunk(
      sum(calm, (s) => s.failures),
      sum(calm, (s) => s.calls),
      before.failure,
      KAPPA_CALLS,
    ),
    paid: shrunk(paid, paid + sum(ends, (end) => end.unpaid), before.paid, KAPPA_ORDERS),
    latencyMs: shrunk(
      sum(stretches, (s) => s.latencyMs),
      opened,
      before.latencyMs,
      KAPPA_TIMES,
    ),
    failureLatencyMs: shrunk(
      sum(pairs, (pair) => pair.failureMs),
      failed,
      before.failureLatencyMs,
      KAPPA_TIMES,
    ),
    paidAfterMs: shrunk(
      sum(pairs, (pair) => pair.paidAfterMs),
      paid,
      before.paidAfterMs,
      KAPPA_TIMES,
    ),
  };
}

/** One channel and method over time. */
function courseOf(pair: Pair, usual: Usual): { at(stretch: number): Behaviour } {
  const failing = failuresOver(pair, usual.failure);
  const paying = paymentsOver(pair, usual.paid);
  const own = pooled([pair], usual);
  const calls = sum(pair.stretches, (s) => s.calls);
  const failures = sum(pair.stretches, (s) => s.failures);
  const refusal = pair.refusals / Math.max(1, calls - failures + KAPPA_CALLS);
  return {
    at(index) {
      const stretch = pair.stretches[index];
      return {
        failure: failing[index] ?? own.failure,
        refusal,
        paid: paying[Math.floor(index / STRETCHES_PER_END)] ?? own.paid,
        latencyMs: shrunk(stretch?.latencyMs ?? 0, stretch?.opened ?? 0, own.latencyMs, KAPPA_TIMES),
        failureLatencyMs: own.failureLatencyMs,
        paidAfterMs: own.paidAfterMs,
      };
    },
  };
}

function failuresOver(pair: Pair, usual: number): Float64Array {
  const seen = pair.stretches.map((s): Seen => {
    const shut = s.seen > 0 ? s.shut / s.seen : 0;
    const quiet = s.calls === 0 && s.seen > 0 ? QUIET_PROBES * (1 - shut) : 0;
    return { hits: s.failures + PROBES_PER_STRETCH * shut, misses: s.calls - s.failures + quiet };
  });
  let normal = clamp(usual);
  let expected: Float64Array = new Float64Array(seen.length);
  // What is normal follows from when it was normal, and the other way round.
  for (let round = 0; round < ROUNDS; round += 1) {
    const smoothed = smooth(seen, [normal, ...FAILURE_LEVELS.filter((level) => level > normal * 1.5)]);
    expected = smoothed.expected;
    const calm = (index: number): number => smoothed.normal[index] ?? 0;
    const failures = sum(pair.stretches, (s, index) => s.failures * calm(index));
    const calls = sum(pair.stretches, (s, index) => s.calls * calm(index));
    normal = clamp(shrunk(failures, calls, usual, KAPPA_CALLS));
  }
  return expected;
}

function paymentsOver(pair: Pair, usual: number): Float64Array {
  const seen = pair.ends.map((end): Seen => ({ hits: end.paid, misses: end.unpaid }));
  let normal = clamp(
    shrunk(
      sum(pair.ends, (e) => e.paid),
      sum(pair.ends, (e) => e.paid + e.unpaid),
      usual,
      KAPPA_ORDERS,
    ),
  );
  let expected: Float64Array = new Float64Array(seen.length);
  for (let round = 0; round < ROUNDS; round += 1) {
    const smoothed = smooth(seen, [normal, ...PAID_LEVELS.map((part) => clamp(part * normal))]);
    expected = smoothed.expected;
    const calm = (index: number): number => smoothed.normal[index] ?? 0;
    const paid = sum(pair.ends, (end, index) => end.paid * calm(index));
    const ended = sum(pair.ends, (end, index) => (end.paid + end.unpaid) * calm(index));
    normal = clamp(shrunk(paid, ended, usual, KAPPA_ORDERS));
  }
  return expected;
}

function shrunk(total: number, count: number, usual: number, kappa: number): number {
  return (total + kappa * usual) / (count + kappa);
}

/** A share that was seen to be 0 or 1 is only close to it. */
function clamp(share: number): number {
  return Math.min(0.999, Math.max(0.0005, share));
}

function sum<T>(items: readonly T[], of: (item: T, index: number) => number): number {
  return items.reduce((total, item, index) => total + of(item, index), 0);
}

function keyOf(first: string, second: string): string {
  return `${first}/${second}`;
}
