import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { z } from 'zod';
import { LABELS } from '../../src/telemetry/labels.ts';
import { type Started, startGateway } from '../docs/started.ts';
import { eventually } from '../e2e/stage.ts';
import { expressionsOf, readDashboards, readRules } from './dashboards-files.ts';
import { readingOf } from './dashboards-promql.ts';
import { ask, type Server, startPrometheus } from './monitoring.ts';
import { WITH_SERVERS } from './with-servers.ts';

const expressions = expressionsOf(readDashboards());
const program = inject('prometheus');
/** Times of scrapes and rules are this much shorter than in earnest: a scrape every 250 ms. */
const HASTE = 60;
const PATIENCE_MS = 30_000;

/** What Prometheus itself adds. */
const TARGET_LABELS = ['job', 'instance'];
const OF_PROMETHEUS: Readonly<Record<string, readonly string[]>> = {
  up: TARGET_LABELS,
  scrape_duration_seconds: TARGET_LABELS,
  ALERTS: ['alertname', 'alertstate', 'severity', 'channel'],
};

/** Panels about what does not happen in the traffic below. */
const QUIET = [
  'annotation',
  'Firing alerts',
  'Calls that were not ok, per minute', // of the chosen channel; it may be the other one that fails
  'Questions that had to wait, per minute',
  'Second payments of one order, per hour',
  'Deliveries to shops, per minute',
  'Messages of alerts, per hour',
  'Anomalies, per hour',
  'Balance at the provider, in minor units',
  'Daily limit, used', // no channel has one as shipped
  'Store errors since the start',
  'Redis, as each replica reaches it',
  'Configurations in force',
  'Clocks',
  'MongoDB: time of a command',
  'MongoDB: commands, and those that failed',
  'MongoDB: connections',
  'Payments while it takes no new orders, per hour',
  'Channels left out and why, per minute',
  'Configuration: looks at changed files, per hour',
  'Refused requests to the admin listener, per minute',
];

let gateway: Started;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway?.stop());

/** Names and labels as the gateway exposes them; those that have no sample yet as they are declared. */
async function exposed(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const declared: Readonly<Record<string, object>> = LABELS;
  const labels = new Map([...WITH_SERVERS].map(([name, own]) => [name, new Set<string>(own)]));
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const own = Object.keys(declared[name.replace('switchyard_', '')] ?? {});
    const names = type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
    for (const each of names) labels.set(each, new Set(each.endsWith('_bucket') ? [...own, 'le'] : own));
  }
  for (const [, name = '', pairs = ''] of text.matchAll(/^(\w+)\{(.*)\} \S+$/gm)) {
    for (const [, label = ''] of pairs.matchAll(/(\w+)="/g)) labels.get(name)?.add(label);
  }
  return labels;
}

describe('every expression', () => {
  test('names metrics and labels that a gateway, Prometheus or a recording rule has', async () => {
    const known = new Map<string, ReadonlySet<string>>([
      ...Object.entries(OF_PROMETHEUS).map(([name, labels]) => [name, new Set(labels)] as const),
      ...readRules().recorded,
      ...(await exposed()),
    ]);
    const unknown = expressions.flatMap(({ name, expr }) => {
      const { matched, grouped } = readingOf(expr);
      const has = (metric: string, label: string) =>
        known.get(metric)?.has(label) === true || TARGET_LABELS.includes(label);
      return [
        ...[...matched.keys()].filter((metric) => !known.has(metric)),
        ...[...matched].flatMap(([metric, labels]) =>
          [...labels].filter((label) => !has(metric, label)).map((label) => `${metric}{${label}}`),
        ),
        ...[...grouped].filter((label) => ![...matched.keys()].some((metric) => has(metric, label))),
      ].map((what) => `${name}: ${what}`);
    });
    expect(expressions.length).toBeGreaterThan(80);
    expect(unknown).toEqual([]);
  });
});

describe.skipIf('missing' in program)('a Prometheus that watches the gateway', () => {
  let prometheus: Server;
  beforeAll(async () => {
    if ('missing' in program) throw new Error(program.missing);
    prometheus = await startPrometheus(program.path, { target: new URL(gateway.adminUrl).host, factor: HASTE });
    // A series begins with its first event, which no rate sees. With three rounds one of two channels fails twice.
    for (const round of ['A', 'B', 'C']) {
      await traffic(round);
      await scraped();
    }
  });
  afterAll(() => prometheus?.stop());

  /** Waits for a scrape that began after this call, and for the rules after it. */
  async function scraped(): Promise<void> {
    const last = async (): Promise<number> =>
      Number((await ask(prometheus, 'timestamp(up{job="switchyard"})'))[0]?.value[1] ?? 0);
    const before = await last();
    await eventually(async () => (await last()) > before + 1, PATIENCE_MS);
  }

  test('answers each without error', async () => {
    const errors: string[] = [];
    for (const { name, expr } of expressions) {
      await ask(prometheus, filledIn(expr)).catch((thrown: unknown) => errors.push(`${name}: ${String(thrown)}`));
    }
    expect(errors).toEqual([]);
  });

  test('draws something on every panel that ordinary traffic concerns', async () => {
    const empty = new Set<string>();
    for (const { name, expr } of expressions) {
      if ((await ask(prometheus, filledIn(expr))).length === 0) empty.add(name.replace(/^\S+ /, ''));
    }
    expect([...empty].filter((title) => !QUIET.includes(title))).toEqual([]);
  });
});

/** As Grafana fills in its variables. */
function filledIn(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '1h')
    .replaceAll('$channel', 'alipay-main')
    .replaceAll('$merchant', 'm_demo');
}

const paymentSchema = z.looseObject({ id: z.string(), status: z.string(), channel: z.string() });
const attemptsSchema = z.object({ attempts: z.array(z.object({ provider_ref: z.string() })) });

/** One payment that is paid and refunded, one that is declined, one that nobody takes, a failover, a forged callback. */
async function traffic(prefix: string): Promise<void> {
  const paid = await create(`${prefix}-paid`);
  await control(paid, 'pay');
  await eventually(async () => (await api('GET', `/v1/payments/${paid.id}`)).status === 'succeeded', PATIENCE_MS);
  await api('POST', `/v1/payments/${paid.id}/refunds`, { merchant_refund_no: `${prefix}-1` });
  await create(`${prefix}-none`, { amount: 99_999_999 }).catch(() => undefined);
  await faults(paid.channel, { outage: true });
  await create(`${prefix}-failover`);
  await faults(paid.channel, {});
  await fetch(`${gateway.publicUrl}/callbacks/alipay-main`, { method: 'POST', body: 'sign=forged' });
}

async function create(orderNo: string, set: Readonly<Record<string, unknown>> = {}) {
  const order = { merchant_order_no: orderNo, amount: 1000, currency: 'CNY', methods: ['alipay'], scene: 'qr' };
  return paymentSchema.parse(await api('POST', '/v1/payments', { ...order, subject: 'Key', ...set }));
}

async function control(payment: z.output<typeof paymentSchema>, what: 'pay' | 'fail'): Promise<void> {
  const [attempt] = attemptsSchema.parse(payment).attempts;
  await post(`${gateway.sandboxUrl}/_control/channels/${payment.channel}/${what}`, {
    provider_ref: attempt?.provider_ref,
  });
}

function faults(channel: string, set: Readonly<Record<string, unknown>>): Promise<unknown> {
  return post(`${gateway.sandboxUrl}/_control/channels/${channel}/faults`, set);
}

async function api(method: 'GET' | 'POST', path: string, body?: unknown) {
  const headers = { authorization: 'Bearer sk_sandbox_demo', 'content-type': 'application/json' };
  const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  return z.record(z.string(), z.unknown()).parse(await (await fetch(`${gateway.publicUrl}${path}`, init)).json());
}

async function post(url: string, body: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).text();
}
