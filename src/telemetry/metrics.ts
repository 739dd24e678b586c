import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LabelledMetric, LabelsOf } from './labels.ts';

type LabelName<N extends LabelledMetric> = Extract<keyof LabelsOf<N>, string>;

interface Counted<N extends LabelledMetric> {
  inc(labels: LabelsOf<N>, value?: number): void;
}

interface Measured<N extends LabelledMetric> {
  set(labels: LabelsOf<N>, value: number): void;
}

/** The trace that an exemplar leads to. */
interface Exemplar {
  readonly exemplarLabels?: { readonly trace_id: string };
}

interface CountedWithTrace<N extends LabelledMetric> {
  inc(counted: Exemplar & { readonly labels: LabelsOf<N> }): void;
}

interface ObservedWithTrace<N extends LabelledMetric> {
  observe(observed: Exemplar & { readonly labels: LabelsOf<N>; readonly value: number }): void;
}

const SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Every metric of `api.md`. Label values are closed sets: channel ids, methods and words, never an id or an amount. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const named = <N extends LabelledMetric>(name: N, help: string, labelNames: LabelName<N>[]) => {
    return { name: `switchyard_${name}`, help, labelNames };
  };
  const counter = <N extends LabelledMetric>(name: N, help: string, labelNames: LabelName<N>[]): Counted<N> =>
    new Counter({ ...named(name, help, labelNames), registers: [registry] });
  const gauge = <N extends LabelledMetric>(name: N, help: string, labelNames: LabelName<N>[]): Measured<N> =>
    new Gauge({ ...named(name, help, labelNames), registers: [registry] });
  const histogram = <N extends LabelledMetric>(name: N, help: string, labelNames: LabelName<N>[], buckets: number[]) =>
    new Histogram({ ...named(name, help, labelNames), buckets, registers: [registry] });
  // A registry of the plain format takes no metric with exemplars when it is made, and shows it without them afterwards.
  const countedWithTrace = <N extends LabelledMetric>(
    name: N,
    help: string,
    labelNames: LabelName<N>[],
  ): CountedWithTrace<N> => {
    const metric = new Counter<string>({ ...named(name, help, labelNames), registers: [], enableExemplars: true });
    registry.registerMetric(metric);
    return metric;
  };
  const histogramWithTrace = <N extends LabelledMetric>(
    name: N,
    help: string,
    labelNames: LabelName<N>[],
    buckets: number[],
  ): ObservedWithTrace<N> => {
    const metric = new Histogram<string>({
      ...{ ...named(name, help, labelNames), buckets, registers: [], enableExemplars: true },
    });
    registry.registerMetric(metric);
    return metric;
  };

  return {
    registry,
    payments: countedWithTrace('payments_total', 'Payments by method and outcome.', ['method', 'outcome']),
    channelRequests: counter('channel_requests_total', 'Calls to channels: ok or the kind of error.', [
      'channel',
      'operation',
      'outcome',
    ]),
    channelRequestSeconds: histogramWithTrace(
      'channel_request_duration_seconds',
      'How long calls to channels took.',
      ['channel', 'operation'],
      SECONDS_BUCKETS,
    ),
    decisions: counter('routing_decisions_total', 'Choices of a channel.', ['channel', 'position', 'reason']),
    exclusions: counter('routing_exclusions_total', 'Channels that could not take a payment, by the reason.', [
      'channel',
      'reason',
    ]),
    decisionSeconds: histogram(
      'routing_decision_duration_seconds',
      'How long a choice took.',
      [],
      [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01],
    ),
    ruleErrors: counter('routing_rule_errors_total', 'Routing rules that could not be evaluated.', ['rule']),
    drainedPayments: counter(
      'drained_channel_payments_total',
      'Payments that arrived on a channel that gets no new orders.',
      ['channel'],
    ),
    callbacks: counter('callbacks_total', "Providers' callbacks by what came of them.", ['channel', 'outcome']),
    callbackDelaySeconds: histogramWithTrace(
      'callback_delay_seconds',
      "From the provider's paid-at to our commit.",
      ['channel'],
      [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600],
    ),
    paymentKnownSeconds: histogramWithTrace(
      'payment_known_seconds',
      'From the buyer paying at the provider to our knowing it, by how it became known.',
      ['channel', 'by'],
      [0.1, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 120, 300, 3600],
    ),
    queriesPostponed: counter('queries_postponed_total', "Questions that had to wait for a channel's request budget.", [
      'channel',
    ]),
    capturedMinor: counter('captured_minor_total', 'Money that came in, in minor units.', ['channel', 'currency']),
    returnedMinor: counter('returned_minor_total', 'Money that went back, in minor units, by cause.', [
      'channel',
      'currency',
      'cause',
    ]),
    merchantPayments: counter('merchant_payments_total', 'Payments by merchant and outcome.', ['merchant', 'outcome']),
    refunds: counter('refunds_total', 'Refunds by cause and outcome.', ['channel', 'cause', 'outcome']),
    webhookDeliveries: counter('webhook_deliveries_total', 'Deliveries of events to merchants.', ['outcome']),
    epayRequests: counter('epay_requests_total', 'Requests by the epay protocol, by what came of them.', [
      'endpoint',
      'outcome',
    ]),
    surplus: counter('surplus_payments_total', 'Second payments of one order.', ['channel']),
    anomalies: counter('anomalies_total', 'Things that must not happen.', ['kind']),
    // Declared so that dashboards and rules can name it; without samples until somebody compares bills.
    differences: gauge('reconciliation_differences', "Differences between a channel's bill and our books.", [
      'channel',
      'kind',
    ]),
    evidenceEntries: counter('evidence_entries_total', 'Entries of the evidence log: written, or dropped.', [
      'outcome',
    ]),
    traceSpans: counter('trace_spans_total', 'Spans that the trace collector has taken, or has not.', ['outcome']),
    sharedFallbacks: counter(
      'shared_state_fallbacks_total',
      'Times that this replica counted by itself because Redis was away.',
      [],
    ),
    storeRenewals: counter(
      'store_client_renewals_total',
      'Times that the client of MongoDB was made anew because it reached its server no more.',
      [],
    ),
    storeErrors: counter('store_errors_total', 'What the store could not do.', ['operation']),
    adminRefusals: counter('admin_refusals_total', 'Requests that the admin listener turned away.', ['reason']),
    alertNotifications: counter('alert_notifications_total', 'Messages of alerts to people.', [
      'receiver_kind',
      'outcome',
    ]),
    build: gauge('build_info', 'Always 1; the label says which version runs.', ['version']),
    configReloads: counter('config_reloads_total', 'Looks at changed files: accepted, refused, unchanged.', [
      'outcome',
    ]),
    configSound: gauge('config_last_reload_successful', '0 while the files hold what was refused, else 1.', []),
    configLoadedSeconds: gauge('config_loaded_timestamp_seconds', 'When the configuration in force was taken.', []),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
