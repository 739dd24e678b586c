import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { z } from 'zod';
import { anOrder, eventually, openStage, patient, type Stage } from '../e2e/stage.ts';
import { ask, type Server, startPrometheus } from './monitoring.ts';

const OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const PLAIN = 'text/plain; version=0.0.4; charset=utf-8';
/** What Prometheus 2 and 3 send. */
const OF_PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const OF_PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PATIENCE_MS = 30_000;

const prometheus = inject('prometheus');
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
  const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
  const { body } = await stage.api('POST', '/v1/payments', anOrder(stage), headers);
  await stage.control(body.channel, 'pay', { provider_ref: body.attempts[0].provider_ref });
  await eventually(() => stage.shop.eventsOf(body.id)[0]);
});
afterAll(() => stage?.stop());

async function scrape(accept?: string) {
  const headers: Record<string, string> = accept === undefined ? {} : { accept };
  const answer = await fetch(`${stage.gateway().adminUrl}/metrics`, { headers });
  return { type: answer.headers.get('content-type'), text: await answer.text() };
}

/** Names of samples; both formats must make the same. What Node happens to have in hand comes and goes. */
const samplesOf = (text: string): readonly string[] =>
  [...new Set([...text.matchAll(/^((?!nodejs_(?:active|gc)_)[a-z_]+)(?:\{| )/gm)].map(([, name = '']) => name))].sort();

describe('a scrape', () => {
  test.each([
    [OF_PROMETHEUS_2, OPEN],
    [OF_PROMETHEUS_3, OPEN],
    ['application/openmetrics-text', OPEN],
    ['application/openmetrics-text;q=0', PLAIN],
    ['application/openmetrics-text;version=2.0.0', PLAIN],
    ['text/plain;version=0.0.4,application/openmetrics-text;q=0.5', PLAIN],
    ['text/plain', PLAIN],
    ['*/*', PLAIN],
    [',;q=,', PLAIN],
  ])('that accepts %s gets %s', async (accept, type) => {
    expect((await scrape(accept)).type).toBe(type);
  });

  test('in either format, in turn and at once, has the same samples', async () => {
    const before = samplesOf((await scrape()).text);
    const scrapes = await Promise.all([OF_PROMETHEUS_2, 'text/plain', OF_PROMETHEUS_3, 'text/plain'].map(scrape));
    for (const { text } of scrapes) expect(samplesOf(text)).toEqual(before);
    expect(samplesOf((await scrape()).text)).toEqual(before);
    expect(before).toContain('switchyard_payments_total');
    expect(before).toContain('process_cpu_seconds_total');
  });

  test('has exemplars with the trace of the payment, in OpenMetrics alone', async () => {
    const { text } = await scrape(OF_PROMETHEUS_2);
    for (const series of [
      /^switchyard_payments_total\{method="alipay",outcome="succeeded"\}/,
      /^switchyard_channel_request_duration_seconds_bucket\{.*operation="create".*\}/,
      /^switchyard_callback_delay_seconds_bucket\{/,
      /^switchyard_payment_known_seconds_bucket\{.*by="callback".*\}/,
    ]) {
      const lines = text.split('\n').filter((line) => series.test(line) && line.includes(`# {trace_id="${TRACE}"}`));
      expect(lines).toHaveLength(1);
    }
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    expect((await scrape('text/plain')).text).not.toContain(TRACE);
  });
});

describe.skipIf('missing' in prometheus)('a Prometheus that keeps exemplars', () => {
  let server: Server;
  beforeAll(async () => {
    const target = new URL(stage.gateway().adminUrl).host;
    const path = 'path' in prometheus ? prometheus.path : '';
    server = await startPrometheus(path, { target, factor: 30, features: ['exemplar-storage'] });
  });
  afterAll(() => server?.stop());

  const exemplarsSchema = z.object({
    status: z.literal('success'),
    data: z.array(
      z.object({
        seriesLabels: z.record(z.string(), z.string()),
        exemplars: z.array(z.object({ labels: z.record(z.string(), z.string()), value: z.string() })),
      }),
    ),
  });

  test('finds the trace of a payment by the time that its channel took', async () => {
    const query = new URLSearchParams({
      query: 'switchyard_channel_request_duration_seconds_bucket{operation="create"}',
      start: String(Date.now() / 1000 - 600),
      end: String(Date.now() / 1000 + 600),
    });
    const found = await eventually(async () => {
      const answer = await fetch(`${server.url}/api/v1/query_exemplars?${query}`);
      const { data } = exemplarsSchema.parse(await answer.json());
      return data.flatMap(({ exemplars }) => exemplars).find(({ labels }) => labels.trace_id === TRACE);
    }, PATIENCE_MS);
    expect(Number(found.value)).toBeGreaterThanOrEqual(0);
  });

  test('has counters under the names that the rules ask for', async () => {
    const expr = 'switchyard_payments_total{method="alipay",outcome="succeeded"}';
    const [series] = await eventually(async () => {
      const result = await ask(server, expr);
      return result.length > 0 && result;
    }, PATIENCE_MS);
    expect(series?.value[1]).toBe('1');
    expect(await ask(server, 'switchyard_payments{method="alipay"}')).toEqual([]);
  });
});
