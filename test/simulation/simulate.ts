import type { PaymentStore } from '../../src/store/port.ts';
import type { Line } from './adapter.ts';
import { type News, PROVIDER_KINDS } from './books.ts';
import { createBuyers } from './buyers.ts';
import { createChance } from './chance.ts';
import { type Climate, DAY, drawClimate, MINUTE, SECOND } from './climate.ts';
import { createCourier } from './courier.ts';
import { openEndpoints } from './endpoints.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { judge } from './judge.ts';
import { createMemoryStore, emptyData, type MemoryData, type MemoryStoreOptions, nextClaimAt } from './memory-store.ts';
import { createProvider, type Provider } from './provider.ts';
import { createRecord } from './record.ts';
import { createShops, MERCHANTS } from './shops.ts';
import { EPOCH_MS, inVirtualTime, type VirtualTime } from './time.ts';
import { createWitness } from './witness.ts';
import { createWorld, describe, type World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly payments: number;
  /** Stored documents cannot be changed by whoever holds one; slower. */
  readonly freeze?: boolean;
}

export interface Outcome {
  readonly seed: number;
  readonly climate: Climate;
  /** Empty when everything held. */
  readonly violations: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  /** The same for the same seed and number of payments. */
  readonly hash: string;
  readonly simulatedMs: number;
  readonly steps: number;
  /** What happened to some payments, by id or order number, in order. */
  story(abouts: readonly string[]): readonly string[];
}

/** After this long nothing may be left to do. */
const QUIET_AT_LAST_MS = 40 * DAY;
/** Nothing shorter is skipped. */
const SKIP_MS_MIN = 5 * SECOND;

/** Lives through one world: its load, its storm, the calm after it, and the judgement. */
export async function simulate({ seed, payments, freeze = false }: SimulationOptions): Promise<Outcome> {
  const unhandled: unknown[] = [];
  const onUnhandled = (thrown: unknown): void => void unhandled.push(thrown);
  process.on('unhandledRejection', onUnhandled);
  try {
    return await inVirtualTime(async (time) => {
      const chance = createChance(seed);
      const climate = drawClimate(chance.branch('climate'), payments);
      const record = createRecord(time.now);
      const world = createWorld({ time, climate, record, chance });
      await live(world, payments, freeze);
      for (const thrown of unhandled) record.violated('world', `unhandled rejection: ${describe(thrown)}`);
      const { violations } = record;
      const outcome = { seed, climate, violations, counts: record.counts(), hash: record.hash() };
      return { ...outcome, simulatedMs: time.now(), steps: time.steps(), story: record.storyOf };
    });
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
}

async function live(world: World, payments: number, freeze: boolean): Promise<void> {
  const { time, climate, record } = world;
  const chance = world.chance('world');
  const data = emptyData();
  const providers: Provider[] = [];
  const callsByPayment = new Map<string, number>();
  const witness = createWitness(world, {
    find: (id) => data.rows.get(id)?.payment,
    providers: () => providers,
    clockWasAhead: () => fleet.wasAhead(),
  });
  const lines = PROVIDER_KINDS.map((kind) => {
    // The courier needs the fleet, which needs the providers, which need the courier.
    const news: News = {
      taken: (order) => courier.newsOf(kind).taken(order),
      order: (...given) => courier.newsOf(kind).order(...given),
      refund: (...given) => courier.newsOf(kind).refund(...given),
    };
    const provider = createProvider(world, kind, news);
    providers.push(provider);
    return {
      provider,
      line: openLine(world, callsByPayment, witness.closeAsked, (order) => buyers.ghost(provider, order)),
    };
  });
  const fleet = createFleet(world, {
    openStore: storeOpener({ data, onCommit: witness.committed, freeze }),
    providers: lines,
    merchants: MERCHANTS,
    sendWebhook: openEndpoints(world, witness),
  });
  const courier = createCourier(world, fleet, witness);
  const buyers = createBuyers(world, fleet, witness, providers);
  const shops = createShops(world, fleet, buyers);
  shops.open(payments);
  for (const { provider } of lines) {
    for (let i = 0; i < climate.refunds.emptyBalances; i += 1) {
      time.after(chance.int(0, climate.stormUntil), () =>
        provider.emptyBalance(chance.mostlyShort(MINUTE, 10 * MINUTE)),
      );
    }
  }
  time.after(climate.stormUntil + 12 * MINUTE, witness.looksAround);
  const hasFailed = (): boolean => record.violations.length > 0;
  const course = { isOver: () => hasFailed(), skipTo: createOutlook(time, fleet, data) };
  await time.run({ ...course, isOver: () => hasFailed() || isAtRest(world, fleet, data) });
  if (hasFailed()) return;
  await decideHeldMoney(world, fleet, data, course);
  await time.run({ ...course, isOver: () => hasFailed() || isAtRest(world, fleet, data) });
  record.count(
    'provider orders',
    providers.reduce((sum, { orders }) => sum + orders.size, 0),
  );
  const all = [...data.rows.values()].map(({ payment }) => payment);
  record.count('payments', all.length);
  if (hasFailed()) return;
  judge(world, { payments: all, providers, witness, paymentIds: shops.paymentIds, callsByPayment });
  await end(world, fleet);
}

/** A person decides about most of the money that is held; the rest stays held. */
async function decideHeldMoney(
  world: World,
  fleet: Fleet,
  data: MemoryData,
  course: Parameters<VirtualTime['run']>[0],
): Promise<void> {
  const chance = world.chance('operator');
  let isDone = false;
  world.begin(async () => {
    for (const id of data.rows.keys()) {
      const isHeld = data.rows
        .get(id)
        ?.payment.attempts.some((a) => a.status === 'succeeded' && a.disposition === 'hold');
      if (!isHeld || chance.happens(0.2)) continue;
      const disposition = chance.pick(['keep', 'refund']);
      await fleet.serve('disposition', MINUTE, (gateway) => gateway.disposeMoney(id, disposition));
      world.record.count(`operator: ${disposition}`);
    }
    isDone = true;
  });
  await world.time.run({ ...course, isOver: () => isDone || course.isOver() });
}

/** All processes stop as they should, with nothing left undone. */
async function end(world: World, fleet: Fleet): Promise<void> {
  let isOver = false;
  world.begin(async () => {
    await fleet.end();
    isOver = true;
  });
  await world.time.run({ isOver: () => isOver, skipTo: () => null });
  world.record.must(isOver, 'fleet', 'the processes do not stop');
}

function openLine(
  world: World,
  calls: Map<string, number>,
  closeAsked: (ref: string) => void,
  answerLost: Line['answerLost'],
): Line {
  const chance = world.chance('outages');
  let downUntil = 0;
  for (let i = 0; i < world.climate.outagesPerChannel; i += 1) {
    world.time.after(chance.int(0, world.climate.stormUntil), () => {
      world.record.count('provider outages');
      downUntil = world.time.now() + chance.mostlyShort(5 * SECOND, 8 * MINUTE);
    });
  }
  return {
    isDown: () => world.isStormy() && world.time.now() < downUntil,
    asked: (ref, operation) => {
      const paymentId = `pay_${ref.slice(0, 26)}`;
      calls.set(paymentId, (calls.get(paymentId) ?? 0) + 1);
      if (operation === 'close') closeAsked(ref);
    },
    answerLost,
  };
}

/** Alone, a process opens the store for itself, and what was leased is free; replicas share one. */
function storeOpener(options: MemoryStoreOptions) {
  const shared = createMemoryStore(options);
  return (isAlone: boolean): PaymentStore => (isAlone ? createMemoryStore(options) : shared);
}

/** Answers the next moment at which anything can happen, when nobody works on anything now and it is far away; else null. */
function createOutlook(time: VirtualTime, fleet: Fleet, data: MemoryData): () => number | null {
  // Looking through all payments is dear, so it is not done at every step.
  let lookAgainAt = 0;
  return () => {
    const event = time.nextEventAt();
    const horizon = time.now() + SKIP_MS_MIN;
    if (time.now() < lookAgainAt || (event !== null && event < horizon) || !fleet.isQuiet()) return null;
    lookAgainAt = time.now() + SECOND;
    const wallMs = EPOCH_MS + time.now() + fleet.clockAheadMs();
    for (const { lease } of data.rows.values()) if (lease !== null && lease.until > wallMs) return null;
    const due = nextClaimAt(data);
    const dueAt = due === null ? null : due - EPOCH_MS - fleet.clockAheadMs() - SECOND;
    const next = Math.min(event ?? Number.POSITIVE_INFINITY, dueAt ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(next) && next > horizon ? next : null;
  };
}

/** Nobody plans anything, and nothing is left to do but to remind somebody of held money. It comes to that, or it never will. */
function isAtRest({ time, isStormy }: World, fleet: Fleet, data: MemoryData): boolean {
  if (time.now() > QUIET_AT_LAST_MS) return true;
  if (isStormy() || time.nextEventAt() !== null || !fleet.isQuiet()) return false;
  for (const { payment } of data.rows.values()) {
    if (payment.agenda.some(({ kind }) => kind !== 'remind')) return false;
  }
  return true;
}
