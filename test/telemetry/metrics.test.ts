import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/gateway/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { addGauges, createLogger, createMetrics, createTelemetry, type Metrics } from '../../src/telemetry/index.ts';
import { afterFact, anOrder, aPayment, attemptStarted, NEW_YEAR, paid } from '../contract/payments.ts';
import { scriptChannel } from '../gateway/scripted-channel.ts';
import { openTemporaryStore } from '../store/sqlite/temporary.ts';

/** The table of the wire contract: name, type, labels. */
const CONTRACT: readonly (readonly [string, 'counter' | 'gauge' | 'histogram', readonly string[]])[] = [
  ['payments_total', 'counter', ['method', 'outcome']],
  ['alert_notifications_total', 'counter', ['receiver_kind', 'outcome']],
  ['channel_requests_total', 'counter', ['channel', 'operation', 'outcome']],
  ['channel_request_duration_seconds', 'histogram', ['channel', 'operation']],
  ['channel_success_ratio', 'gauge', ['channel', 'kind']],
  ['channel_score', 'gauge', ['channel']],
  ['channel_info', 'gauge', ['channel', 'provider', 'mode', 'method']],
  ['build_info', 'gauge', ['version']],
  ['shared_state_fallbacks_total', 'counter', []],
  ['store_errors_total', 'counter', ['operation']],
  ['mongo_command_duration_seconds', 'histogram', ['command']],
  ['mongo_command_failures_total', 'counter', ['command']],
  ['store_client_renewals_total', 'counter', []],
  ['admin_refusals_total', 'counter', ['reason']],
  ['trace_spans_total', 'counter', ['outcome']],
  ['channel_weight', 'gauge', ['channel']],
  ['channel_takes_orders', 'gauge', ['channel']],
  ['routing_rule_errors_total', 'counter', ['rule']],
  ['drained_channel_payments_total', 'counter', ['channel']],
  ['channel_breaker_state', 'gauge', ['channel', 'operation']],
  ['channel_balance_minor', 'gauge', ['channel', 'currency']],
  ['channel_daily_used_ratio', 'gauge', ['channel', 'currency']],
  ['channel_balance_updated_timestamp_seconds', 'gauge', ['channel']],
  ['routing_decisions_total', 'counter', ['channel', 'position', 'reason']],
  ['routing_exclusions_total', 'counter', ['channel', 'reason']],
  ['routing_decision_duration_seconds', 'histogram', []],
  ['callbacks_total', 'counter', ['channel', 'outcome']],
  ['callback_delay_seconds', 'histogram', ['channel']],
  ['payment_known_seconds', 'histogram', ['channel', 'by']],
  ['queries_postponed_total', 'counter', ['channel']],
  ['captured_minor_total', 'counter', ['channel', 'currency']],
  ['returned_minor_total', 'counter', ['channel', 'currency', 'cause']],
  ['merchant_payments_total', 'counter', ['merchant', 'outcome']],
  ['payments_unknown_oldest_seconds', 'gauge', []],
  ['payments_undelivered_oldest_seconds', 'gauge', []],
  ['refunds_total', 'counter', ['channel', 'cause', 'outcome']],
  ['refunds_pending', 'gauge', []],
  ['payments_held', 'gauge', []],
  ['webhook_dead', 'gauge', []],
  ['evidence_entries_total', 'counter', ['outcome']],
  ['epay_requests_total', 'counter', ['endpoint', 'outcome']],
  ['webhook_deliveries_total', 'counter', ['outcome']],
  ['webhook_backlog', 'gauge', []],
  ['webhook_oldest_seconds', 'gauge', []],
  ['webhook_endpoints_paused', 'gauge', []],
  ['agenda_lag_seconds', 'gauge', []],
  ['agenda_due', 'gauge', []],
  ['payments_unknown', 'gauge', []],
  ['payments_undelivered', 'gauge', []],
  ['surplus_payments_total', 'counter', ['channel']],
  ['anomalies_total', 'counter', ['kind']],
  ['reconciliation_differences', 'gauge', ['channel', 'kind']],
  ['alert_threshold', 'gauge', ['alert']],
  ['config_reloads_total', 'counter', ['outcome']],
  ['config_last_reload_successful', 'gauge', []],
  ['config_loaded_timestamp_seconds', 'gauge', []],
];

interface Exposition {
  readonly types: ReadonlyMap<string, string>;
  readonly helps: ReadonlySet<string>;
  readonly samples: readonly { readonly name: string; readonly labels: readonly string[]; readonly value: number }[];
}

/** The text format of Prometheus, version 0.0.4. */
async function scrape({ registry }: Metrics): Promise<Exposition> {
  const lines = (await registry.metrics()).split('\n');
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const samples: Exposition['samples'][number][] = [];
  for (const line of lines) {
    const [, comment, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (comment === 'TYPE') types.set(about, rest);
    if (comment === 'HELP') helps.add(about);
    const [, name = '', labels = '', value = ''] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === '' || line.startsWith('#')) continue;
    samples.push({ name, labels: [...labels.matchAll(/([a-z_]+)="/g)].map((m) => m[1] ?? ''), value: Number(value) });
  }
  return { types, helps, samples };
}

const channel = scriptChannel('alipay-main', {}, 1, () => NEW_YEAR).channel;

function observed(set: { store: PaymentStore; channels?: ReadonlyMap<string, Channel> }) {
  const channels = set.channels ?? new Map([[channel.id, channel]]);
  return {
    channels: () => channels,
    breakerState: (_id: string, operation: string) => (operation === 'create' ? 'open' : 'closed') as 'open' | 'closed',
    estimate: () => ({
      ...{ technicalRatio: 0.99, paymentRatio: 0.8, sampleSize: 40, latencyMs: 120 },
      ...{ lostMs: 0, opened: 0, openedAt: 0, lowSince: null, hopeful: false },
    }),
    score: () => 0.5,
    alertThresholds: () => new Map([['success_rate_below', 0.95]]),
    pausedEndpoints: () => 2,
    balances: () =>
      new Map<string, 'no_right' | { at: number; amounts: { currency: string; availableMinor: number }[] }>([
        ['alipay-main', { at: NEW_YEAR, amounts: [{ currency: 'CNY', availableMinor: 100 }] }],
        ['wechatpay-main', 'no_right'],
      ]),
    dailyUse: async () => {
      const use = { currency: 'CNY', usedMinor: 250, limitMinor: 1_000, endsAt: NEW_YEAR + 60_000 };
      return [...channels.keys()].map((channelId) => ({ channelId, ...use }));
    },
    store: set.store,
    now: () => NEW_YEAR + 60_000,
  };
}

function reportOnceOfEach(metrics: Metrics): void {
  const telemetry = createTelemetry(metrics, createLogger('silent'));
  telemetry.paymentOutcome('alipay', 'succeeded');
  telemetry.channelRequest('alipay-main', 'create', 'ok', 250);
  telemetry.routingDecision('alipay-main', 'first', 'best_score', 1);
  telemetry.routingExclusion('alipay-main', 'breaker_open');
  telemetry.callback('alipay-main', 'applied');
  telemetry.callbackDelay('alipay-main', 1_500);
  telemetry.paymentKnown('alipay-main', 'query', 4_000);
  telemetry.queryPostponed('alipay-main');
  telemetry.captured('alipay-main', { minor: 1_000, currency: 'CNY' });
  telemetry.returned('alipay-main', 'merchant', { minor: 300, currency: 'CNY' });
  telemetry.merchantPayment('m_demo', 'created');
  telemetry.refund('alipay-main', 'merchant', 'requested');
  metrics.alertNotifications.inc({ receiver_kind: 'sms', outcome: 'sent' });
  metrics.evidenceEntries.inc({ outcome: 'written' });
  metrics.adminRefusals.inc({ reason: 'wrong_token' });
  metrics.traceSpans.inc({ outcome: 'sent' });
  metrics.storeErrors.inc({ operation: 'insert' });
  metrics.mongoCommandSeconds.observe({ command: 'find' }, 0.002);
  metrics.mongoCommandFailures.inc({ command: 'find' });
  metrics.build.set({ version: '1.2.3' }, 1);
  telemetry.webhookDelivery('delivered');
  telemetry.ruleFailed('canary');
  telemetry.drainedChannelPayment('alipay-main');
  telemetry.epayRequest('mapi', 'ok');
  telemetry.surplusPayment('alipay-main');
  telemetry.anomaly('amount_mismatch');
  metrics.configReloads.inc({ outcome: 'accepted' });
  metrics.differences.set({ channel: 'alipay-main', kind: 'missing' }, 0);
}

describe('the metrics', () => {
  test('are all of the contract, with its types, and each is explained', async () => {
    const temporary = openTemporaryStore();
    const metrics = createMetrics();
    addGauges(metrics, observed({ store: temporary.store }));
    const { types, helps } = await scrape(metrics);
    const declared = [...types].filter(([name]) => name.startsWith('switchyard_'));
    expect(declared.sort()).toEqual(CONTRACT.map(([name, type]) => [`switchyard_${name}`, type]).sort());
    for (const [name] of declared) expect(helps).toContain(name);
    expect(types.get('process_cpu_seconds_total')).toBe('counter');
    await temporary.dispose();
  });

  test.each(CONTRACT)('%s is a %s with the labels %j and no other', async (name, type, labels) => {
    const temporary = openTemporaryStore();
    const metrics = createMetrics();
    addGauges(metrics, observed({ store: temporary.store }));
    reportOnceOfEach(metrics);
    const sampleName = type === 'histogram' ? `switchyard_${name}_count` : `switchyard_${name}`;
    const samples = (await scrape(metrics)).samples.filter((sample) => sample.name === sampleName);
    expect(samples.length).toBeGreaterThan(0);
    for (const sample of samples) expect([...sample.labels].sort()).toEqual([...labels].sort());
    await temporary.dispose();
  });

  test('count in base units: seconds, and a breaker as 0, 1 or 2', async () => {
    const temporary = openTemporaryStore();
    const metrics = createMetrics();
    addGauges(metrics, observed({ store: temporary.store }));
    reportOnceOfEach(metrics);
    const text = await metrics.registry.metrics();
    const lines = text.split('\n');
    const create = 'channel="alipay-main",operation="create"';
    expect(lines).toContain(`switchyard_channel_request_duration_seconds_sum{${create}} 0.25`);
    expect(lines).toContain('switchyard_callback_delay_seconds_sum{channel="alipay-main"} 1.5');
    expect(lines).toContain(`switchyard_channel_breaker_state{${create}} 2`);
    expect(lines).toContain('switchyard_channel_breaker_state{channel="alipay-main",operation="query"} 0');
    expect(lines).toContain('switchyard_alert_threshold{alert="success_rate_below"} 0.95');
    await temporary.dispose();
  });

  test('show what the store knows, and how long it has been waiting', async () => {
    const temporary = openTemporaryStore();
    const first = aPayment(anOrder());
    await temporary.store.insert(first);
    for (const next of paid(first, 'trade-1')) await temporary.store.update(next);
    const second = aPayment(anOrder());
    await temporary.store.insert(second);
    const started = afterFact(second, attemptStarted(second));
    await temporary.store.update(started);
    const error = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', providerCode: null };
    await temporary.store.update(afterFact(started, { type: 'attempt_lost', seq: 1, error, latencyMs: null }));
    const metrics = createMetrics();
    addGauges(metrics, observed({ store: temporary.store }));
    const { samples } = await scrape(metrics);
    const value = (name: string) => samples.find((sample) => sample.name === `switchyard_${name}`)?.value;
    expect({
      unknown: value('payments_unknown'),
      undelivered: value('payments_undelivered'),
      backlog: value('webhook_backlog'),
      oldest: value('webhook_oldest_seconds'),
      due: value('agenda_due'),
      lag: value('agenda_lag_seconds'),
    }).toEqual({ unknown: 1, undelivered: 1, backlog: 1, oldest: 60, due: 2, lag: 60 });
    await temporary.dispose();
  });

  test('of a channel that is gone are gone', async () => {
    const temporary = openTemporaryStore();
    const channels = new Map([[channel.id, channel]]);
    const metrics = createMetrics();
    addGauges(metrics, observed({ store: temporary.store, channels }));
    const gauges = async () => (await metrics.registry.metrics()).split('\n').filter((l) => l.includes(channel.id));
    expect((await gauges()).length).toBeGreaterThan(0);
    channels.clear();
    expect(await gauges()).toEqual([]);
    await temporary.dispose();
  });

  test('are still there when the store is not: what it alone knows reads NaN', async () => {
    const temporary = openTemporaryStore();
    const metrics = createMetrics();
    addGauges(metrics, observed({ store: temporary.store }));
    reportOnceOfEach(metrics);
    await temporary.store.close();
    const { samples } = await scrape(metrics);
    const value = (name: string) => samples.find((sample) => sample.name === `switchyard_${name}`)?.value;
    expect(value('payments_unknown')).toBeNaN();
    expect(value('agenda_due')).toBeNaN();
    expect(value('payments_total')).toBe(1);
    expect(value('channel_breaker_state')).toBe(2);
    await temporary.dispose();
  });
});
