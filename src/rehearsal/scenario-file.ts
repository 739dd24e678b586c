import { z } from 'zod';
import {
  type ConfigFault,
  distinctList,
  durationMs,
  PAYMENT_METHODS,
  readYaml,
  section,
  shareRatio,
} from '../config/index.ts';
import { AMOUNT_MINOR_MAX, isCurrency, ok, type Result, SCENES } from '../payment/index.ts';
import { ASSUMED, type Scenario, type ScenarioBehaviour } from '../what-if/index.ts';

/** So many payments are more than any question about routing needs. */
const PAYMENTS_MAX = 500_000;
const PER_MINUTE_MAX = 60_000;
const DEFAULT_START = '2026-01-01T00:00:00Z';

const minor = () => z.int().min(1).max(AMOUNT_MINOR_MAX);
const perMinute = () => z.number().min(0).max(PER_MINUTE_MAX);
const moment = () => durationMs({ min: '0s', max: '7d' });

const behaviour = {
  technical_success: shareRatio().optional(),
  paid_share: shareRatio().optional(),
  latency: durationMs({ min: '0ms', max: '60s' }).optional(),
  failure_latency: durationMs({ min: '0ms', max: '60s' }).optional(),
  paid_after: durationMs({ min: '0s', max: '1d' }).optional(),
};

const streamSchema = z.strictObject({
  per_minute: z.union([
    perMinute(),
    z
      .array(z.strictObject({ from: moment(), per_minute: perMinute() }))
      .min(1)
      .max(1_000),
  ]),
  methods: distinctList(z.enum(PAYMENT_METHODS)),
  currency: z.string().refine(isCurrency, 'is not a currency; write an ISO 4217 code or USDT'),
  scene: z.enum(SCENES).default('redirect'),
  merchant: z.string().min(1).max(64).nullable().default(null),
  expires_in: durationMs({ min: '60s', max: '1d' }).prefault('15m'),
  country: z.string().max(2).nullable().default(null),
  subject: z.string().max(128).default(''),
  metadata: z.record(z.string().max(64), z.string().max(500)).default({}),
  amount: z
    .strictObject({ min: minor(), median: minor(), max: minor(), spread: z.number().min(1).max(100).default(2) })
    .refine(({ min, median, max }) => min <= median && median <= max, 'must have min <= median <= max'),
});

const scenarioSchema = z.strictObject({
  version: z.literal(1),
  name: z.string().min(1).max(200),
  starts_at: z.iso
    .datetime({ offset: true, error: 'must be a time, for example 2026-01-01T18:00:00+08:00' })
    .default(DEFAULT_START),
  duration: durationMs({ min: '1m', max: '7d' }),
  streams: z.record(z.string().min(1).max(64), streamSchema),
  channels: z.record(
    z.string(),
    section({
      ...behaviour,
      changes: z
        .array(z.strictObject({ from: moment(), ...behaviour }))
        .max(1_000)
        .default([]),
    }),
  ),
});

type ScenarioFile = z.output<typeof scenarioSchema>;
type BehaviourFields = Partial<Record<keyof typeof behaviour, number | undefined>>;

/**
 * Reads a scenario, or names every fault with its line.
 * @param channelIds that the live or the proposed configuration has; a scenario that names another one is at fault
 */
export function readScenario(
  file: string,
  text: string,
  channelIds: ReadonlySet<string>,
): Result<Scenario, readonly ConfigFault[]> {
  const read = readYaml(file, text, scenarioSchema, (scenario, fault) => {
    if (Object.keys(scenario.streams).length === 0) fault(['streams'], 'must have at least one entry (name: { ... })');
    for (const [name, { per_minute: rates }] of Object.entries(scenario.streams)) {
      if (typeof rates === 'number') continue;
      if (rates[0]?.from !== 0)
        fault(['streams', name, 'per_minute', 0, 'from'], 'must be 0s: what holds at the beginning?');
      if (!isOrdered(rates)) fault(['streams', name, 'per_minute'], 'must be in the order of time');
    }
    for (const [id, { changes }] of Object.entries(scenario.channels)) {
      if (!channelIds.has(id)) fault(['channels', id], 'is in neither configuration');
      if (!isOrdered(changes)) fault(['channels', id, 'changes'], 'must be in the order of time');
    }
    const expected = expectedPayments(scenario);
    if (expected > PAYMENTS_MAX) {
      fault(['streams'], `make about ${Math.round(expected)} payments; ${PAYMENTS_MAX} are the most`);
    }
  });
  return read.ok ? ok(scenarioOf(read.value)) : read;
}

function isOrdered(entries: readonly { readonly from: number }[]): boolean {
  return entries.every(({ from }, index) => index === 0 || from > (entries[index - 1]?.from ?? 0));
}

function expectedPayments({ streams, duration }: ScenarioFile): number {
  let sum = 0;
  for (const { per_minute: rates } of Object.values(streams)) {
    for (const [index, { fromMs, perMinute: rate }] of ratesOf(rates).entries()) {
      const until = Math.min(duration, ratesOf(rates)[index + 1]?.fromMs ?? duration);
      sum += (Math.max(0, until - fromMs) * rate) / 60_000;
    }
  }
  return sum;
}

function ratesOf(rates: ScenarioFile['streams'][string]['per_minute']): Scenario['streams'][number]['rates'] {
  if (typeof rates === 'number') return [{ fromMs: 0, perMinute: rates }];
  return rates.map(({ from, per_minute: rate }) => ({ fromMs: from, perMinute: rate }));
}

function scenarioOf({ name, starts_at: startsAt, duration, streams, channels }: ScenarioFile): Scenario {
  return {
    ...{ name, startsAt: Date.parse(startsAt), durationMs: duration },
    streams: Object.entries(streams).map(([stream, { country, subject, metadata, ...fields }]) => {
      const { per_minute: rates, amount, merchant, expires_in: expiresInMs, ...rest } = fields;
      return {
        ...{ name: stream, rates: ratesOf(rates), merchantId: merchant, expiresInMs, ...rest },
        said: { country, subject, metadata },
        amount: { minMinor: amount.min, medianMinor: amount.median, maxMinor: amount.max, spread: amount.spread },
      };
    }),
    channels: new Map(
      Object.entries(channels).map(([id, { changes, ...fields }]) => {
        const normal = behaviourOf(fields, ASSUMED);
        const later = changes.map(({ from, ...change }) => ({ fromMs: from, behaviour: behaviourOf(change, normal) }));
        return [id, { normal, changes: later }];
      }),
    ),
  };
}

/** What a change does not name is as in normal times. */
function behaviourOf(fields: BehaviourFields, usual: ScenarioBehaviour): ScenarioBehaviour {
  const {
    technical_success: success,
    paid_share: paid,
    latency,
    failure_latency: failureLatency,
    paid_after: after,
  } = fields;
  return {
    failure: success === undefined ? usual.failure : 1 - success,
    paid: paid ?? usual.paid,
    latencyMs: latency ?? usual.latencyMs,
    failureLatencyMs: failureLatency ?? usual.failureLatencyMs,
    paidAfterMs: after ?? usual.paidAfterMs,
  };
}
