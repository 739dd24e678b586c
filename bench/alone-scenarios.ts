import { createHash } from 'node:crypto';
import type { Round } from './figures.ts';
import { driveLives } from './lifecycle.ts';
import { closedLoop, type Source } from './loops.ts';
import { measure, until } from './rounds.ts';
import * as scenarios from './scenarios.ts';
import type { Stage } from './stage.ts';
import { cpuMsOf } from './usage.ts';

/** One or more scenarios that are measured in one go, by name. */
export type Scenario = (stage: Stage) => Promise<Readonly<Record<string, Round>>>;

/** How much is asked of a setting in one round. */
export interface Load {
  readonly connections: number;
  readonly forMs: number;
  /** Whole payments of a mixed day, and events that are fanned out. */
  readonly payments: number;
}

/** Addresses of shops among which events are spread. */
const FAN_OUT = 50;
const EPAY_KEY = 'sandbox-epay-key';
/** A database that shares its cores with everything else takes its time. */
const EVENTS_MS_MAX = 60_000;

/** The ids that are asked for: set by whoever creates payments, or filled the store. */
export interface Known {
  ids: readonly string[];
}

function send({ connections, forMs }: Load, stage: Stage, source: Source, windowMs = forMs): Promise<Round> {
  return measure(stage, 'switchyard', source, (pool, each) => closedLoop(pool, each, { connections, forMs: windowMs }));
}

/** New payments, and then their callbacks. */
export function createsAndCallbacks(load: Load, kind: scenarios.Kind, known?: Known): Scenario {
  return async (stage) => {
    const created: string[] = [];
    const create = await send(load, stage, kind.creates(stage, created));
    const payments = created.map(scenarios.readPayment);
    if (known?.ids.length === 0) known.ids = payments.map(({ id }) => id);
    const callback = await callBack(stage, load, kind, payments);
    return { [`create ${kind.name}`]: create, [`callback ${kind.name} + event`]: callback };
  };
}

/** The buyers pay; then the callbacks as the simulator signed them, until the shop has every event. */
export async function callBack(
  stage: Stage,
  { connections }: Load,
  kind: scenarios.Kind,
  payments: readonly scenarios.CreatedPayment[],
): Promise<Round> {
  const { collector } = stage;
  collector.takeCallbacks();
  const expected = collector.eventCount('switchyard') + payments.length;
  await buyersPay(stage, payments, connections);
  await until('callbacks', () => collector.callbackCount() >= kind.noticesEach * payments.length, EVENTS_MS_MAX);
  const notices = scenarios.callbacks('switchyard', collector.takeCallbacks());
  return measure(
    ...([stage, 'switchyard', notices] as const),
    (pool, source) => closedLoop(pool, source, { connections, forMs: EVENTS_MS_MAX }),
    () => until('events', () => collector.eventCount('switchyard') >= expected, EVENTS_MS_MAX),
  );
}

/** What leaves nothing behind. */
export function looks(load: Load, known: Known): readonly Scenario[] {
  return [
    async (stage) => ({ 'query by id': await send(load, stage, scenarios.queries('switchyard', known.ids)) }),
    async (stage) => ({ 'list of 20': await send(load, stage, scenarios.lists()) }),
    async (stage) => ({ quote: await send(load, stage, scenarios.quotes('switchyard')) }),
  ];
}

export function epay(load: Load): Scenario {
  return async (stage) => ({ 'create by epay mapi.php': await send(load, stage, scenarios.epayOrders(stage, sign)) });
}

/** Payments of shops at many addresses; their callbacks come together, and the round ends with the last event. */
export function fanOut(load: Load): Scenario {
  return async (stage) => {
    const shops = Array.from({ length: FAN_OUT }, (_, i) => `fan-${i}`);
    const arrived = (): number => shops.reduce((sum, shop) => sum + stage.collector.eventCount(shop), 0);
    const created: string[] = [];
    let next = 0;
    const source = scenarios.creates(stage, 'switchyard', scenarios.ALIPAY, created, () => `fan-${next++ % FAN_OUT}`);
    const some = { ...source, next: () => (next < load.payments ? source.next() : null) };
    await send(load, stage, some, EVENTS_MS_MAX);
    stage.collector.takeCallbacks();
    // Before anybody pays: the gateway may ask by itself, and then the event comes without its callback.
    const expected = arrived() + created.length;
    await buyersPay(stage, created.map(scenarios.readPayment), FAN_OUT);
    await until('callbacks', () => stage.collector.callbackCount() >= created.length, EVENTS_MS_MAX);
    const captured = scenarios.callbacks('switchyard', stage.collector.takeCallbacks());
    const round = await measure(
      ...([stage, 'switchyard', captured] as const),
      (pool, each) => closedLoop(pool, each, { connections: load.connections, forMs: EVENTS_MS_MAX }),
      () => until('events', () => arrived() >= expected, EVENTS_MS_MAX),
    );
    return { [`events to ${FAN_OUT} addresses`]: round };
  };
}

/** Whole payments over three providers, of which every fifth stays unpaid. Latency: from paying to the event, else of the creation. */
export function mixedDay({ connections, payments }: Load): Scenario {
  return async (stage) => {
    const before = cpuMsOf(stage.gateway.pid);
    const { lives, problems, seconds } = await driveLives(stage, [0, 1, 2, 3], {
      ...{ payments, ratePerS: null, callers: connections, unpaidEvery: 5 },
    });
    const after = cpuMsOf(stage.gateway.pid);
    return {
      'mixed day': {
        ...{ windowMs: seconds * 1_000, goodInWindow: lives.length, failures: problems },
        latenciesMs: lives.map(({ paidToEventMs, createdMs }) => paidToEventMs ?? createdMs),
        cpuMs: before === null || after === null ? null : after - before,
      },
    };
  };
}

/** At the simulator, where the buyers pay. */
async function buyersPay(stage: Stage, payments: readonly scenarios.CreatedPayment[], buyers: number): Promise<void> {
  const paid = await closedLoop(stage.sandboxPool, scenarios.payments(payments), {
    ...{ connections: buyers, forMs: EVENTS_MS_MAX },
  });
  if (paid.failures.size > 0) throw new Error(`payments failed: ${[...paid.failures.keys()].join(', ')}`);
}

/** MD5 over the sorted parameters, as epay clients sign. */
function sign(parameters: Readonly<Record<string, string>>): string {
  const text = Object.keys(parameters)
    .sort()
    .map((name) => `${name}=${parameters[name]}`)
    .join('&');
  return createHash('md5')
    .update(text + EPAY_KEY)
    .digest('hex');
}
