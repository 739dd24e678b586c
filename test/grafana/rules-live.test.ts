import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { z } from 'zod';
import { LABELS } from '../../src/telemetry/labels.ts';
import { anOrder, eventually, openStage, type Stage } from '../e2e/stage.ts';
import { readingOf } from './dashboards-promql.ts';
import { ask, type Server, startPrometheus } from './monitoring.ts';
import { readRuleFiles, readRunbooks } from './rule-files.ts';
import { WITH_SERVERS } from './with-servers.ts';

/** What Prometheus adds to everything that it scrapes. */
const OF_TARGETS = ['job', 'instance'];
const OF_ALERTS = ['alertname', 'alertstate'];

const prometheus = inject('prometheus');
const { alerts, records } = readRuleFiles();
const rules = [
  ...alerts.map(({ alert, expr }) => ({ name: alert, expr })),
  ...records.map(({ record, expr }) => ({ name: record, expr })),
];

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.stop());

/** Names and labels as /metrics has them; a counter that has not counted shows no labels, so they are taken as declared. */
async function exposed(): Promise<Map<string, ReadonlySet<string>>> {
  const text = await (await fetch(`${stage.gateway().adminUrl}/metrics`)).text();
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

describe('the rules', () => {
  test('use no metric and no label that nobody has', async () => {
    const known = new Map<string, ReadonlySet<string>>([
      ['up', new Set(OF_TARGETS)],
      ['ALERTS', new Set(OF_ALERTS)],
      ...(await exposed()),
    ]);
    for (const { record, expr } of records) {
      const { matched, grouped } = readingOf(expr);
      // Without a grouping the labels are those of what is recorded.
      const inherited = [...matched.keys()].flatMap((metric) => [...(known.get(metric) ?? [])]);
      known.set(record, new Set([...grouped, ...inherited]));
    }
    const unknown = rules.flatMap(({ name, expr }) => {
      const { matched, grouped } = readingOf(expr);
      const has = (metric: string, label: string) => OF_TARGETS.includes(label) || known.get(metric)?.has(label);
      return [
        ...[...matched.keys()].filter((metric) => !known.has(metric)),
        ...[...matched].flatMap(([metric, labels]) =>
          [...labels].filter((label) => !has(metric, label)).map((label) => `${metric}{${label}}`),
        ),
        ...[...grouped].filter((label) => ![...matched.keys()].some((metric) => has(metric, label))),
      ].map((what) => `${name}: ${what}`);
    });
    expect(unknown).toEqual([]);
  });

  test('name no label value that the program does not know', () => {
    const src = join(import.meta.dirname, '../../src');
    const source = readdirSync(src, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(src, name), 'utf8'))
      .join('\n');
    const words = rules.flatMap(({ name, expr }) =>
      [...expr.matchAll(/(?:method|outcome|operation|position|kind|cause|by|alert)(?:=~|!~|=|!=)"([^"]*)"/g)]
        .flatMap(([, value = '']) => value.split('|'))
        .map((value) => ({ name, value: value.replace(/:?\.[+*]$/, '') })),
    );
    expect(words.length).toBeGreaterThan(40);
    const known = (value: string) => new RegExp(`['"\`]${value}['"\`:]|^ *${value}: `, 'm').test(source);
    expect(words.filter(({ value }) => !known(value))).toEqual([]);
  });

  test('and their runbooks send nobody to a metric that there is not', async () => {
    const there = await exposed();
    const texts = [...readRunbooks().values(), ...alerts.flatMap(({ annotations }) => Object.values(annotations))];
    const named = texts.flatMap((text) => text.match(/(?<![\w:])(switchyard|nodejs|process)_[a-z0-9_]+/g) ?? []);
    const prefixes = [...there.keys()];
    const unknown = [...new Set(named)].filter((name) => !prefixes.some((metric) => metric.startsWith(name)));
    expect(unknown).toEqual([]);
  });
});

describe.skipIf('missing' in prometheus)('a Prometheus that watches a gateway', () => {
  let server: Server;
  beforeAll(async () => {
    await traffic();
    const target = new URL(stage.gateway().adminUrl).host;
    server = await startPrometheus('path' in prometheus ? prometheus.path : '', { target, factor: 30 });
    await eventually(
      async () => (await ask(server, 'count_over_time(up{job="switchyard"}[1m]) > 4')).length > 0,
      30_000,
    );
  });
  afterAll(() => server?.stop());

  /** A failover, a payment that is paid and refunded, one that is refused, a forged callback: so that expressions have data. */
  async function traffic(): Promise<void> {
    await stage.control('alipay-main', 'faults', { outage: true });
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage));
    const { channel, provider_ref } = body.attempts.at(-1);
    await stage.control(channel, 'pay', { provider_ref });
    await eventually(() => stage.shop.eventsOf(body.id)[0]);
    await stage.api('POST', `/v1/payments/${body.id}/refunds`, { merchant_refund_no: 'R1' });
    await stage.api('POST', '/v1/payments', anOrder(stage, { methods: ['usdt'] }));
    await fetch(`${stage.gateway().publicUrl}/callbacks/alipay-main`, { method: 'POST', body: 'sign=forged' });
    await stage.control('alipay-main', 'faults', {});
  }

  test('answers every expression without error', async () => {
    const errors: string[] = [];
    for (const { name, expr } of rules) {
      await ask(server, expr).catch((thrown: unknown) => errors.push(`${name}: ${String(thrown)}`));
    }
    expect(errors).toEqual([]);
  });

  test('evaluates every rule without error', async () => {
    const ruleSchema = z.object({ name: z.string(), health: z.string(), lastError: z.string().optional() });
    const schema = z.object({ data: z.object({ groups: z.array(z.object({ rules: z.array(ruleSchema) })) }) });
    const read = async () => {
      const answer = await fetch(`${server.url}/api/v1/rules`);
      return schema.parse(await answer.json()).data.groups.flatMap((group) => group.rules);
    };
    const evaluated = await eventually(async () => {
      const all = await read();
      return all.every(({ health }) => health !== 'unknown') && all;
    }, 30_000);
    expect(evaluated.length).toBe(rules.length);
    expect(evaluated.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  test('has recorded what the alerts look at', async () => {
    const empty: string[] = [];
    for (const { record } of records) {
      if ((await ask(server, `last_over_time(${record}[1m])`)).length === 0) empty.push(record);
    }
    // What needs a past, a volume or a misfortune that there was none of.
    const quiet =
      /watched|channel_paid|deliveries_reported|refusals|surplus|anomalies|store_errors|config_reloads|alert_notifications|drained_channel/;
    expect(empty.filter((record) => !quiet.test(record))).toEqual([]);
  });
});
